import {
  checkHybridKey,
  type EvidenceAnchor,
  evidenceAnchorsOf,
  type HybridKey,
  type JsonValue,
  TaperError,
  type TrustAnchor,
  trustAnchorsAt,
  type VerifiedAnchors,
} from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';
import { isObject, kindOf, member, parseJsonInput } from './json.ts';
import { importJwk } from './key.ts';
import { type InputText, readInput } from './read.ts';
import { looksLikeDocument, newestOf } from './trust-anchors.ts';

const HINT =
  'An anchors file is JSON: [{"iss": "https://issuer.example", "jwk": {…public key…}}]. `taper root anchor` makes one. A document that `taper anchors fetch` wrote is one too.';

/**
 * Reads the trust anchors of all files together: lists of anchors, and pinned trust-anchor documents, of which those count that count at `now`
 * (`ever`: that counted at any time, to look at the past).
 * @throws {Failure} `anchors_malformed` naming the entry and the member, `anchors_refused`, `key_private`, `key_invalid`, `key_weak`,
 * and as `readInput`.
 */
export async function readAnchors(
  paths: readonly string[],
  session: Session,
  now: number | 'ever' = session.io.clock(),
): Promise<readonly TrustAnchor[]> {
  return readEach(paths, session, parseAnchors, (document, source) => {
    const anchors = trustAnchorsAt(document, now);
    if (anchors.length > 0) return anchors;
    throw malformed(source, 'anchors', 'none of its root keys counts at this time');
  });
}

/** As {@link readAnchors}, for events of the past: every root key that there ever was, with its time. */
export async function readEvidenceAnchors(
  paths: readonly string[],
  session: Session,
): Promise<readonly (TrustAnchor & Partial<EvidenceAnchor>)[]> {
  return readEach<TrustAnchor & Partial<EvidenceAnchor>>(
    paths,
    session,
    parseAnchors,
    evidenceAnchorsOf,
  );
}

async function readEach<Anchor>(
  paths: readonly string[],
  session: Session,
  parse: (value: JsonValue, source: string) => readonly Anchor[],
  take: (document: VerifiedAnchors, source: string) => readonly Anchor[],
): Promise<readonly Anchor[]> {
  const anchors: Anchor[] = [];
  for (const path of paths) {
    const input: InputText = await readInput(path, '--anchors', session);
    const value = parseJsonInput(input);
    if (looksLikeDocument(value)) anchors.push(...take(newestOf(input), input.source));
    else anchors.push(...parse(value, input.source));
  }
  return anchors;
}

/** Trust anchors from JSON: an array of `{"iss", "jwk"}`, with `hybrid` where roots carry a second signature, or an object that holds it as `trust_anchors`. @throws as {@link readAnchors}. */
export function parseAnchors(value: JsonValue, source: string): readonly TrustAnchor[] {
  const list = isObject(value) ? member(value, 'trust_anchors') : value;
  if (!Array.isArray(list)) {
    throw malformed(source, 'trust_anchors', `the list of anchors is ${kindOf(list)}`);
  }
  if (list.length === 0) throw malformed(source, 'trust_anchors', 'the list of anchors is empty');
  return list.map((entry, index) => parseAnchor(entry, source, `trust_anchors[${index}]`));
}

function parseAnchor(entry: JsonValue, source: string, field: string): TrustAnchor {
  if (!isObject(entry)) throw malformed(source, field, `it is ${kindOf(entry)}`);
  for (const name of Object.keys(entry)) {
    // A member that is not understood may be meant to restrict the anchor, so it is not passed over.
    if (name !== 'iss' && name !== 'jwk' && name !== 'hybrid')
      throw malformed(source, field, `it has a member ${quoteText(name)} that is not understood`);
  }
  const issuer = member(entry, 'iss');
  const jwk = member(entry, 'jwk');
  if (typeof issuer !== 'string' || issuer === '')
    throw malformed(source, `${field}.iss`, `it is ${issuer === '' ? 'empty' : kindOf(issuer)}`);
  if (!isObject(jwk)) throw malformed(source, `${field}.jwk`, `it is ${kindOf(jwk)}`);
  const key = importJwk(jwk, `${source}: ${field}.jwk`);
  const hybrid = member(entry, 'hybrid');
  return hybrid === undefined
    ? { issuer, key }
    : { issuer, key, hybrid: parseHybrid(hybrid, source, `${field}.hybrid`) };
}

function parseHybrid(value: JsonValue, source: string, field: string): HybridKey {
  if (!isObject(value)) throw malformed(source, field, `it is ${kindOf(value)}`);
  try {
    return checkHybridKey(value as unknown as HybridKey);
  } catch (cause) {
    if (!(cause instanceof TaperError)) throw cause;
    throw malformed(source, field, 'it is no ML-DSA-65 key: {"alg": "ML-DSA-65", "key": "…"}');
  }
}

function malformed(source: string, field: string, what: string): Failure {
  return new Failure('anchors_malformed', `${source}: ${field}: ${what}`, {
    file: source,
    field,
    hint: HINT,
  });
}

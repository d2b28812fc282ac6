import type { JsonValue, TrustAnchor } from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';
import { isObject, kindOf, member, parseJsonInput } from './json.ts';
import { importJwk } from './key.ts';
import { readInput } from './read.ts';

const HINT =
  'An anchors file is JSON: [{"iss": "https://issuer.example", "jwk": {…public key…}}]. `taper root anchor` makes one.';

/**
 * Reads the trust anchors of all files together.
 * @throws {Failure} `anchors_malformed` naming the entry and the member, `key_private`, `key_invalid`, `key_weak`, and as `readInput`.
 */
export async function readAnchors(
  paths: readonly string[],
  session: Session,
): Promise<readonly TrustAnchor[]> {
  const anchors: TrustAnchor[] = [];
  for (const path of paths) {
    const input = await readInput(path, '--anchors', session);
    anchors.push(...parseAnchors(parseJsonInput(input), input.source));
  }
  return anchors;
}

/** Trust anchors from JSON: an array of `{"iss", "jwk"}`, or an object that holds it as `trust_anchors`. @throws as {@link readAnchors}. */
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
    if (name !== 'iss' && name !== 'jwk')
      throw malformed(source, field, `it has a member ${quoteText(name)} that is not understood`);
  }
  const issuer = member(entry, 'iss');
  const jwk = member(entry, 'jwk');
  if (typeof issuer !== 'string' || issuer === '')
    throw malformed(source, `${field}.iss`, `it is ${issuer === '' ? 'empty' : kindOf(issuer)}`);
  if (!isObject(jwk)) throw malformed(source, `${field}.jwk`, `it is ${kindOf(jwk)}`);
  return { issuer, key: importJwk(jwk, `${source}: ${field}.jwk`) };
}

function malformed(source: string, field: string, what: string): Failure {
  return new Failure('anchors_malformed', `${source}: ${field}: ${what}`, {
    file: source,
    field,
    hint: HINT,
  });
}

import {
  canonicalize,
  checkHybridKey,
  type EvidenceTrust,
  type JsonObject,
  type JsonValue,
  readEvidenceTrust,
  TaperError,
} from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { readEvidenceAnchors } from './anchors.ts';
import { isObject, kindOf, member, parseJsonInput } from './json.ts';
import { readInput } from './read.ts';

/** Whom an auditor believes, as the files say. */
export interface TrustFiles {
  readonly trust: EvidenceTrust;
  /** The policy as one JSON text: what a page takes along. */
  readonly text: string;
}

const HINT =
  'A trust policy is JSON {"taper_trust": 1, "logs": […], "emitters": […], …}; spec/evidence.md section 3 has all members, docs/evidence.md an example.';

/**
 * Reads a trust policy, and adds the root issuers of anchors files to those that it names. Without a policy nothing else is
 * believed.
 *
 * @throws {Failure} `trust_malformed`, `anchors_malformed`, and as `readInput`.
 */
export async function readTrust(
  policy: string | undefined,
  anchorPaths: readonly string[],
  session: Session,
): Promise<TrustFiles> {
  const source = policy === undefined ? '--anchors' : policy;
  const own = policy === undefined ? { taper_trust: 1 } : await readPolicy(policy, session);
  const anchors = await readEvidenceAnchors(anchorPaths, session);
  const listed = member(own, 'anchors');
  if (listed !== undefined && !Array.isArray(listed))
    throw malformed(source, `anchors is ${kindOf(listed)}`);
  const added: JsonValue[] = anchors.map(({ issuer, key, hybrid, notBefore, notAfter }) => ({
    issuer,
    key: key.jwk as unknown as JsonObject,
    ...(hybrid === undefined ? {} : { hybrid: { ...checkHybridKey(hybrid) } }),
    ...(notBefore === undefined ? {} : { not_before: notBefore }),
    ...(notAfter === undefined ? {} : { not_after: notAfter }),
  }));
  const all = [...((listed ?? []) as readonly JsonValue[]), ...added];
  const text = canonicalize(all.length === 0 ? own : { ...own, anchors: all });
  try {
    return { trust: readEvidenceTrust(text), text };
  } catch (thrown) {
    if (thrown instanceof TaperError) throw malformed(source, thrown.message);
    throw thrown;
  }
}

async function readPolicy(path: string, session: Session): Promise<JsonObject> {
  const input = await readInput(path, '--policy', session);
  const value = parseJsonInput(input);
  if (!isObject(value)) throw malformed(input.source, `it is ${kindOf(value)}`);
  return value;
}

function malformed(source: string, what: string): Failure {
  return new Failure('trust_malformed', `${source}: ${what}`, { file: source, hint: HINT });
}

import { platform } from '#crypto';
import type { SignatureCheck } from '../jws.ts';
import { leafHash, verifyInclusion } from '../log-proof/merkle.ts';
import {
  type CheckpointOptions,
  checkpointVerification,
  type LogProblem,
  type LogTrust,
  type VerifiedCheckpoint,
} from '../log-proof/trust.ts';
import { writeEpochRecord } from '../revocation/epoch.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { compareIds, readHash } from './hash.ts';
import { openRevokedProof } from './opening.ts';
import { type RevokedQuery, type Sought, type SoughtIds, soughtIds } from './query.ts';
import { parseStaple } from './staple.ts';

/** What a staple is asked about: a presentation as it was verified, and nothing that the staple says of itself. */
export interface StapleSubject extends RevokedQuery {
  /** `iat` of the oldest token, seconds since the epoch: of a tenant, what is older than a time can be revoked. */
  readonly oldestIssuedAt: number;
}

/** What of a subject is revoked. Of several the first: tokens, then keys, then the tenant. */
export type Revoked =
  | {
      readonly what: 'token' | 'key';
      /** Which of the chains. */
      readonly chain: number;
      /** Its index in the tokens or keys of all chains one after the other. */
      readonly index: number;
    }
  | { readonly what: 'tenant'; readonly index: 0 };

/**
 * Why a staple says nothing: the closed list. As {@link LogProblem}, of its checkpoint, and: `subject_malformed`: no query that a set
 * can be asked; `staple_malformed`: not a staple; `proof_malformed`: its proof is none for this subject's tokens, keys and tenant;
 * `inclusion_invalid`: proof, epoch record and checkpoint do not belong together: the log did not commit to what it shows.
 */
export type StapleProblem =
  | LogProblem
  | 'subject_malformed'
  | 'staple_malformed'
  | 'proof_malformed'
  | 'inclusion_invalid';

export type StapleVerdict =
  | {
      readonly ok: true;
      /** Number of the epoch. */
      readonly epoch: number;
      /** Seconds since the epoch up to which this is known; when it was not revoked then, it may have been since. */
      readonly asOf: number;
      /** Seconds since the epoch by which the log promised its next epoch. */
      readonly nextUpdate: number;
      /** Index of the epoch record in the log. */
      readonly index: number;
      /** `undefined`: nothing of the subject was revoked. */
      readonly revoked: Revoked | undefined;
      readonly checkpoint: VerifiedCheckpoint;
    }
  | { readonly ok: false; readonly problem: StapleProblem };

/**
 * Verifies a staple, bytes or base64url text, against a subject and the log that is believed: whether anything of it was revoked as of the
 * staple's epoch. How old that may be is for the caller to judge by `asOf`, and by `epoch` whether the subject's tokens had seen more.
 * Of a token that had expired a day before `asOf` (`REVOKED_TOKEN_RETENTION`) it says nothing: the set has dropped it.
 *
 * @throws TaperError `option_invalid` when the trust or an option is none; `crypto_asynchronous` in a browser.
 */
export function verifyStaple(
  staple: Uint8Array | string,
  subject: StapleSubject,
  trust: LogTrust,
  options: CheckpointOptions = {},
): StapleVerdict {
  return driveSync(stapleVerification(staple, subject, trust, options));
}

/** As {@link verifyStaple}, where signatures are checked asynchronously; works everywhere. */
export async function verifyStapleAsync(
  staple: Uint8Array | string,
  subject: StapleSubject,
  trust: LogTrust,
  options: CheckpointOptions = {},
): Promise<StapleVerdict> {
  return await driveAsync(stapleVerification(staple, subject, trust, options));
}

/** The verification behind {@link verifyStaple}; yields each signature check to a driver. @throws as that does. */
function* stapleVerification(
  given: Uint8Array | string,
  subject: StapleSubject,
  trust: LogTrust,
  options: CheckpointOptions = {},
): Generator<SignatureCheck, StapleVerdict, boolean> {
  const ids = Number.isFinite(subject.oldestIssuedAt) ? soughtIds(subject) : undefined;
  const staple = parseStaple(given);
  const verdict = yield* checkpointVerification(staple?.checkpoint ?? '', trust, options);
  if (ids === undefined) return failed('subject_malformed');
  if (staple === undefined) return failed('staple_malformed');
  if (!verdict.ok) return verdict;
  const opening = openRevokedProof(staple.proof, ids);
  if (opening === undefined) return failed('proof_malformed');

  // The record is not in the staple: it is written from what the staple says and shows, so nothing of it can be another.
  const { size, root } = verdict.checkpoint;
  const { index, inclusion } = staple;
  const record = { ...staple, size: index, revokedRoot: platform.encodeBase64url(opening.root) };
  const leaf = leafHash(platform.asciiBytes(writeEpochRecord(record)));
  if (!verifyInclusion({ leaf, index, size, proof: inclusion, root }))
    return failed('inclusion_invalid');
  return {
    ok: true,
    epoch: staple.epoch,
    asOf: staple.time,
    nextUpdate: staple.nextUpdate,
    index,
    revoked: findRevoked(subject, ids, opening.present),
    checkpoint: verdict.checkpoint,
  };
}

function findRevoked(
  subject: StapleSubject,
  ids: SoughtIds,
  present: ReadonlyMap<Sought, number>,
): Revoked | undefined {
  if (present.size === 0) return undefined;
  const isPresent = (among: readonly Sought[], text: string): boolean => {
    const found = soughtOf(among, text);
    return found !== undefined && present.has(found);
  };
  let tokens = 0;
  for (const [chain, { tokens: texts }] of subject.chains.entries()) {
    const family = soughtOf(ids.families, texts[0] as string) as SoughtIds['families'][number];
    const at = texts.findIndex((text) => isPresent(family.tokens, text));
    if (at !== -1) return { what: 'token', chain, index: tokens + at };
    tokens += texts.length;
  }
  let keys = 0;
  for (const [chain, { keys: texts }] of subject.chains.entries()) {
    const at = texts.findIndex((text) => isPresent(ids.keys, text));
    if (at !== -1) return { what: 'key', chain, index: keys + at };
    keys += texts.length;
  }
  const issuedBefore = ids.tenants[0] === undefined ? undefined : present.get(ids.tenants[0]);
  return issuedBefore !== undefined && subject.oldestIssuedAt < issuedBefore
    ? { what: 'tenant', index: 0 }
    : undefined;
}

function soughtOf<Id extends Sought>(among: readonly Id[], text: string): Id | undefined {
  const id = readHash(text);
  return id === undefined ? undefined : among.find((each) => compareIds(each.id, id) === 0);
}

function failed(problem: StapleProblem): StapleVerdict {
  return { ok: false, problem };
}

import {
  type IssueOptions,
  issue,
  type LogTrust,
  leafHash,
  noteKey,
  openRevokedProof,
  platform,
  type StapleSubject,
  signCheckpoint,
  soughtIds,
  type VerifiedChain,
  writeCheckpoint,
  writeEpochRecord,
  writeNote,
  writeStaple,
} from '@taper/core';
import { TEST_TIME, testId, testKey } from '@taper/testkit';
import { KEYS, PARTNER } from '../token/office.ts';
import { ISSUER } from '../token/proofs.ts';

const any = { constraint_type: 'wildcard' };
const log = testKey('partner log');
export const LOG = 'log.partner.example';
/** How the partner's revocation log is believed. */
export const LOG_TRUST: LogTrust = {
  origin: LOG,
  keys: [noteKey(LOG, log.publicKey, 1)],
  witnesses: [],
  quorum: 0,
};

let count = 1000;

/** A root of the partner for our desk, made to be brought here, but for what is said. */
export async function partnerRoot(
  options: Partial<IssueOptions> = {},
  { unbound = false }: { unbound?: boolean } = {},
): Promise<VerifiedChain> {
  count += 1;
  return issue({
    issuer: PARTNER,
    signer: KEYS.partner.signer,
    holder: KEYS.desk.publicKey,
    tools: { find_order: { order: any }, drop_order: { order: any } },
    ...(unbound ? {} : { audience: ISSUER }),
    now: TEST_TIME,
    id: testId(count % 256),
    lifetime: 1800,
    maxDepth: 1,
    ...options,
  });
}

/** What a staple says that is as it should be. */
interface StapleChanges {
  readonly time?: number;
  readonly epoch?: number;
  /** Thumbprint of the one key that is revoked. */
  readonly revokedKey?: string;
  readonly signer?: typeof log;
  readonly origin?: string;
}

/** A staple of the partner's log, whose only entry is an epoch record: a set of at most one key. */
export async function stapleFor(
  { chains, tenant, oldestIssuedAt }: StapleSubject,
  { time = TEST_TIME, epoch = 5, revokedKey, signer = log, origin = LOG }: StapleChanges = {},
): Promise<string> {
  const ids = soughtIds({ chains, tenant });
  if (ids === undefined) throw new Error(`no query, ${oldestIssuedAt}`);
  // Bits: an empty tree is 00, a leaf 01, and a tree in which nothing is sought 0. The trees are families, keys, tenants.
  const bits = revokedKey === undefined ? 0 : 0b0001_0000;
  const id = revokedKey === undefined ? [] : [...Buffer.from(revokedKey, 'base64url')];
  const proof = Uint8Array.from([0, 1, bits, ...id]);
  const opening = openRevokedProof(proof, ids);
  if (opening === undefined) throw new Error('no proof');
  const members = { epoch, time, nextUpdate: time + 10, revoked: id.length === 0 ? 0 : 1 };
  const record = writeEpochRecord({
    ...members,
    size: 0,
    revokedRoot: platform.encodeBase64url(opening.root),
  });
  const root = leafHash(new TextEncoder().encode(record));
  const body = writeCheckpoint({ origin, size: 1, root, extensions: [] });
  const checkpoint = writeNote(body, [await signCheckpoint(body, origin, signer.signer)]);
  return Buffer.from(
    writeStaple({ checkpoint, index: 0, inclusion: [], proof, ...members }),
  ).toString('base64url');
}

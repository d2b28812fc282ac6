import { randomFillSync } from 'node:crypto';
import {
  cosign,
  createFrontier,
  type EpochRecord,
  type LogTrust,
  leafHash,
  noteKey,
  platform,
  type RevokedEntry,
  type StapleSubject,
  signCheckpoint,
  writeCheckpoint,
  writeEpochRecord,
  writeNote,
} from '@taper/core';
import type { PublishedEpoch, RevokedSet } from '@taper/log';
import { NOW, signerAt } from './scene.ts';

export const REVOCATION_LOG = 'auth.example.com/revocation';
const WITNESS = 'witness.example.org/w1';

/** Signs checkpoints; the next one cosigns them. */
const logSigner = signerAt(0);
const witnessSigner = signerAt(1);

/** Believes what one witness has cosigned. */
export const LOG_TRUST: LogTrust = {
  origin: REVOCATION_LOG,
  keys: [noteKey(REVOCATION_LOG, logSigner.publicKey, 1)],
  witnesses: [noteKey(WITNESS, witnessSigner.publicKey, 4)],
  quorum: 1,
};

/** What a log has revoked: everybody revokes tokens, or keys, or both. */
export type Mix = 'tokens' | 'keys' | 'half of each';
export const MIXES: readonly Mix[] = ['tokens', 'keys', 'half of each'];

/** An identifier like a hash of a token or a thumbprint of a key. */
function randomId(): string {
  return randomFillSync(Buffer.allocUnsafe(32)).toString('base64url');
}

/** So many revocations. Each token is of a family of its own, as where agents are many. */
export function* revokedEntries(mix: Mix, count: number): Generator<RevokedEntry> {
  for (let made = 0; made < count; made += 1) {
    const isToken = mix === 'tokens' || (mix === 'half of each' && made % 2 === 0);
    yield isToken
      ? { kind: 'token', root: randomId(), token: randomId(), expiresAt: NOW + 3600 + made }
      : { kind: 'key', key: randomId() };
  }
}

/** A chain of so many hops, of which nothing is revoked: its tokens, the anchor's key and its holders', and a tenant. */
export function randomSubject(hops: number): StapleSubject {
  const tokens = Array.from({ length: hops }, randomId);
  const keys = Array.from({ length: hops + 1 }, randomId);
  return { chains: [{ tokens, keys }], tenant: 'acme', oldestIssuedAt: NOW };
}

/**
 * An epoch record at that index of a log, which ends right behind it, under a signed and cosigned checkpoint. What the log holds before is
 * not there: its hashes are random, as far as they show in a proof.
 */
export async function epochAt(index: number, set: RevokedSet): Promise<PublishedEpoch> {
  const record: EpochRecord = {
    epoch: index,
    time: NOW,
    nextUpdate: NOW + 1,
    revokedRoot: platform.encodeBase64url(set.root()),
    size: index,
    revoked: set.size,
  };
  const before = subtreesOf(index).map(() => new Uint8Array(randomFillSync(Buffer.alloc(32))));
  const frontier = createFrontier(index, before);
  frontier.append(leafHash(Buffer.from(writeEpochRecord(record))));
  const body = writeCheckpoint({
    origin: REVOCATION_LOG,
    size: index + 1,
    root: frontier.root(),
  });
  const lines = [
    await signCheckpoint(body, REVOCATION_LOG, logSigner),
    await cosign(body, WITNESS, witnessSigner, NOW),
  ];
  return { record, checkpoint: writeNote(body, lines), inclusion: before.toReversed() };
}

/** The perfect subtrees of a log of that size. */
function subtreesOf(size: number): readonly string[] {
  return [...size.toString(2)].filter((bit) => bit === '1');
}

import { hash } from 'node:crypto';
import {
  cosign,
  type EpochRecord,
  type LogTrust,
  noteKey,
  parseNote,
  type RevokedEntry,
  type StapleSubject,
  writeEpochRecord,
  writeNote,
} from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import { createRevokedSet, type RevokedSet } from '../../src/revoked-set/revoked-set.ts';
import {
  createStaple,
  type PublishedEpoch,
  readPublishedEpoch,
} from '../../src/revoked-set/staple.ts';
import type { Log } from '../../src/writer/log.ts';
import { openLog } from '../../src/writer/open-log.ts';

export const ORIGIN = 'revocation.example.com/2026';
export const WITNESS = 'witness.example.org/w1';

const LOG_KEY = testKey('revocation log');
const WITNESS_KEY = testKey('witness');

/** Believes the log of this scene where one witness, or as many as one likes, has cosigned. */
export const TRUST: LogTrust = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, LOG_KEY.publicKey, 1)],
  witnesses: [noteKey(WITNESS, WITNESS_KEY.publicKey, 4)],
  quorum: 1,
};

/** base64url SHA-256 of a name: stands for a token or a key. */
export function named(name: string): string {
  return hash('sha256', name, 'base64url');
}

/** A chain of three tokens. */
export const SUBJECT: StapleSubject = {
  chains: [
    {
      tokens: ['root', 'middle', 'leaf'].map((name) => named(`token ${name}`)),
      keys: ['anchor', 'planner', 'worker', 'tool'].map((name) => named(`key ${name}`)),
    },
  ],
  tenant: 'acme',
  oldestIssuedAt: TEST_TIME - 600,
};

/** Other people's revocations. */
export const OTHERS: readonly RevokedEntry[] = Array.from({ length: 300 }, (_none, at) =>
  at % 2 === 0
    ? {
        kind: 'token',
        root: named(`root ${at}`),
        token: named(`token ${at}`),
        expiresAt: TEST_TIME + at,
      }
    : { kind: 'key', key: named(`key ${at}`) },
);

/** A real log with epochs. */
export interface Scene {
  readonly log: Log;
  readonly set: RevokedSet;
  /** Adds entries to the set, and publishes an epoch of it. */
  publish(
    entries: readonly RevokedEntry[],
    changes?: Partial<EpochRecord>,
  ): Promise<PublishedEpoch>;
  /** As {@link publish}, and staples the subject. */
  staple(entries: readonly RevokedEntry[], subject?: StapleSubject): Promise<Uint8Array>;
}

export async function openScene(origin: string = ORIGIN): Promise<Scene> {
  const log = await openLog({
    origin,
    signer: LOG_KEY.signer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  const set = createRevokedSet();
  let epoch = 0;
  const publish: Scene['publish'] = async (entries, changes = {}) => {
    for (const entry of entries) {
      set.add(entry);
      await log.append(new TextEncoder().encode(JSON.stringify(entry)));
    }
    epoch += 1;
    const record: EpochRecord = {
      epoch,
      time: TEST_TIME + epoch,
      nextUpdate: TEST_TIME + epoch + 1,
      revokedRoot: Buffer.from(set.root()).toString('base64url'),
      size: log.size,
      revoked: set.size,
      ...changes,
    };
    await log.append(new TextEncoder().encode(writeEpochRecord(record)));
    const { note } = await log.publish();
    return await readPublishedEpoch(log.reader, record, await cosigned(note, record.time));
  };
  return {
    log,
    set,
    publish,
    staple: async (entries, subject = SUBJECT) =>
      createStaple(subject, set, await publish(entries)),
  };
}

/** The note with a line of the witness, which has not looked at it. */
async function cosigned(note: string, time: number): Promise<string> {
  const parsed = parseNote(note);
  if (parsed === undefined) throw new Error('no note');
  const line = await cosign(parsed.text, WITNESS, WITNESS_KEY.signer, time);
  return writeNote(parsed.text, [...parsed.signatures, line]);
}

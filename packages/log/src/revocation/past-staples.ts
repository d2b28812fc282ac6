import {
  type EpochRecord,
  platform,
  type RevocationLogEntry,
  type RevokedQuery,
  readRevocationLogEntry,
  revokedBy,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { LogReader } from '../reader/log-reader.ts';
import { createRevokedSet } from '../revoked-set/revoked-set.ts';
import { createStaple, readPublishedEpoch } from '../revoked-set/staple.ts';

/** The epochs around a time. */
export interface EpochsAround {
  /** The last epoch that is not later; `undefined` where the log began later. */
  readonly before: number | undefined;
  /** The first epoch that is not earlier; `undefined` where the log ends earlier. */
  readonly after: number | undefined;
}

/**
 * Finds the epochs around times (seconds since the epoch), reading the log once.
 * @throws {LogError} `log_corrupt`; whatever the reader throws.
 */
export async function findEpochs(
  reader: LogReader,
  size: number,
  times: readonly number[],
): Promise<readonly EpochsAround[]> {
  const found = times.map((): { before?: number; after?: number } => ({}));
  for await (const { read } of entriesOf(reader, size)) {
    if (read.type !== 'epoch') continue;
    const { epoch, time } = read.record;
    for (const [at, wanted] of times.entries()) {
      const around = found[at] as { before?: number; after?: number };
      if (time <= wanted) around.before = epoch;
      if (time >= wanted) around.after ??= epoch;
    }
    if (found.every(({ after }, at) => after !== undefined && time > (times[at] ?? 0))) break;
  }
  return found.map(({ before, after }) => ({ before, after }));
}

/** A staple of the past that is wanted. */
export interface PastStaple {
  readonly query: RevokedQuery;
  /** Number of the epoch. */
  readonly epoch: number;
}

export interface PastStaplesOptions {
  /** Reads the revocation log under a head that the checkpoint has. */
  readonly reader: LogReader;
  /** Signed note of the log that the staples rest on. */
  readonly checkpoint: string;
  /** Its size. */
  readonly size: number;
  readonly wanted: readonly PastStaple[];
}

/**
 * Makes staples as of epochs that are long over, from the log alone: reads it once, from its first entry, and rebuilds the revoked
 * set. No key of the authority is needed, since each set that is used has the root of its epoch record.
 *
 * @returns in the order of `wanted`; `undefined` for an epoch that the log does not have.
 * @throws {LogError} `log_corrupt` when a set has not the root of its epoch record; whatever the reader throws.
 */
export async function createPastStaples({
  reader,
  checkpoint,
  size,
  wanted,
}: PastStaplesOptions): Promise<readonly (Uint8Array | undefined)[]> {
  const made = new Array<Uint8Array | undefined>(wanted.length).fill(undefined);
  const last = wanted.reduce((latest, { epoch }) => Math.max(latest, epoch), 0);
  const epochs = new Set(wanted.map(({ epoch }) => epoch));
  const set = createRevokedSet();

  async function serve(record: EpochRecord, index: number): Promise<void> {
    set.prune(record.time);
    if (platform.encodeBase64url(set.root()) !== record.revokedRoot)
      throw corrupt(index, 'the revoked set is not that of the epoch record');
    const published = await readPublishedEpoch(reader, record, checkpoint);
    for (const [at, { query, epoch }] of wanted.entries())
      if (epoch === record.epoch) made[at] = createStaple(query, set, published);
  }

  if (last === 0) return made;
  for await (const { index, read } of entriesOf(reader, size)) {
    if (read.type === 'revocation') for (const each of revokedBy(read.entry)) set.add(each);
    if (read.type !== 'epoch') continue;
    if (epochs.has(read.record.epoch)) await serve(read.record, index);
    if (read.record.epoch >= last) break;
  }
  return made;
}

async function* entriesOf(
  reader: LogReader,
  size: number,
): AsyncGenerator<{ readonly index: number; readonly read: RevocationLogEntry }> {
  for await (const { index, entry } of reader.entries(0, size)) {
    const read = readRevocationLogEntry(entry);
    if (read.type === 'malformed') throw corrupt(index, read.problem);
    yield { index, read };
  }
}

function corrupt(index: number, reason: string): LogError {
  return new LogError('log_corrupt', `entry ${index}`, `The revocation log is wrong: ${reason}.`, {
    hint: 'Run `taper revocation audit` to see what else is.',
  });
}

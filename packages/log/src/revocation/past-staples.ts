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
  const order = times.map((_, at) => at).sort((a, b) => timeAt(a) - timeAt(b));
  const before = new Array<number | undefined>(times.length);
  const after = new Array<number | undefined>(times.length);
  /** How many of the times, in order, have their epoch on that side. */
  let settledBefore = 0;
  let settledAfter = 0;
  let last: number | undefined;

  function timeAt(at: number | undefined): number {
    return times[at as number] as number;
  }

  // Times of epochs never fall, so each of the times is looked at twice, however many epochs there are.
  for await (const { read } of entriesOf(reader, size)) {
    if (read.type !== 'epoch') continue;
    const { epoch, time } = read.record;
    for (; settledBefore < order.length && timeAt(order[settledBefore]) < time; settledBefore += 1)
      before[order[settledBefore] as number] = last;
    for (; settledAfter < order.length && timeAt(order[settledAfter]) <= time; settledAfter += 1)
      after[order[settledAfter] as number] = epoch;
    last = epoch;
    if (settledBefore === order.length) break;
  }
  for (const at of order.slice(settledBefore)) before[at] = last;
  return times.map((_, at) => ({ before: before[at], after: after[at] }));
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
  /** Positions in `wanted` by epoch. */
  const places = new Map<number, number[]>();
  for (const [at, { epoch }] of wanted.entries()) {
    const known = places.get(epoch);
    if (known === undefined) places.set(epoch, [at]);
    else known.push(at);
  }
  const set = createRevokedSet();

  async function serve(record: EpochRecord, index: number): Promise<void> {
    set.prune(record.time);
    if (platform.encodeBase64url(set.root()) !== record.revokedRoot)
      throw corrupt(index, 'the revoked set is not that of the epoch record');
    const published = await readPublishedEpoch(reader, record, checkpoint);
    for (const at of places.get(record.epoch) ?? [])
      made[at] = createStaple((wanted[at] as PastStaple).query, set, published);
  }

  if (last === 0) return made;
  for await (const { index, read } of entriesOf(reader, size)) {
    if (read.type === 'revocation') for (const each of revokedBy(read.entry)) set.add(each);
    if (read.type !== 'epoch') continue;
    if (places.has(read.record.epoch)) await serve(read.record, index);
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

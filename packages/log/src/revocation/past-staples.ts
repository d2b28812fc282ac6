import {
  type EpochRecord,
  platform,
  type RevokedQuery,
  readRevocationLogEntry,
  revokedBy,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { LogReader } from '../reader/log-reader.ts';
import { createRevokedSet } from '../revoked-set/revoked-set.ts';
import { createStaple, readPublishedEpoch } from '../revoked-set/staple.ts';

/** A staple of the past that is wanted. */
export interface PastStaple {
  readonly query: RevokedQuery;
  /** Seconds since the epoch: as of the first epoch that is not earlier. */
  readonly time: number;
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
 * @returns in the order of `wanted`; `undefined` where the log ends before such an epoch.
 * @throws {LogError} `log_corrupt` when a set has not the root of its epoch record; whatever the reader throws.
 */
export async function createPastStaples({
  reader,
  checkpoint,
  size,
  wanted,
}: PastStaplesOptions): Promise<readonly (Uint8Array | undefined)[]> {
  const made = new Array<Uint8Array | undefined>(wanted.length).fill(undefined);
  const order = wanted.map((_, at) => at).sort((a, b) => timeOf(a) - timeOf(b));
  const set = createRevokedSet();
  let next = 0;

  function timeOf(at: number): number {
    return (wanted[at] as PastStaple).time;
  }

  async function serve(record: EpochRecord, index: number): Promise<void> {
    set.prune(record.time);
    if (platform.encodeBase64url(set.root()) !== record.revokedRoot)
      throw corrupt(index, 'the revoked set is not that of the epoch record');
    const epoch = await readPublishedEpoch(reader, record, checkpoint);
    for (; next < order.length && timeOf(order[next] as number) <= record.time; next += 1) {
      const at = order[next] as number;
      made[at] = createStaple((wanted[at] as PastStaple).query, set, epoch);
    }
  }

  for await (const { index, entry } of reader.entries(0, size)) {
    if (next === order.length) break;
    const read = readRevocationLogEntry(entry);
    if (read.type === 'malformed') throw corrupt(index, read.problem);
    if (read.type === 'revocation') for (const each of revokedBy(read.entry)) set.add(each);
    if (read.type === 'epoch' && read.record.time >= timeOf(order[next] as number))
      await serve(read.record, index);
  }
  return made;
}

function corrupt(index: number, reason: string): LogError {
  return new LogError('log_corrupt', `entry ${index}`, `The revocation log is wrong: ${reason}.`, {
    hint: 'Run `taper revocation audit` to see what else is.',
  });
}

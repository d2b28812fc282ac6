import { join } from 'node:path';
import type { Log } from '@taper/log';
import { newEntries, openLogFolder } from './log-folder.ts';
import { median } from './measure.ts';
import { type DiskStep, replaySteps, traceDisk } from './traced-disk.ts';

export interface AppendEffort {
  readonly rounds: number;
  /** Entries of one round. */
  readonly entries: number;
  /** Bytes of an entry: an audit event has about 1,000. */
  readonly bytes: number;
  /** Appends that wait at the same time. */
  readonly width: number;
}

export interface AppendFigure extends AppendEffort {
  /** Entries that become durable in a second; median of the rounds, as all that follows. */
  readonly perSecond: number;
  /** The same bytes and syncs, alone. */
  readonly rawPerSecond: number;
  /** Seconds of a round to seconds of its bytes and syncs alone. */
  readonly ratio: number;
  /** Seconds of processor time to seconds of a round. */
  readonly processor: number;
  /** Bytes that are written for each entry, and syncs of a round. */
  readonly bytesWritten: number;
  readonly syncs: number;
  /** From an append until it is durable, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Appends to a log, so many at a time, with a checkpoint each second; and what they ask of the disk, alone. */
export async function measureAppends(folder: string, effort: AppendEffort): Promise<AppendFigure> {
  const { disk, take } = traceDisk();
  const { log, close } = await openLogFolder(join(folder, `appends-${effort.width}`), disk);
  const publishing = setInterval(() => void log.publish(), 1000);
  const rounds: Round[] = [];
  try {
    // The round before the first does not count.
    for (let round = -1; round < effort.rounds; round += 1) {
      take();
      const found = await appendAll(log, effort);
      const steps = take();
      const raw = await replaySteps(folder, steps);
      if (round >= 0) rounds.push({ ...found, steps, raw });
    }
  } finally {
    clearInterval(publishing);
    await close();
  }
  const { entries } = effort;
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  const took = rounds.flatMap((round) => [...round.took]).sort((one, other) => one - other);
  return {
    ...effort,
    perSecond: middle(({ seconds }) => entries / seconds),
    rawPerSecond: middle(({ raw }) => entries / raw),
    ratio: middle(({ seconds, raw }) => seconds / raw),
    processor: middle(({ seconds, processor }) => processor / seconds),
    bytesWritten: middle(
      ({ steps }) => steps.reduce<number>((sum, step) => sum + (Number(step) || 0), 0) / entries,
    ),
    syncs: middle(({ steps }) => steps.filter((step) => typeof step === 'string').length),
    p50: took[Math.floor(0.5 * (took.length - 1))] ?? NaN,
    p99: took[Math.floor(0.99 * (took.length - 1))] ?? NaN,
  };
}

interface Appended {
  readonly seconds: number;
  /** Seconds of processor time. */
  readonly processor: number;
  /** Milliseconds of each append. */
  readonly took: Float64Array;
}

interface Round extends Appended {
  readonly steps: readonly DiskStep[];
  /** Seconds. */
  readonly raw: number;
}

/** Each of those who wait appends its next entry when the one before is durable. */
async function appendAll(log: Log, effort: AppendEffort): Promise<Appended> {
  const entries = newEntries(effort.entries, effort.bytes);
  const took = new Float64Array(entries.length);
  let next = 0;
  async function appendOn(): Promise<void> {
    while (next < entries.length) {
      const at = next;
      next += 1;
      const began = performance.now();
      await log.append(entries[at] as Uint8Array);
      took[at] = performance.now() - began;
    }
  }
  const before = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: effort.width }, appendOn));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, processor: (user + system) / 1e6, took };
}

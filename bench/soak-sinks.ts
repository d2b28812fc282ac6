// An hour's worth of decisions through stores and audit log on SQLite, as fast as they can be written: latency must not
// grow with what the files hold. node --conditions=@taper/source bench/soak-sinks.ts [--decisions N]
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './measure.ts';
import { pointWith, sqlitePorts } from './ports.ts';
import { createTraffic, judgeAll } from './soak-calls.ts';

/** Parts of a run that are compared. */
const PARTS = 10;

/** By how much the median latency may grow from the first part to the last. */
const ALLOWED_GROWTH = 1.2;

/** Calls under way at the same time. */
const WAVE = 50;

const CALLS_PER_SECOND = 100;

/** Decisions before the first part: the engine optimizes. */
const WARM_UP = 5_000;

const { values } = parseArgs({ options: { decisions: { type: 'string', default: '360000' } } });
const decisions = Number(values.decisions);
if (!Number.isSafeInteger(decisions) || decisions < PARTS * WAVE) {
  console.error('--decisions takes a whole number from 500 on.');
  process.exit(2);
}
process.exitCode = await soak();

async function soak(): Promise<number> {
  const traffic = createTraffic({
    callsPerSecond: CALLS_PER_SECOND,
    callsPerChain: 1000,
    inSessions: false,
  });
  const ports = sqlitePorts(true, traffic.now);
  try {
    const point = pointWith(ports.options, traffic.now);
    for (let judged = 0; judged < WARM_UP; judged += WAVE)
      await judgeAll(point, await traffic.prepare(point, WAVE));
    const medians: number[] = [];
    let took: number[] = [];
    let busy = 0;
    console.log('decisions   p50 ms   p99 ms  decisions/s   stores MB   journal MB');
    for (let judged = 0; judged < decisions; ) {
      const calls = await traffic.prepare(point, WAVE);
      const start = performance.now();
      took.push(...(await judgeAll(point, calls)));
      busy += performance.now() - start;
      judged += WAVE;
      if (judged < ((medians.length + 1) * decisions) / PARTS) continue;
      const sorted = took.toSorted((one, other) => one - other);
      const p99 = sorted[Math.floor(0.99 * (sorted.length - 1))] ?? NaN;
      medians.push(median(sorted));
      console.log(
        [
          String(judged).padStart(9),
          (medians.at(-1) ?? NaN).toFixed(2).padStart(9),
          p99.toFixed(2).padStart(9),
          ((took.length * 1000) / busy).toFixed(0).padStart(13),
          megabytes(join(ports.folder, 'stores.db')).padStart(12),
          megabytes(join(ports.folder, 'stores.db-wal')).padStart(13),
        ].join(''),
      );
      took = [];
      busy = 0;
    }
    const growth = growthOf(medians);
    const isSteady = growth <= ALLOWED_GROWTH;
    const ends = (medians.at(-1) ?? NaN) / (medians[0] ?? NaN);
    console.log(`last part to first: ${ends.toFixed(2)}`);
    console.log(
      `growth over the run: ${growth.toFixed(2)}, at most ${ALLOWED_GROWTH}: ${isSteady ? 'steady' : 'GROWING'}`,
    );
    return isSteady ? 0 : 1;
  } finally {
    ports.close();
  }
}

/**
 * The last value to the first of the line through all of them whose slope is the median of the slopes between any two
 * (Theil and Sen): a part in which the machine had other work does not decide, be it the first or the last.
 */
function growthOf(values: readonly number[]): number {
  const slopes = values.flatMap((value, index) =>
    values.slice(0, index).map((earlier, before) => (value - earlier) / (index - before)),
  );
  const slope = median(slopes);
  const start = median(values.map((value, index) => value - slope * index));
  return 1 + (slope * (values.length - 1)) / start;
}

function megabytes(path: string): string {
  return (statSync(path).size / 2 ** 20).toFixed(1);
}

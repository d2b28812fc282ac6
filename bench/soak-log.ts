// How fast entries become durable in a log, beside what the disk does alone, and what becomes slower when it holds millions.
// In a temporary folder, which needs about 2 GB. node --conditions=@taper/source bench/soak-log.ts [--entries N] [--json FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type AppendFigure, measureAppends } from './log-appends.ts';
import { type GrowthFigures, measureGrowth } from './log-growth.ts';

/** Entries that have to become durable in a second. */
const LEAST_RATE = 20_000;

/** By how much whatever is asked of a log may become slower when it holds a hundred times as much. */
const ALLOWED_GROWTH = 2;

/** A hundredth of the large log. */
const SMALL = 0.01;

/** What `--json` writes. */
export interface LogResults {
  readonly version: 1;
  readonly appends: readonly AppendFigure[];
  readonly growth: GrowthFigures;
}

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '5000000' },
    /** Where to write the results for machines. */
    json: { type: 'string' },
  },
});
const entries = Number(values.entries);
if (!Number.isSafeInteger(entries) || entries < 1000) {
  console.error('--entries takes a whole number from 1000 on.');
  process.exit(2);
}
process.exitCode = await soak();

async function soak(): Promise<number> {
  const isLong = entries >= 1_000_000;
  const folder = mkdtempSync(join(tmpdir(), 'taper-soak-log-'));
  const load = loadavg()[0] ?? 0;
  try {
    const bytes = 1000;
    const appends: AppendFigure[] = [];
    console.log(`appends of ${bytes} bytes`);
    console.log('at a time  entries/s  raw disk/s  ratio  processor   p50 ms   p99 ms');
    for (const width of isLong ? [4096, 256, 1] : [64, 1]) {
      const perRound = isLong ? Math.min(100_000, 60 * width) : 4 * width;
      const effort = { rounds: isLong ? 5 : 1, entries: perRound, bytes, width };
      const figure = await measureAppends(folder, effort);
      appends.push(figure);
      printAppends(figure);
    }
    const growth = await measureGrowth(folder, {
      sizes: [Math.round(SMALL * entries), entries],
      bytes: 100,
      rounds: isLong ? 15 : 1,
      appends: isLong ? 10_000 : 100,
      proofs: isLong ? 100 : 5,
      progress: (text) => console.error(text),
    });
    printGrowth(growth);
    const rate = appends[0]?.perSecond ?? 0;
    const { ratios } = growth;
    const { prove, verify, publish, restart, restartUnpublished } = ratios;
    const growths = [1 / ratios.appendsPerSecond, prove, verify, publish, restart];
    const worst = Math.max(...growths, restartUnpublished);
    const isFast = rate >= LEAST_RATE;
    const isSteady = worst <= ALLOWED_GROWTH;
    console.log(
      `\n${rate.toFixed(0)} durable appends a second, at least ${LEAST_RATE}: ${isFast ? 'pass' : 'MISS'}`,
    );
    console.log(
      `worst growth at 100 times the size: ${worst.toFixed(2)}, at most ${ALLOWED_GROWTH}: ${isSteady ? 'steady' : 'GROWING'}`,
    );
    console.log(`load ${load.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after`);
    const results: LogResults = { version: 1, appends, growth };
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
    return isFast && isSteady ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function printAppends(figure: AppendFigure): void {
  const { width, perSecond, rawPerSecond, ratio, processor, p50, p99 } = figure;
  console.log(
    [
      `${width}`.padStart(9),
      perSecond.toFixed(0).padStart(11),
      rawPerSecond.toFixed(0).padStart(12),
      ratio.toFixed(2).padStart(7),
      processor.toFixed(2).padStart(11),
      p50.toFixed(2).padStart(9),
      p99.toFixed(2).padStart(9),
    ].join(''),
  );
  console.log(
    `           ${figure.bytesWritten.toFixed(0)} bytes written for an entry, ` +
      `${(figure.entries / figure.syncs).toFixed(1)} entries to a sync`,
  );
}

function printGrowth({ small, large, ratios }: GrowthFigures): void {
  const rows: readonly [string, keyof typeof ratios, number][] = [
    ['appended a second, in runs', 'appendsPerSecond', 0],
    ['publish, ms', 'publish', 1],
    ['inclusion proof, µs', 'prove', 0],
    ['  its hashes', 'hashes', 0],
    ['  checking it, µs', 'verify', 1],
    ['restart until durable, ms', 'restart', 1],
    ['  with 10,000 not in tiles', 'restartUnpublished', 1],
  ];
  console.log(`\n${`${small.entries}`.padStart(38)}${`${large.entries}`.padStart(12)}       ratio`);
  for (const [name, member, digits] of rows) {
    const [one, other] = [small, large].map((each) => each[member].toFixed(digits).padStart(12));
    console.log(`${name.padEnd(26)}${one}${other}${ratios[member].toFixed(2).padStart(12)}`);
  }
}

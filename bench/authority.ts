// What the authority costs: issuing roots and exchanging tokens, a crowd of agents, and what a verifier pays for what it adds.
// node --expose-gc --conditions=@taper/source bench/authority.ts [--quick] [--agents N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { keyFile, type RootKey, softHsm } from './authority-devices.ts';
import { measureHttpIssuance } from './authority-http.ts';
import { type IssuanceEffort, type IssuanceFigure, measureIssuance } from './authority-issuance.ts';
import { type Place, postgresPlace, sqlitePlace } from './authority-stores.ts';
import { type CrowdFigure, type DirectoryFigure, measureCrowd, measureDirectory } from './crowd.ts';
import type { Section } from './figure.ts';
import { measureSuccessors } from './successors.ts';

/** What `--json` writes. */
export interface AuthorityResults {
  readonly version: 1;
  readonly load: { readonly before: number; readonly after: number };
  /** Over sockets, at a node as `taper up` makes it. */
  readonly http: readonly IssuanceFigure[];
  /** Without sockets and without the log. */
  readonly issuance: readonly IssuanceFigure[];
  readonly crowd: readonly CrowdFigure[];
  readonly directory: DirectoryFigure;
  readonly successors: Section;
}

const { values } = parseArgs({
  options: {
    /** Few rounds: shows that it runs, measures nothing that one could rely on. */
    quick: { type: 'boolean', default: false },
    /** Of the crowd. */
    agents: { type: 'string' },
    /** Where to write the results for machines. */
    json: { type: 'string' },
  },
});
const agents = Number(values.agents ?? (values.quick ? 200 : 100_000));
const { gc } = globalThis;
if (!Number.isSafeInteger(agents) || agents < 100 || gc === undefined) {
  console.error('--agents takes a whole number from 100 on, and node needs --expose-gc.');
  process.exit(2);
}
const EFFORT: IssuanceEffort = values.quick
  ? { rounds: 1, requests: 8, widths: [1, 4] }
  : { rounds: 7, requests: 400, widths: [1, 32] };

await run(gc);

async function run(collect: () => unknown): Promise<void> {
  const before = loadavg()[0] ?? 0;
  const http: IssuanceFigure[] = [];
  const issuance: IssuanceFigure[] = [];
  const crowd: CrowdFigure[] = [];
  for (const open of [sqlitePlace, postgresPlace]) {
    const place = await open();
    try {
      progress(`roots and exchanges over sockets, on ${place.name}`);
      http.push(...(await measureHttpIssuance(place, EFFORT)));
      issuance.push(...(await measureWithoutSockets(place)));
      progress(`${agents} agents, on ${place.name}`);
      const sizes = values.quick ? [agents] : [Math.ceil(agents / 100), agents];
      const restarts = values.quick ? 1 : 3;
      crowd.push(...(await measureCrowd(sizes, place.name, await place.database(), restarts)));
    } finally {
      await place.close();
    }
  }
  progress('the directory of agents');
  const directory = await measureDirectory(agents, () => void collect());
  progress('successors');
  const successors = await measureSuccessors(
    values.quick ? { rounds: 2, milliseconds: 0.1 } : { rounds: 200, milliseconds: 3 },
  );
  const load = { before, after: loadavg()[0] ?? 0 };
  const results: AuthorityResults = {
    version: 1,
    load,
    http,
    issuance,
    crowd,
    directory,
    successors,
  };
  print(results);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
}

async function measureWithoutSockets(place: Place): Promise<readonly IssuanceFigure[]> {
  const figures: IssuanceFigure[] = [];
  for (const open of [keyFile, softHsm] as const) {
    const key: RootKey | undefined = await open();
    if (key === undefined) continue;
    progress(`issuing without sockets, on ${place.name}, root key in ${key.name}`);
    try {
      figures.push(...(await measureIssuance(place, key, EFFORT)));
    } finally {
      await key.close();
    }
  }
  return figures;
}

function progress(part: string): void {
  process.stderr.write(`measuring ${part}\n`);
}

function print({ http, issuance, crowd, directory, successors, load }: AuthorityResults): void {
  console.log('Over sockets, log and witness included');
  printIssuance(http);
  console.log('\nWithout sockets, log and witness');
  printIssuance(issuance);
  console.log(
    '\nA crowd             agents enrol/s      MB heap MB start ms  list ms  find µs follow ms',
  );
  for (const each of crowd) {
    const { enrolledPerSecond, resident, heap, started, listed, found, followed } = each;
    const columns = [
      each.agents,
      enrolledPerSecond,
      resident,
      heap,
      started,
      listed,
      found,
      followed,
    ];
    console.log(each.store.padEnd(16) + columns.map((value) => shown(value, 0, 9)).join(''));
  }
  const { heap, capture, restore, find, miss } = directory;
  console.log(
    `\nThe directory of ${directory.agents} agents: ${heap.toFixed(1)} MB, captured in ${capture.toFixed(0)} ms, ` +
      `restored in ${restore.toFixed(0)} ms;\nan agent is found in ${find.toFixed(0)} ns, a stranger is not in ${miss.toFixed(0)} ns`,
  );
  console.log(`\n${successors.title}\n${successors.legend}`);
  for (const { name, signatures, microseconds, raw, ratio } of successors.figures)
    console.log(
      name.padEnd(32) +
        [shown(signatures, 0, 3), shown(microseconds, 0), shown(raw, 0), shown(ratio, 2)].join(''),
    );
  console.log(`\nload ${load.before.toFixed(1)} before and ${load.after.toFixed(1)} after`);
}

function printIssuance(figures: readonly IssuanceFigure[]): void {
  console.log(
    'store       key      what             at once     /s  p50 ms  p99 ms  cpu ms | in: sign+check  root key  commits',
  );
  for (const { what, store, key, width, load, ratios, processor } of figures)
    console.log(
      `${store.padEnd(12)}${key.padEnd(9)}${what.padEnd(16)}${shown(width, 0)}` +
        `${shown(load.perSecond, 0, 7)}${shown(load.p50, 2)}${shown(load.p99, 2)}${shown(processor, 2)} |` +
        `${shown(ratios.signature, 1, 16)}${shown(ratios.rootSignature, 1, 10)}${shown(ratios.commit, 2, 9)}`,
    );
}

function shown(value: number | undefined, digits: number, width = 8): string {
  return (value?.toFixed(digits) ?? '').padStart(width);
}

// How long after a revocation the last of many enforcement points denies, each a process of its own with calls under way: pushed,
// with an agent of the chain dead, with pushing cut, and with nobody there to ask.
// node --conditions=@taper/source bench/soak-revocation.ts [--points N] [--revocations N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { RevocationScene, type Revoked } from './revoke-scene.ts';

/** Milliseconds from a revocation to its denial, for 99 of 100. */
const LIMIT = 250;

/** Milliseconds between two questions for news; it varies by a quarter. */
const POLL_INTERVAL = 2000;

/** Milliseconds between two epochs: what is asked for ends with one. */
const EPOCH = 1000;

/** Seconds after which chains ask for newer knowledge. */
const MAX_STALENESS = 10;

/** Milliseconds between a revocation that was denied everywhere and the next one. */
const PAUSE = 50;

const { values } = parseArgs({
  options: {
    points: { type: 'string', default: '50' },
    revocations: { type: 'string', default: '100' },
    /** Where to write the results for machines. */
    json: { type: 'string' },
  },
});
const points = Number(values.points);
const revocations = Number(values.revocations);
if (![points, revocations].every((number) => Number.isSafeInteger(number) && number > 0)) {
  console.error('--points and --revocations take whole numbers from 1 on.');
  process.exit(2);
}

/** Milliseconds of all points and revocations of a part. */
interface Distribution {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** From when it was sent, and from when the authority said that it was done. */
interface Latencies {
  readonly sent: Distribution;
  readonly acknowledged: Distribution;
}

export interface RevocationResults {
  readonly version: 1;
  readonly points: number;
  readonly revocations: number;
  /** The least that there is: a write, one sync, a byte to each point over a connection of its own. */
  readonly bare: Distribution;
  readonly pushed: Latencies;
  /** The process of the agent in the middle of the chains was killed before. `connections`: how often anybody had asked it. */
  readonly middleDead: Latencies & { readonly connections: number };
  /** Nothing that is pushed arrives. `bound`: the longest time between two questions, and an epoch. */
  readonly pushCut: Latencies & { readonly bound: number };
  /** From the end of the service to the first denial of a chain that nobody revoked. */
  readonly logGone: Distribution & { readonly bound: number };
  /** Of chains that nobody revoked, until the service ended, by what became of them. */
  readonly calls: Readonly<Record<string, number>>;
  /** Hosts of the network that any point has asked. */
  readonly hostsAsked: number;
  readonly problems: Readonly<Record<string, number>>;
  readonly load: { readonly before: number; readonly after: number };
}

process.exitCode = await soak();

async function soak(): Promise<number> {
  const scene = new RevocationScene({
    points,
    pollInterval: POLL_INTERVAL,
    maxStaleness: MAX_STALENESS,
    progress: (text) => console.error(text),
  });
  try {
    const results = await measureAll(scene);
    const isMet = [results.pushed, results.middleDead].every(
      ({ sent, acknowledged }) => Math.max(sent.p99, acknowledged.p99) <= LIMIT,
    );
    print(results, isMet);
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
    return isMet ? 0 : 1;
  } finally {
    scene.close();
  }
}

async function measureAll(scene: RevocationScene): Promise<RevocationResults> {
  const before = loadavg()[0] ?? 0;
  await scene.open();
  const bare: number[] = [];
  for (let each = 0; each < revocations; each += 1) {
    bare.push(...(await scene.pushBare()));
    await sleep(PAUSE);
  }
  // All chains are made while the agent in the middle lives.
  const some = Math.ceil(revocations / 2);
  const chains = await scene.chains(revocations + 2 * some);
  const toPush = chains.slice(0, revocations);
  const toOrphan = chains.slice(revocations, -some);
  const toCut = chains.slice(-some);
  await scene.expect(toPush);
  const pushed = latencies(await oneByOne(scene, toPush));
  await scene.expect(toOrphan);
  const connections = await scene.endMiddle();
  const middleDead = latencies(await oneByOne(scene, toOrphan));
  await scene.expect(toCut);
  scene.cutPush();
  const pushCut = latencies(await allTogether(scene, toCut));
  const statuses = await scene.statuses();
  const logGone = distribution(await scene.endService());
  return {
    version: 1,
    points,
    revocations,
    bare: distribution(bare),
    pushed,
    middleDead: { ...middleDead, connections },
    pushCut: { ...pushCut, bound: 1.25 * POLL_INTERVAL + EPOCH },
    logGone: { ...logGone, bound: (MAX_STALENESS + 1) * 1000 },
    calls: count(statuses.flatMap(({ calls }) => Object.entries(calls))),
    hostsAsked: new Set(statuses.flatMap(({ asked }) => Object.keys(asked))).size,
    problems: count(statuses.flatMap((each) => each.problems.map((code) => [code, 1] as const))),
    load: { before, after: loadavg()[0] ?? 0 },
  };
}

async function oneByOne(
  scene: RevocationScene,
  chains: readonly (readonly string[])[],
): Promise<readonly Revoked[]> {
  const all: Revoked[] = [];
  for (const chain of chains) {
    all.push(await scene.denied(await scene.revoke(chain)));
    await sleep(PAUSE);
  }
  return all;
}

/** Revokes them at times that have nothing to do with when anybody asks, and waits for all. */
async function allTogether(
  scene: RevocationScene,
  chains: readonly (readonly string[])[],
): Promise<readonly Revoked[]> {
  const sent: Awaited<ReturnType<RevocationScene['revoke']>>[] = [];
  for (const chain of chains) {
    sent.push(await scene.revoke(chain));
    await sleep(Math.random() * 4 * PAUSE);
  }
  const all: Revoked[] = [];
  for (const each of sent) all.push(await scene.denied(each));
  return all;
}

function latencies(revoked: readonly Revoked[]): Latencies {
  const since = (from: 'sent' | 'acknowledged'): Distribution =>
    distribution(revoked.flatMap((each) => each.denied.map((at) => at - each[from])));
  return { sent: since('sent'), acknowledged: since('acknowledged') };
}

function distribution(milliseconds: readonly number[]): Distribution {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

function count(entries: readonly (readonly [string, number])[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [name, times] of entries) sums[name] = (sums[name] ?? 0) + times;
  return sums;
}

function print(results: RevocationResults, isMet: boolean): void {
  const { bare, pushed, middleDead, pushCut, logGone, load } = results;
  const row = (name: string, { p50, p99, most }: Distribution, bound?: number): void => {
    const cells = [p50, p99, most].map((each) => each.toFixed(1).padStart(9)).join('');
    console.log(`${name.padEnd(34)}${cells}${bound === undefined ? '' : `${bound}`.padStart(9)}`);
  };
  console.log(`${points} enforcement points, ${revocations} revocations; milliseconds`);
  console.log(`${''.padEnd(34)}      p50      p99     most    bound`);
  row('one sync, a byte to all', bare);
  row('pushed, since it was sent', pushed.sent);
  row('  since it was acknowledged', pushed.acknowledged);
  row('an agent dead, since sent', middleDead.sent);
  row('  since acknowledged', middleDead.acknowledged);
  row('push cut, since sent', pushCut.sent, pushCut.bound);
  row('  since acknowledged', pushCut.acknowledged);
  row('log gone, until it is stale', logGone, logGone.bound);
  console.log(`calls meanwhile: ${JSON.stringify(results.calls)}`);
  console.log(
    `hosts asked by any point: ${results.hostsAsked}; connections to the agent: ${middleDead.connections}`,
  );
  console.log(`problems reported: ${JSON.stringify(results.problems)}`);
  console.log(`load ${load.before.toFixed(1)} before and ${load.after.toFixed(1)} after`);
  console.log(`99 of 100 denied after at most ${LIMIT} ms: ${isMet ? 'pass' : 'MISS'}`);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

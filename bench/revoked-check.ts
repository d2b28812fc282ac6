// What it costs to ask a view that holds so many revocations, in time and memory. Started by revoked.ts as a process of its
// own, with --expose-gc.
import type { RevokedEntry } from '@taper/core';
import { openRevocationFollower, type RevocationSource, type ViewQuery } from '@taper/log';
import { type Effort, measure, microseconds, ratio, subject } from './measure.ts';
import {
  LOG_TRUST,
  type Mix,
  REVOCATION_LOG,
  randomSubject,
  revokedEntries,
} from './revoked-scene.ts';
import { NOW, signedInputs, signerAt, typicalChain, typicalProof, verifyAll } from './scene.ts';

const HOPS = 8;

export interface CheckTask {
  readonly mix: Mix;
  readonly revoked: number;
  readonly effort: Effort;
}

export interface CheckFigure {
  readonly mix: Mix;
  readonly revoked: number;
  /** Heap and buffers of the view, and of a `Set` of the same identifiers as texts, after garbage collection. */
  readonly megabytes: { readonly view: number; readonly set: number };
  /**
   * Medians, for the 18 identifiers of a chain of 8 hops: chains that were never asked about, one after the other; one such chain, and the same 100
   * chains again and again, each right after a signature check, which has taken the caches; one whose last token or key is
   * revoked; what the `Set` takes for the second; one bare signature check.
   */
  readonly microseconds: {
    readonly steady: number;
    readonly first: number;
    readonly again: number;
    readonly revoked: number;
    readonly set: number;
    readonly verify: number;
  };
  /** Of a chain that was never asked about to one bare signature check. */
  readonly ratio: number;
}

/** A log that says nothing more. */
const silent: RevocationSource = { tail: () => new Promise(() => {}) };

async function measureCheck({ mix, revoked, effort }: CheckTask): Promise<CheckFigure> {
  const [proof] = signedInputs(await typicalProof(await typicalChain(1))).slice(-1);
  if (proof === undefined) throw new Error('There is nothing to verify.');
  const empty = used();
  /** A few of those that are revoked. */
  const known: RevokedEntry[] = [];
  function* stored(): Generator<RevokedEntry> {
    for (const entry of revokedEntries(mix, revoked)) {
      if (known.length < 500) known.push(entry);
      yield entry;
    }
  }
  // As after a restart: what the store kept is read, and nothing else.
  const follower = await openRevocationFollower({
    source: silent,
    trust: LOG_TRUST,
    authority: [signerAt(2).publicKey],
    push: false,
    store: { load: () => ({ position: POSITION, revoked: stored() }), save() {} },
  });
  const view = used() - empty;
  if (follower.status().revoked !== revoked) throw new Error('Not everything was taken.');

  const ask = (query: ViewQuery, expected: 'good' | 'revoked'): void => {
    const { verdict } = follower.check(query, NOW);
    if (verdict !== expected) throw new Error(`${verdict} in place of ${expected}.`);
  };
  const chains = Array.from({ length: 100 }, () => newQuery());
  const verify = subject('verify', () => [proof], verifyAll);
  const samples = await measure(
    [
      verify,
      subject(
        'first',
        () => newQuery(),
        (query) => ask(query, 'good'),
      ),
      subject(
        'again',
        () => anyOf(chains),
        (query) => ask(query, 'good'),
      ),
      subject(
        'revoked',
        () => newQuery(anyOf(known)),
        (query) => ask(query, 'revoked'),
      ),
    ],
    effort,
  );
  const steady = askSteadily(ask, effort);
  await follower.close();

  // Not before: it is so large that it would take the caches from the view.
  const beforeSet = used();
  const set = new Set<string>();
  for (const entry of revokedEntries(mix, revoked))
    if (entry.kind !== 'tenant') set.add(entry.kind === 'token' ? entry.token : entry.key);
  const setSize = used() - beforeSet;
  const setSamples = await measure([verify, subject('set', () => newQuery(), sought(set))], effort);
  return {
    mix,
    revoked,
    megabytes: { view: view / 2 ** 20, set: setSize / 2 ** 20 },
    microseconds: {
      steady,
      first: microseconds(samples, 'first'),
      again: microseconds(samples, 'again'),
      revoked: microseconds(samples, 'revoked'),
      set: microseconds(setSamples, 'set'),
      verify: microseconds(samples, 'verify'),
    },
    ratio: ratio(samples, 'first', 'verify'),
  };
}

/** Chains in one round of {@link askSteadily}: more identifiers than any cache holds. */
const ROUND = 10_000;

/** Microseconds for a chain, the median of rounds in which nothing else is done. */
function askSteadily(
  ask: (query: ViewQuery, expected: 'good') => void,
  { rounds }: Effort,
): number {
  const times: number[] = [];
  for (let round = 0; round < Math.min(rounds, 9); round += 1) {
    const queries = Array.from({ length: ROUND }, () => newQuery());
    const began = performance.now();
    for (const query of queries) ask(query, 'good');
    times.push(((performance.now() - began) * 1000) / ROUND);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] as number;
}

/** Where the log of the scene stands; how it came there does not matter here. */
const POSITION = {
  log: REVOCATION_LOG,
  size: 0,
  note: '',
  frontier: [],
  epoch: 1,
  nextUpdate: NOW + 1,
  time: NOW,
  asOf: NOW,
} as const;

/** What an enforcement point asks about a chain that the view has not seen; its strings are new too. Its last token or key may be a given one. */
function newQuery(last?: RevokedEntry): ViewQuery {
  const { chains, tenant, oldestIssuedAt } = randomSubject(HOPS);
  const [{ tokens, keys } = { tokens: [], keys: [] }] = chains;
  return {
    tokens: last?.kind === 'token' ? [...tokens.slice(0, -1), last.token] : tokens,
    keys: last?.kind === 'key' ? [...keys.slice(0, -1), last.key] : keys,
    tenant,
    oldestIssuedAt,
    chains,
    acting: [{ key: keys.at(-1) as string, at: undefined }],
    logs: [REVOCATION_LOG],
    epochs: new Map([[REVOCATION_LOG, 1]]),
    evidence: undefined,
  };
}

function anyOf<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}

/** The same question as one asks it without thinking. */
function sought(set: ReadonlySet<string>): (query: ViewQuery) => void {
  return ({ tokens, keys }) => {
    for (const id of tokens) if (set.has(id)) throw new Error('That is not revoked.');
    for (const id of keys) if (set.has(id)) throw new Error('That is not revoked.');
  };
}

/** Bytes of heap and buffers that are in use. */
function used(): number {
  if (globalThis.gc === undefined) throw new Error('Node needs --expose-gc.');
  for (let again = 0; again < 4; again += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const task = JSON.parse(process.argv[2] ?? '') as CheckTask;
process.send?.(await measureCheck(task));
process.on('disconnect', () => process.exit());

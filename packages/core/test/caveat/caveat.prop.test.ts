import { createRandom, type Random } from '@taper/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CaveatsInit,
  type ChainCaveats,
  chainCaveats,
  joinCaveats,
  type ProfileContext,
} from '../../src/index.ts';
import { call, outcome, type Token } from '../attack/attacker.ts';
import { chainOf, HASHES, understanding, verdictOf, verified } from './caveated.ts';

type Hops = readonly (CaveatsInit | undefined)[];

const TOOL_NAMES = ['read', 'refund', 'other', 'constructor'];
const GROUPS = ['finance', 'legal', 'security'];
const METERS = ['calls', 'EUR', 'USD'];
const LOGS = ['a.example', 'b.example'];
const PURPOSES = ['p', 'q'];

/** Random caveats; nearly always of one tenant, so that most chains verify. */
function randomCaveats(random: Random): CaveatsInit | undefined {
  if (random.chance(0.3)) return undefined;
  const some = <Value>(names: readonly string[], value: () => Value) =>
    Object.fromEntries(
      random
        .shuffle(names)
        .slice(0, random.between(1, names.length))
        .map((name) => [name, value()]),
    );
  const all: CaveatsInit = {
    tenant: random.chance(0.9) ? 't' : 'u',
    purpose: random.pick(PURPOSES),
    budget: some(METERS, () => String(random.between(0, 9))),
    approvals: some(TOOL_NAMES, () => some(GROUPS, () => random.between(1, 16))),
    revocation: {
      log: random.pick(LOGS),
      epoch: random.between(0, 9),
      max_staleness: random.between(1, 900),
    },
    definitions: some(TOOL_NAMES, () => random.pick(HASHES)),
  };
  const kept = Object.entries(all).filter(() => random.chance(0.4));
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as CaveatsInit);
}

const randomHops = (random: Random): Hops =>
  Array.from({ length: random.between(1, 4) }, () => randomCaveats(random));

function holds(name: string, runs: number, property: (random: Random) => void) {
  test(name, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => property(createRandom(`${name} ${seed}`))),
      { numRuns: runs },
    );
  });
}

/** The caveats of a chain that verifies, or undefined. */
function caveatsOf(tokens: readonly Token[]): ChainCaveats | undefined {
  const verdict = verdictOf(tokens, understanding());
  return verdict.verdict === 'verified' ? chainCaveats(verdict.chain) : undefined;
}

/** Everything that `least` asks, `most` asks, too. */
function expectAtLeast(most: ChainCaveats, least: ChainCaveats): void {
  if (least.tenant !== undefined) expect(most.tenant).toBe(least.tenant);
  for (const purpose of least.purposes) expect(most.purposes).toContain(purpose);
  for (const budget of least.budgets) expect(most.budgets).toContainEqual(budget);
  for (const tool of TOOL_NAMES) {
    for (const [group, count] of least.approvals(tool))
      expect(most.approvals(tool).get(group)).toBeGreaterThanOrEqual(count);
    for (const hash of least.definitions(tool)) expect(most.definitions(tool)).toContain(hash);
  }
  if (least.revocation === undefined) return;
  const { logs, epochs, maxStaleness } = least.revocation;
  expect(most.revocation?.maxStaleness).toBeLessThanOrEqual(maxStaleness);
  for (const log of logs) {
    expect(most.revocation?.logs).toContain(log);
    expect(most.revocation?.epochs.get(log)).toBeGreaterThanOrEqual(epochs.get(log) as number);
  }
}

/** What is asked, without the names of tokens and without order. */
function limitsOf(caveats: ChainCaveats): unknown {
  const sorted = <Value>(values: Iterable<Value>) =>
    [...values].map((each) => JSON.stringify(each)).sort();
  return {
    tenant: caveats.tenant,
    purposes: sorted(caveats.purposes),
    budgets: sorted(caveats.budgets.map(({ meter, limit }) => [meter, limit])),
    tools: TOOL_NAMES.map((tool) => [
      sorted(caveats.approvals(tool)),
      sorted(caveats.definitions(tool)),
    ]),
    revocation: caveats.revocation && [
      sorted(caveats.revocation.epochs),
      sorted(caveats.revocation.logs),
      caveats.revocation.maxStaleness,
    ],
  };
}

describe('accumulation', () => {
  let compared = 0;

  holds(
    'I13 K04 D13 never loosens: a hop more asks all that the chain asked before it',
    300,
    (random) => {
      const tokens = chainOf(...randomHops(random), randomCaveats(random));
      const whole = caveatsOf(tokens);
      if (whole === undefined) return;
      for (let length = 1; length < tokens.length; length += 1) {
        const above = caveatsOf(tokens.slice(0, length));
        expectAtLeast(whole, above as ChainCaveats);
        compared += 1;
      }
    },
  );

  holds('does not depend on which hop says what', 300, (random) => {
    const hops = randomHops(random);
    const [one, two] = [caveatsOf(chainOf(...hops)), caveatsOf(chainOf(...random.shuffle(hops)))];
    expect(one === undefined).toBe(two === undefined);
    if (one !== undefined && two !== undefined) expect(limitsOf(two)).toEqual(limitsOf(one));
  });

  holds(
    'of joined chains asks all that each of them asks, in whatever order they come',
    200,
    (random) => {
      const chains = Array.from({ length: random.between(2, 4) }, () =>
        caveatsOf(chainOf(...randomHops(random))),
      );
      const known = chains.filter(
        (each) => each !== undefined && each.tenant !== 'u',
      ) as ChainCaveats[];
      if (known.length === 0) return;
      const joined = joinCaveats(known);
      for (const each of known) expectAtLeast(joined, each);
      expect(limitsOf(joinCaveats(random.shuffle(known)))).toEqual(limitsOf(joined));
      expect(limitsOf(joinCaveats([joined, ...known]))).toEqual(limitsOf(joined));
      compared += 1;
    },
  );

  test('was compared often enough for that to mean something', () => {
    expect(compared).toBeGreaterThan(200);
  });
});

describe('a chain with caveats', () => {
  const verdicts = { permit: 0, deny: 0 };

  holds('permits nothing that the same chain without them denies', 400, (random) => {
    const hops = randomHops(random);
    const context: ProfileContext = {
      ...(random.chance(0.4) ? { tenant: 't' } : {}),
      ...(random.chance(0.2) ? { purpose: 'p' } : {}),
    };
    const by = understanding(context);
    const plain = understanding({});
    const tool = random.pick([...TOOL_NAMES, 'write']);
    const marked = outcome(call(chainOf(...hops), tool, {}, { by }));
    const bare = outcome(call(chainOf(...hops.map(() => undefined)), tool, {}, { by: plain }));
    verdicts[marked === 'permit' ? 'permit' : 'deny'] += 1;
    if (marked === 'permit') expect(bare).toBe('permit');
  });

  holds('is denied once a caveat is added to it that is not met', 200, (random) => {
    const hops = randomHops(random);
    const by = understanding({});
    const before = outcome(call(chainOf(...hops), 'read', {}, { by }));
    const at = random.between(0, hops.length - 1);
    const added = random.pick<CaveatsInit>([
      { tenant: 't' },
      { definitions: { read: HASHES[0] as string } },
    ]);
    const more = hops.map((hop, index) => (index === at ? { ...hop, ...added } : hop));
    expect(outcome(call(chainOf(...more), 'read', {}, { by }))).not.toBe('permit');
    if (before === 'permit') verdicts.permit += 1;
  });

  test('was permitted and denied often enough for that to mean something', () => {
    expect(verdicts.permit).toBeGreaterThan(50);
    expect(verdicts.deny).toBeGreaterThan(50);
  });
});

holds(
  'a chain without caveats gets the same verdict with the profile on and off',
  100,
  (random) => {
    const tokens = chainOf(...Array.from({ length: random.between(1, 4) }, () => undefined));
    const tool = random.pick(['read', 'write']);
    const on = call(tokens, tool, {}, { by: understanding() });
    const off = call(tokens, tool, {});
    expect(outcome(on)).toBe(outcome(off));
    expect(verified(tokens).tokens).toEqual(
      verified(tokens, understanding({ tenant: 't', purpose: 'p' })).tokens,
    );
  },
);

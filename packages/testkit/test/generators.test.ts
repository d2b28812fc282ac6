import { checkConstraint, createVerifier, subsumes, validateConstraint } from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  accepts,
  anyValue,
  createRandom,
  DOMAINS,
  lineage,
  narrowConstraint,
  permits,
  randomCall,
  randomChain,
  randomConstraint,
  randomValue,
  sampleValue,
  TEST_TIME,
  testKey,
} from '../src/index.ts';

const issuerKey = testKey('issuer');
const holders = ['a', 'b', 'c', 'd'].map((name) =>
  testKey(name, name === 'd' ? 'ES256' : 'Ed25519'),
);
const audience = 'https://tools.example.com';
const shape = { issuer: 'https://auth.example.com', issuerKey, holders, now: TEST_TIME, audience };

describe('the constraint generators', () => {
  const random = createRandom('generators');
  const cases = Array.from({ length: 1500 }, () => {
    const domain = random.pick(DOMAINS);
    return { domain, constraint: randomConstraint(domain, random) };
  });

  test('make only well-formed constraints, and of every type', () => {
    const types = new Set<unknown>();
    for (const { constraint } of cases) {
      expect(validateConstraint(constraint)).toBeUndefined();
      types.add(constraint['constraint_type']);
    }
    expect([...types].sort()).toEqual(
      'all any cidr contains decimal exact instant not_one_of one_of path range subset url wildcard'.split(
        ' ',
      ),
    );
  });

  test('and the oracle agree with core on what a constraint accepts', () => {
    let accepted = 0;
    for (const { domain, constraint } of cases) {
      const values = [
        randomValue(domain, random),
        anyValue(random),
        sampleValue(constraint, random) ?? null,
      ];
      for (const value of values) {
        const verdict = accepts(constraint, value);
        accepted += verdict ? 1 : 0;
        expect([constraint, value, checkConstraint(constraint as never, value)]).toEqual([
          constraint,
          value,
          verdict,
        ]);
      }
    }
    expect(accepted).toBeGreaterThan(1000);
  });

  test('narrow a constraint only to what core and the oracle find narrower', () => {
    let changed = 0;
    for (const { constraint } of cases) {
      const narrower = narrowConstraint(constraint, random);
      expect([constraint, narrower, subsumes(constraint as never, narrower as never)]).toEqual([
        constraint,
        narrower,
        true,
      ]);
      const value = sampleValue(narrower, random);
      if (value !== undefined) expect(accepts(constraint, value)).toBe(true);
      if (JSON.stringify(narrower) !== JSON.stringify(constraint)) changed += 1;
    }
    expect(changed).toBeGreaterThan(700);
  });
});

describe('the chain generator', () => {
  const verifier = createVerifier({
    anchors: [{ issuer: shape.issuer, key: issuerKey.publicKey }],
    audience,
  });

  test.each(Array.from({ length: 9 }, (_, depth) => depth))(
    'makes chains of depth %i that verify, each token permitting what the leaf permits',
    (depth) => {
      let calls = 0;
      for (let index = 0; index < 40; index += 1) {
        const random = createRandom(`chain ${depth} ${index}`);
        const leaf = randomChain({ ...shape, depth }, random);
        const tokens = lineage(leaf);
        const verdict = verifier.verifyChain(
          tokens.map(({ compact }) => compact),
          TEST_TIME,
        );
        expect(verdict).toMatchObject({ verdict: 'verified' });
        const call = randomCall(leaf.payload, random);
        if (call === undefined) continue;
        calls += 1;
        for (const [hop, { payload }] of tokens.entries()) {
          const where = { now: TEST_TIME, audience: [audience], hopsBelow: depth - hop };
          expect(permits(payload, call, where)).toBe(true);
        }
      }
      expect(calls).toBeGreaterThan(20);
    },
  );

  test('makes the same claims from the same seed', () => {
    const claims = (seed: string) =>
      lineage(randomChain({ ...shape, depth: 4 }, createRandom(seed))).map(
        ({ payload }) => payload,
      );
    expect(claims('one')).toEqual(claims('one'));
    expect(claims('one')).not.toEqual(claims('two'));
  });
});

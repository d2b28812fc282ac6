import {
  accepts,
  createRandom,
  DOMAINS,
  narrowConstraint,
  type Random,
  randomConstraint,
  randomValue,
  sampleValue,
} from '@taper/testkit';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkConstraint,
  meetConstraints,
  subsumes,
  validateConstraint,
} from '../../src/constraint/registry.ts';
import type { Constraint, JsonObject, JsonValue } from '../../src/constraint/type.ts';
import { wholeUniverse } from './universe.ts';

const asConstraint = (object: JsonObject): Constraint => object as Constraint;

/** Two constraints about the same thing, often one narrowed from the other, or both from a third. */
function pair(random: Random): readonly [Constraint, Constraint] {
  const domain = random.pick(DOMAINS);
  const first = randomConstraint(domain, random, 3);
  if (random.chance(0.3))
    return [first, randomConstraint(domain, random, 3)].map(asConstraint) as never;
  const [left, right] = [narrowConstraint(first, random), narrowConstraint(first, random)];
  return [left, random.chance(0.5) ? right : first].map(asConstraint) as never;
}

function valuesFor(constraints: readonly JsonObject[], random: Random): JsonValue[] {
  const sampled = constraints.flatMap((constraint) =>
    Array.from({ length: 4 }, () => sampleValue(constraint, random)),
  );
  return [...sampled, ...DOMAINS.map((domain) => randomValue(domain, random))].filter(
    (value) => value !== undefined,
  );
}

const SEED = fc.integer().map((seed) => createRandom(`meet ${seed}`));

describe('the meet of two constraints', () => {
  test('is subsumed by both, well-formed, and accepts nothing that either refuses, by a second reading of the draft', () => {
    fc.assert(
      fc.property(SEED, (random) => {
        const [left, right] = pair(random);
        const met = meetConstraints(left, right);
        if (met === undefined) return;
        expect(validateConstraint(met)).toBeUndefined();
        expect([subsumes(left, met), subsumes(right, met)]).toEqual([true, true]);
        for (const value of valuesFor([met, left, right], random)) {
          if (!accepts(met, value)) continue;
          expect([accepts(left, value), accepts(right, value)]).toEqual([true, true]);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('accepts the same whichever comes first', () => {
    fc.assert(
      fc.property(SEED, (random) => {
        const [left, right] = pair(random);
        const [one, other] = [meetConstraints(left, right), meetConstraints(right, left)];
        expect(one === undefined).toBe(other === undefined);
        if (one === undefined || other === undefined) return;
        for (const value of valuesFor([one, other, left, right], random))
          expect(checkConstraint(one, value)).toBe(checkConstraint(other, value));
      }),
      { numRuns: 2000 },
    );
  });

  test('with a constraint that is narrower already is that constraint', () => {
    fc.assert(
      fc.property(SEED, (random) => {
        const wide = asConstraint(randomConstraint(random.pick(DOMAINS), random, 3));
        const narrow = asConstraint(narrowConstraint(wide, random));
        const met = meetConstraints(wide, narrow);
        const accepted = valuesFor([narrow], random).filter((value) => accepts(narrow, value));
        if (met === undefined) {
          expect(accepted).toEqual([]);
          return;
        }
        for (const value of valuesFor([narrow, met], random))
          expect(accepts(met, value)).toBe(accepts(narrow, value));
      }),
      { numRuns: 2000 },
    );
  });

  test('leaves the constraints that it is given as they were', () => {
    fc.assert(
      fc.property(SEED, (random) => {
        const [left, right] = pair(random);
        const before = JSON.stringify([left, right]);
        const met = meetConstraints(left, right);
        expect(JSON.stringify([left, right])).toBe(before);
        if (met !== undefined && left['constraints'] !== undefined)
          expect(Object.isFrozen(left['constraints'])).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

/** Types whose constraints have one meet, which is exactly what both accept. */
const EXACT_MEETS = [
  'range',
  'one_of',
  'not_one_of',
  'contains',
  'subset',
  'all',
  'path',
  'url',
  'decimal',
  'instant',
  'cidr',
];

describe('the meet of every two constraints of one type in the universe', () => {
  const { constraints, values: listed } = wholeUniverse();
  const values = [...new Set(listed)];
  const frozen = constraints.map((constraint) => Object.freeze(constraint) as Constraint);
  const accepted = new Map<Constraint, ReadonlySet<JsonValue>>();
  beforeAll(() => {
    for (const constraint of frozen)
      accepted.set(
        constraint,
        new Set(values.filter((value) => checkConstraint(constraint, value))),
      );
  });

  test.each(EXACT_MEETS)(
    '%s: exactly what both accept, and nothing where that is nothing',
    (type) => {
      const all = frozen.filter((constraint) => constraint.constraint_type === type);
      // Every pair of a sample: the number of pairs, not of constraints, is what takes time.
      const sample = all.filter((_, index) => index % Math.ceil(all.length / 60) === 0);
      let defined = 0;
      const wrong: unknown[] = [];
      for (const left of sample) {
        for (const right of sample) {
          const met = meetConstraints(left, right);
          const both = [...(accepted.get(left) ?? [])].filter((value) =>
            accepted.get(right)?.has(value),
          );
          if (met === undefined) {
            if (both.length > 0) wrong.push([left, right, both[0]]);
            continue;
          }
          defined += 1;
          const kept = values.filter((value) => checkConstraint(met, value));
          if (kept.length !== both.length || kept.some((value) => !both.includes(value)))
            wrong.push([left, right, met]);
        }
      }
      expect(wrong).toEqual([]);
      expect(defined).toBeGreaterThan(sample.length);
    },
  );

  test('of two types: nothing, or what both subsume', () => {
    const sample = frozen.filter((_, index) => index % 7 === 0);
    const wrong: unknown[] = [];
    for (const left of sample) {
      for (const right of sample) {
        const met = meetConstraints(left, right);
        if (met !== undefined && !(subsumes(left, met) && subsumes(right, met)))
          wrong.push([left, right, met]);
      }
    }
    expect(wrong).toEqual([]);
  });
});

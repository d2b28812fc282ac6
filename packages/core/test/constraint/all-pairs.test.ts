import { beforeAll, describe, expect, test } from 'vitest';
import {
  CONSTRAINT_TYPES,
  checkConstraint,
  subsumes,
  validateConstraint,
} from '../../src/constraint/registry.ts';
import type { Constraint } from '../../src/constraint/type.ts';
import { type PairReport, type Relation, tryEveryPair } from './soundness.ts';
import { wholeUniverse } from './universe.ts';

const relation: Relation = { check: checkConstraint, subsumes };
const { constraints, values } = wholeUniverse();
const all = constraints.map((constraint) => Object.freeze(constraint) as Constraint);

/**
 * Every pair of types of which one may subsume the other: draft section 4.5 for the core types, the registrations
 * in docs/constraints for ours. `wildcard` stands above every type and is not listed.
 */
const DECLARED: readonly string[] = [
  'exact exact',
  'range range',
  'range exact',
  'one_of one_of',
  'one_of exact',
  'not_one_of not_one_of',
  'contains contains',
  'subset subset',
  'all all',
  'any any',
  ...['path', 'url', 'decimal', 'instant', 'cidr'].flatMap((type) => [
    `${type} ${type}`,
    `${type} exact`,
    `${type} one_of`,
  ]),
];

describe('every constraint over every other, through the registry', () => {
  let report: PairReport;
  beforeAll(() => {
    report = tryEveryPair(relation, all, all, values);
  });

  test('the universe is well-formed and holds every type', () => {
    expect(all.filter((constraint) => validateConstraint(constraint) !== undefined)).toEqual([]);
    expect(new Set(all.map((constraint) => constraint.constraint_type))).toEqual(
      new Set(CONSTRAINT_TYPES),
    );
  });

  test('no accepted pair admits a value that its parent refuses', () => {
    expect(report.unsound).toEqual([]);
  });

  test('K02 the pairs of types that are accepted are those that are declared, each at least once', () => {
    const seen = new Set<string>();
    for (const parent of all.filter(({ constraint_type }) => constraint_type !== 'wildcard')) {
      for (const child of all) {
        if (subsumes(parent, child)) seen.add(`${parent.constraint_type} ${child.constraint_type}`);
      }
    }
    expect([...seen].sort()).toEqual([...DECLARED].sort());
  });

  test('every constraint subsumes itself', () => {
    expect(all.filter((constraint) => !subsumes(constraint, constraint))).toEqual([]);
  });

  test('a wildcard subsumes every constraint and only a wildcard subsumes it', () => {
    const wildcard = Object.freeze({ constraint_type: 'wildcard' });
    expect(all.filter((constraint) => !subsumes(wildcard, constraint))).toEqual([]);
    const above = all.filter((constraint) => subsumes(constraint, wildcard));
    expect(new Set(above.map((constraint) => constraint.constraint_type))).toEqual(
      new Set(['wildcard']),
    );
  });
});

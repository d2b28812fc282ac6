import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instant } from '../../src/constraint/instant.ts';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';
import { listing, make, relationOf, tryEveryPair } from './soundness.ts';
import { universeOf } from './universe.ts';

const relation = relationOf(instant);
const { constraints, values } = universeOf('instant');
const own = constraints.map((constraint) => make(instant, constraint));
const between = (not_before: string, not_after: string): Constraint =>
  make(instant, { not_before, not_after });
const other = (constraint: JsonObject): Constraint => constraint as Constraint;

describe('instant subsumes', () => {
  const parent = between('2026-01-01T00:00:00Z', '2026-12-31T23:59:59.5Z');

  test.each([
    ['the same window', '2026-01-01T00:00:00Z', '2026-12-31T23:59:59.5Z'],
    ['the same window in another spelling', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.500Z'],
    ['a later beginning', '2026-01-01T00:00:00.000000001Z', '2026-12-31T23:59:59.5Z'],
    ['an earlier end', '2026-01-01T00:00:00Z', '2026-12-31T23:59:59.499999999Z'],
    ['a single instant', '2026-06-30T12:00:00Z', '2026-06-30T12:00:00Z'],
  ])('accepts %s', (_, first, last) => {
    expect(relation.subsumes(parent, between(first, last))).toBe(true);
  });

  test.each([
    ['J04 a later end', '2026-01-01T00:00:00Z', '2026-12-31T23:59:59.500000001Z'],
    [
      'J04 an end that is later only by its fraction',
      '2026-01-01T00:00:00Z',
      '2026-12-31T23:59:59.51Z',
    ],
    ['an earlier beginning', '2025-12-31T23:59:59.999999999Z', '2026-12-31T23:59:59Z'],
    ['a window that only overlaps', '2026-06-30T12:00:00Z', '2027-01-01T00:00:00Z'],
    ['a window elsewhere', '2027-01-01T00:00:00Z', '2027-01-02T00:00:00Z'],
  ])('refuses %s', (_, first, last) => {
    expect(relation.subsumes(parent, between(first, last))).toBe(false);
  });

  test('an exact value and every listed value must pass the check', () => {
    const exact = (value: string | number): Constraint =>
      other({ constraint_type: 'exact', value });
    const listed = (...list: string[]): Constraint =>
      other({ constraint_type: 'one_of', values: list });
    expect(relation.subsumes(parent, exact('2026-06-30T12:00:00Z'))).toBe(true);
    expect(relation.subsumes(parent, exact('2026-06-30T12:00:00+00:00'))).toBe(false);
    expect(relation.subsumes(parent, exact('2027-01-01T00:00:00Z'))).toBe(false);
    expect(relation.subsumes(parent, exact(1782820800))).toBe(false);
    expect(relation.subsumes(parent, listed('2026-06-30T12:00:00Z', '2026-01-01T00:00:00Z'))).toBe(
      true,
    );
    expect(relation.subsumes(parent, listed('2026-06-30T12:00:00Z', '2026-06-30'))).toBe(false);
  });

  test.each([
    { constraint_type: 'range', min: 0 },
    { constraint_type: 'wildcard' },
    { constraint_type: 'not_one_of', excluded: [] },
    {
      constraint_type: 'any',
      constraints: [{ constraint_type: 'exact', value: '2026-06-30T12:00:00Z' }],
    },
    { constraint_type: 'decimal', min: '0', max: '1', scale: 0 },
  ])('K02 a child of another type is refused: %j', (child) => {
    expect(relation.subsumes(parent, other(child))).toBe(false);
  });
});

describe('instant over the universe', () => {
  test('no accepted pair admits a value that its parent refuses, and no containment is missed', () => {
    const report = tryEveryPair(relation, own, own, values);
    expect(report.unsound).toEqual([]);
    expect(report.missed).toEqual([]);
    expect(report.accepted).toBeGreaterThan(own.length * 3);
  });

  test('the same holds over exact and one_of of every value', () => {
    const report = tryEveryPair(relation, own, listing(values), values);
    expect(report.unsound).toEqual([]);
    expect(report.missed).toEqual([]);
    expect(report.accepted).toBeGreaterThan(values.length);
  });
});

test('no accepted pair of generated constraints admits a generated value that the parent refuses', () => {
  const value = fc
    .tuple(
      fc.constantFrom('2025-12-31', '2026-01-01', '2026-01-02'),
      fc.constantFrom('00:00:00', '12:00:00', '23:59:59'),
      fc.constantFrom('', '.0', '.1', '.10', '.09', '.9', '.999999999'),
    )
    .map(([date, time, fraction]) => `${date}T${time}${fraction}Z`);
  const generated = fc
    .tuple(value, value)
    .map(([not_before, not_after]) => ({ not_before, not_after }))
    .filter((members) => instant.validate(members, undefined as never, 1) === undefined);
  let tried = 0;
  fc.assert(
    fc.property(generated, generated, value, (outer, inner, moment) => {
      const [parent, child] = [make(instant, outer), make(instant, inner)];
      if (!relation.subsumes(parent, child)) return;
      for (const candidate of [moment, inner.not_before, inner.not_after]) {
        if (!relation.check(child, candidate)) continue;
        tried += 1;
        expect(relation.check(parent, candidate)).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
  expect(tried).toBeGreaterThan(50);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimal } from '../../src/constraint/decimal.ts';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';
import { listing, make, relationOf, tryEveryPair } from './soundness.ts';
import { universeOf } from './universe.ts';

const relation = relationOf(decimal);
const { constraints, values } = universeOf('decimal');
const own = constraints.map((constraint) => make(decimal, constraint));
const amounts = (min: string, max: string, scale: number): Constraint =>
  make(decimal, { min, max, scale });
const other = (constraint: JsonObject): Constraint => constraint as Constraint;

describe('decimal subsumes', () => {
  const parent = amounts('1', '100', 2);

  test.each([
    ['the same', '1', '100', 2],
    ['the same bounds in another spelling', '1.00', '100.0', 2],
    ['a lower maximum', '1', '99.99', 2],
    ['a higher minimum', '1.01', '100', 2],
    ['fewer digits', '1', '100', 0],
    ['a single amount', '50', '50', 2],
  ])('accepts %s', (_, min, max, scale) => {
    expect(relation.subsumes(parent, amounts(min, max, scale))).toBe(true);
  });

  test.each([
    ['I13 a higher maximum', '1', '100.01', 2],
    ['I02 a lower minimum', '0.99', '100', 2],
    ['I02 a negative minimum', '-1', '100', 2],
    ['more digits', '1', '100', 3],
    ['a maximum that is smaller only as text', '1', '1000', 2],
  ])('refuses %s', (_, min, max, scale) => {
    expect(relation.subsumes(parent, amounts(min, max, scale))).toBe(false);
  });

  test('I03 bounds that no double tells apart are told apart', () => {
    const wide = amounts('0', '9007199254740993', 0);
    const narrow = amounts('0', '9007199254740992', 0);
    expect(relation.subsumes(wide, narrow)).toBe(true);
    expect(relation.subsumes(narrow, wide)).toBe(false);
  });

  test('an exact value and every listed value must pass the check', () => {
    const listed = (...list: (string | number)[]): Constraint =>
      other({ constraint_type: 'one_of', values: list });
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: '50.00' }))).toBe(
      true,
    );
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: 50 }))).toBe(false);
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: '50.000' }))).toBe(
      false,
    );
    expect(relation.subsumes(parent, listed('1', '100'))).toBe(true);
    expect(relation.subsumes(parent, listed('1', '101'))).toBe(false);
    expect(relation.subsumes(parent, listed('1', 2))).toBe(false);
  });

  test.each([
    { constraint_type: 'range', min: 1, max: 100 },
    { constraint_type: 'wildcard' },
    { constraint_type: 'not_one_of', excluded: ['0'] },
    { constraint_type: 'all', constraints: [{ constraint_type: 'exact', value: '5' }] },
    {
      constraint_type: 'instant',
      not_before: '2026-01-01T00:00:00Z',
      not_after: '2026-01-01T00:00:00Z',
    },
  ])('K02 a child of another type is refused: %j', (child) => {
    expect(relation.subsumes(parent, other(child))).toBe(false);
  });
});

describe('decimal over the universe', () => {
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
  const digits = fc.nat(99).map(String);
  const fraction = fc.constantFrom('', '.0', '.5', '.50', '.05', '.005', '.995');
  const sign = fc.constantFrom('', '', '-');
  const value = fc
    .tuple(sign, digits, fraction)
    .map(
      ([minus, front, behind]) => `${/[1-9]/.test(front + behind) ? minus : ''}${front}${behind}`,
    );
  const generated = fc
    .tuple(value, value, fc.nat(3))
    .map(([min, max, scale]) => ({ min, max, scale }))
    .filter((members) => decimal.validate(members, undefined as never, 1) === undefined);
  let tried = 0;
  fc.assert(
    fc.property(generated, generated, value, (outer, inner, amount) => {
      const [parent, child] = [make(decimal, outer), make(decimal, inner)];
      if (!relation.subsumes(parent, child)) return;
      for (const candidate of [amount, inner.min, inner.max]) {
        if (!relation.check(child, candidate)) continue;
        tried += 1;
        expect(relation.check(parent, candidate)).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
  expect(tried).toBeGreaterThan(50);
});

test('check agrees with exact rational comparison', () => {
  const amount = fc
    .tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.nat(18))
    .map(([units, scale]) => ({ units, scale, text: write(units, scale) }));
  fc.assert(
    fc.property(amount, amount, amount, (one, two, value) => {
      const [low, high] = isAtMost(one, two) ? [one, two] : [two, one];
      const constraint = make(decimal, { min: low.text, max: high.text, scale: 18 });
      expect(relation.check(constraint, value.text)).toBe(
        isAtMost(low, value) && isAtMost(value, high),
      );
    }),
  );
});

interface Amount {
  readonly units: bigint;
  readonly scale: number;
}

/** Cross-multiplied: a / 10^m <= b / 10^n. */
function isAtMost(left: Amount, right: Amount): boolean {
  return left.units * 10n ** BigInt(right.scale) <= right.units * 10n ** BigInt(left.scale);
}

function write(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return units < 0n ? `-${text}` : text;
}

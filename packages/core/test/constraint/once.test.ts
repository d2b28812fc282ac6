import { expect, test } from 'vitest';
import { type Constraint, checkConstraint } from '../../src/index.ts';

test('a list that can still change is read anew, also inside a frozen constraint (X07)', () => {
  const values = Array.from({ length: 20 }, (_, index) => `v${index}`);
  const constraint: Constraint = Object.freeze({ constraint_type: 'one_of', values });
  expect(checkConstraint(constraint, 'v0')).toBe(true);
  values[0] = 'other';
  expect(checkConstraint(constraint, 'v0')).toBe(false);
  expect(checkConstraint(constraint, 'other')).toBe(true);
});

test('an element that can still change is read anew, also inside a frozen list (X07)', () => {
  const element = { a: 1 };
  const constraint: Constraint = Object.freeze({
    constraint_type: 'one_of',
    values: Object.freeze([element]),
  });
  expect(checkConstraint(constraint, { a: 1 })).toBe(true);
  element.a = 2;
  expect(checkConstraint(constraint, { a: 1 })).toBe(false);
  expect(checkConstraint(constraint, { a: 2 })).toBe(true);
});

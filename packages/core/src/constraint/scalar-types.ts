import type { JsonObject, JsonValue } from '../json.ts';
import type { Constraint, ConstraintType } from './type.ts';

function isScalar(value: JsonValue | undefined): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** `exact`: the argument equals `value` (draft sections 3.4 and 4.5). */
export const exact: ConstraintType = {
  name: 'exact',
  members: ['value'],
  validate: ({ value }) =>
    isScalar(value) ? undefined : '`value` must be a string, number, boolean or null',
  // Two scalars have one canonical form exactly when they are identical; 0 and -0 are (RFC 8785 section 3.2.2.3).
  check: ({ value }, argument) => value === argument,
  subsumes: (parent, child) =>
    child.constraint_type === 'exact' && parent['value'] === child['value'],
  meet: () => undefined,
};

/** `wildcard`: any value (draft section 3.4). It subsumes every constraint. */
export const wildcard: ConstraintType = {
  name: 'wildcard',
  members: [],
  validate: () => undefined,
  check: () => true,
  subsumes: () => true,
  meet: (left) => left,
};

/** `range`: a number within bounds (draft sections 3.4 and 4.5). An absent bound is unbounded; bounds are inclusive unless said otherwise. */
export const range: ConstraintType = {
  name: 'range',
  members: ['min', 'max', 'min_inclusive', 'max_inclusive'],
  validate(constraint) {
    const { min, max } = constraint;
    if (min !== undefined && typeof min !== 'number') return '`min` must be a number';
    if (max !== undefined && typeof max !== 'number') return '`max` must be a number';
    if (min !== undefined && max !== undefined && min > max) return '`min` is greater than `max`';
    for (const [flag, bound] of [
      ['min_inclusive', min],
      ['max_inclusive', max],
    ] as const) {
      const value = constraint[flag];
      if (value === undefined) continue;
      if (typeof value !== 'boolean') return `\`${flag}\` must be a boolean`;
      if (bound === undefined) return `\`${flag}\` stands without its bound`;
    }
    return undefined;
  },
  check: (constraint, argument) =>
    typeof argument === 'number' && withinRange(constraint, argument),
  subsumes(parent, child) {
    if (child.constraint_type === 'exact') {
      const { value } = child;
      return typeof value === 'number' && withinRange(parent, value);
    }
    if (child.constraint_type !== 'range') return false;
    return (
      boundNarrows(parent, child, 'min', 'min_inclusive') &&
      boundNarrows(parent, child, 'max', 'max_inclusive')
    );
  },
  meet(left, right) {
    const bounds = {
      ...tighterBound(left, right, 'min', 'min_inclusive'),
      ...tighterBound(left, right, 'max', 'max_inclusive'),
    };
    const met = { constraint_type: 'range', ...bounds };
    return isEmptyRange(met) ? undefined : met;
  },
};

/** Whether no number lies between the bounds. */
export function isEmptyRange({ min, max, min_inclusive, max_inclusive }: JsonObject): boolean {
  if (typeof min !== 'number' || typeof max !== 'number') return false;
  return min > max || (min === max && (min_inclusive === false || max_inclusive === false));
}

function tighterBound(
  left: Constraint,
  right: Constraint,
  bound: 'min' | 'max',
  flag: 'min_inclusive' | 'max_inclusive',
): JsonObject {
  const tighter = boundNarrows(left, right, bound, flag) ? right : left;
  const { [bound]: limit, [flag]: inclusive } = tighter;
  return limit === undefined
    ? {}
    : { [bound]: limit, ...(inclusive === undefined ? {} : { [flag]: inclusive }) };
}

function withinRange(constraint: Constraint, argument: number): boolean {
  const { min, max } = constraint;
  if (typeof min === 'number') {
    if (constraint['min_inclusive'] === false ? !(argument > min) : !(argument >= min))
      return false;
  }
  if (typeof max === 'number') {
    if (constraint['max_inclusive'] === false ? !(argument < max) : !(argument <= max))
      return false;
  }
  return true;
}

function boundNarrows(
  parent: Constraint,
  child: Constraint,
  bound: 'min' | 'max',
  flag: 'min_inclusive' | 'max_inclusive',
): boolean {
  const outer = parent[bound];
  const inner = child[bound];
  if (typeof outer !== 'number') return true;
  if (typeof inner !== 'number') return false;
  if (inner === outer) return parent[flag] !== false || child[flag] === false;
  return bound === 'min' ? inner > outer : inner < outer;
}

import type { JsonValue } from '../json.ts';
import { listsOnly } from './enumerated.ts';
import { oncePerConstraint } from './once.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Most digits of a second's fraction: nanoseconds. */
const MAX_FRACTION_DIGITS = 9;

interface InstantConstraint {
  readonly not_before: string;
  readonly not_after: string;
}

/**
 * `instant`: a point in time from `not_before` to `not_after` (both included), written in one strict profile of
 * RFC 3339 in UTC. Rules and reasons: `docs/constraints/instant.md`.
 */
export const instant: ConstraintType = {
  name: 'instant',
  members: ['not_before', 'not_after'],
  validate({ not_before, not_after }) {
    const [first, last] = [sortKey(not_before), sortKey(not_after)];
    if (first === undefined) return '`not_before` must be an RFC 3339 instant in UTC';
    if (last === undefined) return '`not_after` must be an RFC 3339 instant in UTC';
    return first <= last ? undefined : '`not_before` is later than `not_after`';
  },
  check,
  subsumes(parent, child) {
    if (child.constraint_type !== 'instant')
      return listsOnly(child, (value) => check(parent, value));
    const [outer, inner] = [windowOf(parent), windowOf(child)];
    return inner.first >= outer.first && inner.last <= outer.last;
  },
  meet(left, right) {
    const [ours, theirs] = [windowOf(left), windowOf(right)];
    const start = ours.first >= theirs.first ? { ...ours, of: left } : { ...theirs, of: right };
    const end = ours.last <= theirs.last ? { ...ours, of: left } : { ...theirs, of: right };
    if (start.first > end.last) return undefined;
    const { not_before } = start.of as unknown as InstantConstraint;
    const { not_after } = end.of as unknown as InstantConstraint;
    return { constraint_type: 'instant', not_before, not_after };
  },
};

function check(constraint: Constraint, value: JsonValue): boolean {
  const key = sortKey(value);
  if (key === undefined) return false;
  const { first, last } = windowOf(constraint);
  return key >= first && key <= last;
}

const windowOf: (constraint: Constraint) => { readonly first: string; readonly last: string } =
  oncePerConstraint((constraint) => {
    const { not_before, not_after } = constraint as unknown as InstantConstraint;
    const [first, last] = [sortKey(not_before), sortKey(not_after)];
    if (first === undefined || last === undefined) {
      throw new Error('an instant reached evaluation without validation');
    }
    return { first, last };
  });

/** A text of fixed width whose order as a string is the order in time; undefined outside the profile. */
function sortKey(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > 30) return undefined;
  const match =
    /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z$/.exec(
      value,
    );
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(Number);
  if (year < 1 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return value.slice(0, 19) + (match[7] ?? '').padEnd(MAX_FRACTION_DIGITS, '0');
}

/** Days of a month of the Gregorian calendar; 0 for a month that does not exist. */
function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

import { canonicalize, type JsonValue } from '@taper/core';
import { isAtMost } from './amount.ts';
import { compareMembers, type Direction, difference, type GrantDifference } from './difference.ts';
import type { GrantCaveats } from './grant.ts';

/** The differences between the caveats of two versions of a grant: one more narrows, one less widens. */
export function compareCaveats(
  before: GrantCaveats | undefined,
  after: GrantCaveats | undefined,
): readonly GrantDifference[] {
  return [
    ...compareMembers(before?.budget, after?.budget, (name, old, fresh) =>
      limited({ member: 'caveats.budget', name }, old, fresh, isAtMost),
    ),
    ...compareMembers(before?.approvals, after?.approvals, (name, old, fresh) =>
      compareMembers(old, fresh, (part, least, now) =>
        limited({ member: 'caveats.approvals', name, part }, least, now, isAtLeast),
      ),
    ),
    ...compareMembers(before?.definitions, after?.definitions, (name, old, fresh) =>
      limited({ member: 'caveats.definitions', name }, old, fresh, isSame),
    ),
    ...limited({ member: 'caveats.purpose' }, before?.purpose, after?.purpose, isSame),
    ...limited({ member: 'caveats.revocation' }, before?.revocation, after?.revocation, isFresher),
  ];
}

/** The difference of something that narrows by being there; `isNarrower` says whether the second asks at least as much as the first. */
export function limited<Value extends JsonValue>(
  at: Pick<GrantDifference, 'member' | 'name' | 'part'>,
  before: Value | undefined,
  after: Value | undefined,
  isNarrower: (before: Value, after: Value) => boolean,
): readonly GrantDifference[] {
  const direction = directionOf(before, after, isNarrower);
  return direction === undefined ? [] : [difference(at, direction, before, after)];
}

function directionOf<Value extends JsonValue>(
  before: Value | undefined,
  after: Value | undefined,
  isNarrower: (before: Value, after: Value) => boolean,
): Direction | undefined {
  if (before === undefined) return after === undefined ? undefined : 'narrowed';
  if (after === undefined) return 'widened';
  if (isSame(before, after)) return undefined;
  if (isNarrower(before, after)) return isNarrower(after, before) ? undefined : 'narrowed';
  return isNarrower(after, before) ? 'widened' : 'incomparable';
}

function isSame(before: JsonValue, after: JsonValue): boolean {
  return canonicalize(before) === canonicalize(after);
}

/** Whether so many approvers are at least as many. */
export function isAtLeast(before: number, after: number): boolean {
  return after >= before;
}

function isFresher(
  before: NonNullable<GrantCaveats['revocation']>,
  after: NonNullable<GrantCaveats['revocation']>,
): boolean {
  return after.log === before.log && after.max_staleness <= before.max_staleness;
}

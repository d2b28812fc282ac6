import type { JsonValue } from '@taper/core';

/**
 * What a change does to authority. `incomparable`: some of it may be new, so it counts as widening; `worded`: nothing, only what is said.
 */
export type Direction = 'widened' | 'narrowed' | 'incomparable' | 'worded';

/** One difference between two versions of a grant. */
export interface GrantDifference {
  /** As the document has it: `tools`, `caveats.budget`, `subject.scopes`. */
  readonly member: string;
  /** The agent, tool, scope, meter, group or place that it is about, where it is about one. */
  readonly name?: string;
  /** The argument of the tool, or the group of its approvers. */
  readonly part?: string;
  readonly direction: Direction;
  /** Left out where there was nothing. */
  readonly before?: JsonValue;
  /** Left out where there is nothing any more. */
  readonly after?: JsonValue;
}

export function difference(
  at: Pick<GrantDifference, 'member' | 'name' | 'part'>,
  direction: Direction,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): GrantDifference {
  return Object.freeze({
    ...at,
    direction,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

/** Differences between what stands under equal names on both sides, in the order of the names. */
export function compareMembers<Value>(
  before: { readonly [name: string]: Value } | undefined,
  after: { readonly [name: string]: Value } | undefined,
  compare: (
    name: string,
    before: Value | undefined,
    after: Value | undefined,
  ) => readonly GrantDifference[],
): readonly GrantDifference[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].sort().flatMap((name) => compare(name, own(before, name), own(after, name)));
}

function own<Value>(
  members: { readonly [name: string]: Value } | undefined,
  name: string,
): Value | undefined {
  return members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Differences of a list whose every entry gives something. */
export function compareLists(
  member: string,
  before: readonly string[],
  after: readonly string[],
): readonly GrantDifference[] {
  return [
    ...after
      .filter((name) => !before.includes(name))
      .map((name) => difference({ member, name }, 'widened', undefined, name)),
    ...before
      .filter((name) => !after.includes(name))
      .map((name) => difference({ member, name }, 'narrowed', name, undefined)),
  ];
}

/** The difference of a limit, of which more is wider. */
export function compareLimits(
  at: Pick<GrantDifference, 'member' | 'name' | 'part'>,
  before: number,
  after: number,
  show: (limit: number) => JsonValue = (limit) => limit,
): readonly GrantDifference[] {
  if (before === after) return [];
  return [difference(at, after > before ? 'widened' : 'narrowed', show(before), show(after))];
}

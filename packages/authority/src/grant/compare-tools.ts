import { compareTools, type JsonObject, type ToolMap } from '@taper/core';
import { compareMembers, type Direction, difference, type GrantDifference } from './difference.ts';

/** The differences between two tool maps, by tool and argument, in authority and not in text. */
export function compareToolMaps(
  member: string,
  before: ToolMap | undefined,
  after: ToolMap | undefined,
): readonly GrantDifference[] {
  return compareMembers<ToolMap[string]>(before, after, (name, old, fresh) => {
    if (old === undefined) return [difference({ member, name }, 'widened', undefined, fresh)];
    if (fresh === undefined) return [difference({ member, name }, 'narrowed', old, undefined)];
    const direction = directionOf(old, fresh);
    if (direction === undefined) return [];
    const parts = compareMembers<JsonObject>(old, fresh, (part, left, right) => {
      const own =
        left === undefined || right === undefined
          ? direction
          : directionOf({ [part]: left }, { [part]: right });
      return own === undefined ? [] : [difference({ member, name, part }, own, left, right)];
    });
    // Of an empty map, which only a scope can have, there is no argument to point at.
    return parts.length > 0 ? parts : [difference({ member, name }, direction, old, fresh)];
  });
}

/** `undefined` where each is provably within the other. */
function directionOf(before: ToolMap[string], after: ToolMap[string]): Direction | undefined {
  const narrows = isWithin(before, after);
  const widens = isWithin(after, before);
  if (narrows && widens) return undefined;
  if (narrows) return 'narrowed';
  return widens ? 'widened' : 'incomparable';
}

function isWithin(above: ToolMap[string], below: ToolMap[string]): boolean {
  return compareTools({ tool: above }, { tool: below }) === undefined;
}

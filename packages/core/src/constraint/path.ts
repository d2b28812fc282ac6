import type { JsonValue } from '../json.ts';
import { listsOnly } from './enumerated.ts';
import { isReach, type Region, regionCovers, regionHolds, regionMeet } from './reach.ts';
import { isPlainSegment } from './segment.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Longest path, as argument and as root, in UTF-16 code units. */
export const MAX_PATH_LENGTH = 4096;

/**
 * `path`: an absolute, already normalized path at, directly below or anywhere below `root`, compared segment by
 * segment. What is not normalized is refused, never repaired. Rules and reasons: `docs/constraints/path.md`.
 */
export const path: ConstraintType = {
  name: 'path',
  members: ['root', 'reach'],
  validate({ root, reach }) {
    if (!isCanonicalPath(root)) return '`root` must be a normalized absolute path';
    return isReach(reach)
      ? undefined
      : '`reach` must be `self`, `children`, `descendants` or `subtree`';
  },
  check,
  subsumes: (parent, child) =>
    child.constraint_type === 'path'
      ? regionCovers(regionOf(parent), regionOf(child))
      : listsOnly(child, (value) => check(parent, value)),
  meet(left, right) {
    const region = regionMeet(regionOf(left), regionOf(right));
    return region && { constraint_type: 'path', root: region.root, reach: region.reach };
  },
};

function check(constraint: Constraint, value: JsonValue): boolean {
  return isCanonicalPath(value) && regionHolds(regionOf(constraint), value);
}

function isCanonicalPath(value: JsonValue | undefined): value is string {
  if (typeof value !== 'string' || value.length > MAX_PATH_LENGTH) return false;
  return value === '/' || (value.startsWith('/') && value.slice(1).split('/').every(isPathSegment));
}

/** A colon would name a drive or an alternate data stream on Windows; a percent sign may be decoded on the way. */
function isPathSegment(segment: string): boolean {
  return !segment.includes(':') && !segment.includes('%') && isPlainSegment(segment);
}

function regionOf(constraint: Constraint): Region {
  return constraint as unknown as Region;
}

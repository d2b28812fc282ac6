import type { JsonValue } from '../json.ts';

/**
 * Which paths a root stands for, by the number of segments below it. The words are exact: only `self` and
 * `subtree` take in the root.
 */
const REACHES: ReadonlyMap<Reach, { readonly nearest: number; readonly furthest: number }> =
  new Map([
    ['self', { nearest: 0, furthest: 0 }],
    ['children', { nearest: 1, furthest: 1 }],
    ['descendants', { nearest: 1, furthest: Number.POSITIVE_INFINITY }],
    ['subtree', { nearest: 0, furthest: Number.POSITIVE_INFINITY }],
  ]);

export type Reach = 'self' | 'children' | 'descendants' | 'subtree';

/** A root and how far it reaches. The root is in the canonical form of whoever uses it. */
export interface Region {
  readonly root: string;
  readonly reach: Reach;
}

export function isReach(value: JsonValue | undefined): value is Reach {
  return typeof value === 'string' && REACHES.has(value as Reach);
}

/** Whether a canonical path lies in the region. */
export function regionHolds(region: Region, path: string): boolean {
  const depth = depthBelow(region.root, path);
  const { nearest, furthest } = limits(region.reach);
  return depth !== undefined && depth >= nearest && depth <= furthest;
}

/**
 * Whether every path of `inner` lies in `outer`. Exact for paths of unbounded length: a path `e` segments below the
 * inner root is `depth + e` below the outer one, so the inner interval, moved by `depth`, must lie within the outer.
 */
export function regionCovers(outer: Region, inner: Region): boolean {
  const depth = depthBelow(outer.root, inner.root);
  if (depth === undefined) return false;
  const [wide, narrow] = [limits(outer.reach), limits(inner.reach)];
  return depth + narrow.nearest >= wide.nearest && depth + narrow.furthest <= wide.furthest;
}

/** The paths that lie in both regions, which are one region again; `undefined` where there are none. */
export function regionMeet(left: Region, right: Region): Region | undefined {
  const depth = depthBelow(left.root, right.root);
  if (depth === undefined) {
    return depthBelow(right.root, left.root) === undefined ? undefined : regionMeet(right, left);
  }
  const [upper, lower] = [limits(left.reach), limits(right.reach)];
  const nearest = Math.max(lower.nearest, upper.nearest - depth);
  const furthest = Math.min(lower.furthest, upper.furthest - depth);
  for (const [reach, found] of REACHES) {
    if (found.nearest === nearest && found.furthest === furthest)
      return { root: right.root, reach };
  }
  return undefined;
}

/** Segments between a root and a path below it: 0 when they are equal, undefined when the path lies elsewhere. */
function depthBelow(root: string, path: string): number | undefined {
  if (path === root) return 0;
  const prefix = root === '/' ? root : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length).split('/').length : undefined;
}

function limits(reach: Reach): { readonly nearest: number; readonly furthest: number } {
  const found = REACHES.get(reach);
  if (found === undefined) throw new Error('a region reached evaluation without validation');
  return found;
}

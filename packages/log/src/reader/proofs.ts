import { createFrontier, EMPTY_ROOT, type Frontier, nodeHash } from '@taper/core';
import type { CheckedTiles } from './checked-tiles.ts';

/** MTH(D[from:to]) of RFC 6962 section 2.1. `from` is a multiple of the largest power of two below the length. */
export async function subtreeRoot(
  tiles: CheckedTiles,
  from: number,
  to: number,
): Promise<Uint8Array> {
  if (from === to) return EMPTY_ROOT.slice();
  const roots = await perfectRoots(tiles, from, to);
  return roots.reduceRight((right, left) => nodeHash(left, right));
}

/** The frontier of the tree of the first `size` entries. */
export async function frontierOf(tiles: CheckedTiles, size: number): Promise<Frontier> {
  return createFrontier(size, await perfectRoots(tiles, 0, size));
}

/** The roots of the perfect trees that a range consists of, largest first. */
async function perfectRoots(tiles: CheckedTiles, from: number, to: number): Promise<Uint8Array[]> {
  const roots: Uint8Array[] = [];
  for (let at = from; at < to; ) {
    const height = heightBelow(to - at + 1);
    roots.push(await tiles.node(height, at / 2 ** height));
    at += 2 ** height;
  }
  return roots;
}

/** PATH(index, D[0:size]) of RFC 6962 section 2.1.1, from the leaf up. */
export async function inclusionPath(
  tiles: CheckedTiles,
  index: number,
  size: number,
): Promise<readonly Uint8Array[]> {
  const siblings: Uint8Array[] = [];
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + 2 ** heightBelow(to - from);
    if (index < middle) {
      siblings.push(await subtreeRoot(tiles, middle, to));
      to = middle;
    } else {
      siblings.push(await subtreeRoot(tiles, from, middle));
      from = middle;
    }
  }
  return siblings.reverse();
}

/** PROOF(oldSize, D[size]) of RFC 6962 section 2.1.2. */
export async function consistencyPath(
  tiles: CheckedTiles,
  oldSize: number,
  size: number,
): Promise<readonly Uint8Array[]> {
  if (oldSize === 0 || oldSize === size) return [];
  const path: Uint8Array[] = [];
  let from = 0;
  let to = size;
  while (to > oldSize) {
    const middle = from + 2 ** heightBelow(to - from);
    if (oldSize <= middle) {
      path.push(await subtreeRoot(tiles, middle, to));
      to = middle;
    } else {
      path.push(await subtreeRoot(tiles, from, middle));
      from = middle;
    }
  }
  // The old tree itself is known to whoever checks.
  if (from > 0) path.push(await subtreeRoot(tiles, from, to));
  return path.reverse();
}

/** The largest h with 2^h < count; for numbers that shifts would cut. */
function heightBelow(count: number): number {
  let height = 0;
  while (2 ** (height + 1) < count) height += 1;
  return height;
}

import { nodeHash } from '@taper/core';

/** Bytes of a hash (SHA-256). */
export const HASH_SIZE = 32;

/** The hash at a place of a tile, as a view of its bytes. */
export function hashAt(tile: Uint8Array, place: number): Uint8Array {
  return tile.subarray(place * HASH_SIZE, (place + 1) * HASH_SIZE);
}

/** The root over `count` hashes of a tile from `place` on; `count` is a power of two. */
export function perfectRoot(tile: Uint8Array, place: number, count: number): Uint8Array {
  let row = Array.from({ length: count }, (_, offset) => hashAt(tile, place + offset));
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let left = 0; left < row.length; left += 2)
      above.push(nodeHash(row[left] as Uint8Array, row[left + 1] as Uint8Array));
    row = above;
  }
  return row[0] as Uint8Array;
}

/** Whether two byte strings are the same. Not for secrets: it stops at the first difference. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

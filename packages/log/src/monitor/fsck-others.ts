import { leafHash } from '@taper/core';
import type { TileSource } from '../port/tile-store.ts';
import { readBundle } from '../tile/bundle.ts';
import { HASH_SIZE, hashAt, sameBytes } from '../tile/hashes.ts';
import { parseTilePath, TILE_WIDTH, type TileName, tilePath } from '../tile/path.ts';
import type { Find } from './fsck.ts';
import type { Truths } from './fsck-judge.ts';
import type { MaybeHash } from './fsck-levels.ts';

/**
 * Checks the files that are there beside those of the tree: partial tiles and bundles of earlier sizes must be the beginning of
 * what belongs in their place now. Those of later sizes are passed over: they are not signed yet. Answers how many were read.
 */
export async function checkOthers(
  source: TileSource,
  size: number,
  paths: Iterable<string> | AsyncIterable<string>,
  truths: Truths,
  find: Find,
): Promise<number> {
  let files = 0;
  for await (const path of paths) {
    const name = parseTilePath(path);
    if (name === undefined) {
      find({ code: 'unexpected', path });
      continue;
    }
    const level = name.level === 'entries' ? 0 : name.level;
    const first = name.index * TILE_WIDTH;
    const now = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - first);
    if (name.width >= now) continue;
    files += 1;
    const held = await readHashes(source, name);
    if (held.length !== name.width) {
      find({ code: 'malformed', path });
      continue;
    }
    const truth =
      truths[level]?.get(name.index) ??
      (await readHashes(source, { level, index: name.index, width: now }));
    for (const [place, hash] of held.entries()) {
      const expected = truth[place];
      if (expected === undefined || sameBytes(hash as Uint8Array, expected)) continue;
      const code = name.level === 'entries' ? 'entry_wrong' : 'hash_wrong';
      find({ code, path, index: first + place });
    }
  }
  return files;
}

/** The hashes in a tile, or of the entries in a bundle; none when it has bytes that are neither. */
async function readHashes(source: TileSource, name: TileName): Promise<readonly MaybeHash[]> {
  const bytes = await source.read(tilePath(name));
  if (bytes === undefined) return [];
  if (name.level === 'entries') {
    const { entries, rest } = readBundle(bytes);
    return rest > 0 ? [] : entries.map(leafHash);
  }
  if (bytes.length % HASH_SIZE !== 0) return [];
  return Array.from({ length: bytes.length / HASH_SIZE }, (_, place) => hashAt(bytes, place));
}

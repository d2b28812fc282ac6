import { leafHash } from '@taper/core';
import type { TileSource } from '../port/tile-store.ts';
import { readBundle } from '../tile/bundle.ts';
import { HASH_SIZE, hashAt, perfectRoot, sameBytes } from '../tile/hashes.ts';
import { TILE_WIDTH, type TileName, tilePath } from '../tile/path.ts';
import type { Find } from './fsck.ts';

/** Tiles that are read at the same time. */
const AT_ONCE = 16;

/** A hash, or `undefined` where it cannot be read or made. */
export type MaybeHash = Uint8Array | undefined;

/** A tile beside the hashes that what is below it gives: entries at level 0, full tiles above. */
export interface Row {
  readonly name: TileName & { readonly level: number };
  readonly stored: readonly MaybeHash[];
  readonly below: readonly MaybeHash[];
}

/** What was read of a log. */
export interface Levels {
  readonly files: number;
  /** By level, by index: the root over a full tile of the level below, as that is stored. */
  readonly roots: readonly (readonly MaybeHash[])[];
  /** By level, by index: what must be looked at again. At level 0 the tiles that are partial or differ from their entries; above, all. */
  readonly rows: readonly ReadonlyMap<number, Row>[];
}

/**
 * Reads all tiles and bundles of a tree of the given size, and hashes what they hold. Names what is missing or has not the form
 * of its name.
 */
export async function readLevels(
  source: TileSource,
  size: number,
  find: Find,
  onProgress: (entries: number, size: number) => void,
): Promise<Levels> {
  const rows: Map<number, Row>[] = [];
  const roots: MaybeHash[][] = [[]];
  let files = 0;
  for (let level = 0, hashes = size; hashes > 0; level += 1) {
    const names = tilesOf(level, hashes);
    const kept = new Map<number, Row>();
    const above: MaybeHash[] = [];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const read = await Promise.all(
        names.slice(at, at + AT_ONCE).map(async (name) => {
          const first = name.index * TILE_WIDTH;
          const stored = await readTile(source, name, find);
          const below =
            level === 0
              ? await readLeaves(source, name, find)
              : (roots[level] ?? []).slice(first, first + name.width);
          return { name, stored, below };
        }),
      );
      for (const row of read) {
        files += level === 0 ? 2 : 1;
        const isFull = row.name.width === TILE_WIDTH;
        if (isFull) above.push(rootOf(row.stored));
        if (level > 0 || !isFull || !sameRow(row.stored, row.below)) kept.set(row.name.index, row);
        if (level === 0) onProgress(row.name.index * TILE_WIDTH + row.name.width, size);
      }
    }
    rows.push(kept);
    roots.push(above);
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
  return { files, roots, rows };
}

function tilesOf(level: number, hashes: number): Row['name'][] {
  return Array.from({ length: Math.ceil(hashes / TILE_WIDTH) }, (_, index) => ({
    level,
    index,
    width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH),
  }));
}

async function readTile(
  source: TileSource,
  name: Row['name'],
  find: Find,
): Promise<readonly MaybeHash[]> {
  const found = await readEither(source, name);
  const path = tilePath(name);
  if (found === undefined) find({ code: 'missing', path });
  else if (found.bytes.length !== found.width * HASH_SIZE) find({ code: 'malformed', path });
  return Array.from({ length: name.width }, (_, place) => {
    const hash = found === undefined ? undefined : hashAt(found.bytes, place);
    return hash?.length === HASH_SIZE ? hash : undefined;
  });
}

/** The leaf hashes of the entries of a bundle. */
async function readLeaves(
  source: TileSource,
  { index, width }: TileName,
  find: Find,
): Promise<readonly MaybeHash[]> {
  const name: TileName = { level: 'entries', index, width };
  const found = await readEither(source, name);
  const path = tilePath(name);
  if (found === undefined) find({ code: 'missing', path });
  const { entries, rest } = readBundle(found?.bytes ?? new Uint8Array(0));
  if (found !== undefined && (rest > 0 || entries.length !== found.width))
    find({ code: 'malformed', path });
  return Array.from({ length: width }, (_, place) => {
    const entry = entries[place];
    return entry === undefined ? undefined : leafHash(entry);
  });
}

/** A partial tile may be gone once the full one is there. */
async function readEither(
  source: TileSource,
  name: TileName,
): Promise<{ readonly bytes: Uint8Array; readonly width: number } | undefined> {
  for (const width of new Set([name.width, TILE_WIDTH])) {
    const bytes = await source.read(tilePath({ ...name, width }));
    if (bytes !== undefined) return { bytes, width };
  }
  return undefined;
}

/** The root over 256 hashes, if all are there. */
export function rootOf(hashes: readonly MaybeHash[]): MaybeHash {
  if (hashes.length !== TILE_WIDTH) return undefined;
  const bytes = new Uint8Array(TILE_WIDTH * HASH_SIZE);
  for (const [place, hash] of hashes.entries()) {
    if (hash === undefined) return undefined;
    bytes.set(hash, place * HASH_SIZE);
  }
  return perfectRoot(bytes, 0, TILE_WIDTH);
}

export function sameHash(one: MaybeHash, other: MaybeHash): boolean {
  return one !== undefined && other !== undefined && sameBytes(one, other);
}

export function sameRow(one: readonly MaybeHash[], other: readonly MaybeHash[]): boolean {
  return one.every((hash, place) => sameHash(hash, other[place]));
}

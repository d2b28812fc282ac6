import { EMPTY_ROOT } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { createTileEdge, edgeTiles, type TileEdge } from './edge.ts';
import { HASH_SIZE, sameBytes } from './hashes.ts';
import { TILE_WIDTH, type TileName, tilePath } from './path.ts';

/** How large a tree is, and its RFC 6962 root (32 bytes). */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/**
 * Reads the partial tiles at the right end of a tree and checks that they have its root.
 * @throws {LogError} `log_corrupt`, naming the tile that is missing or too long or short, or all of them when their root is another.
 */
export async function loadEdge(source: TileSource, { size, root }: TreeHead): Promise<TileEdge> {
  const names = edgeTiles(size);
  const tiles = await Promise.all(names.map((name) => readHashes(source, name)));
  const edge = createTileEdge(size, tiles);
  const found = size === 0 ? EMPTY_ROOT : edge.frontier().root();
  if (!sameBytes(found, root)) {
    throw new LogError(
      'log_corrupt',
      names.map(tilePath).join(', ') || 'checkpoint',
      `The tiles at the end of the tree of ${size} entries do not have its root.`,
      { hint: 'One of them was changed, or is of another tree. Compare with a mirror of the log.' },
    );
  }
  return edge;
}

/**
 * The hashes of a tile, not checked. A partial tile may be gone once the full one is there, which then begins with it.
 * @throws {LogError} `log_corrupt` when it is missing or has another length than its width says.
 */
export async function readHashes(source: TileSource, name: TileName): Promise<Uint8Array> {
  return (
    await readResource(source, name, (bytes, width) => bytes.length === width * HASH_SIZE)
  ).subarray(0, name.width * HASH_SIZE);
}

/**
 * The bytes of a tile or bundle, or of the full one where the partial one is gone.
 * @throws {LogError} `log_corrupt` when there is neither, or its form is not that of its width.
 */
export async function readResource(
  source: TileSource,
  name: TileName,
  hasForm: (bytes: Uint8Array, width: number) => boolean,
): Promise<Uint8Array> {
  const path = tilePath(name);
  let width = name.width;
  let bytes = await source.read(path);
  if (bytes === undefined && width < TILE_WIDTH) {
    width = TILE_WIDTH;
    bytes = await source.read(tilePath({ ...name, width }));
  }
  if (bytes === undefined) {
    throw new LogError('log_corrupt', path, `${path} is missing.`, {
      hint: 'Its bytes may still be in a mirror or a backup of the log; what is put back is checked.',
    });
  }
  if (!hasForm(bytes, width)) {
    throw new LogError('log_corrupt', path, `${path} does not have the form that its name says.`, {
      hint: 'It was cut, or is another resource. Compare with a mirror of the log.',
    });
  }
  return bytes;
}

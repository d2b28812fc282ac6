import { createFrontier, type Frontier } from '@taper/core';
import type { TileFile } from '../port/tile-store.ts';
import { HASH_SIZE, hashAt, perfectRoot } from './hashes.ts';
import { TILE_WIDTH, type TileName, tilePath } from './path.ts';

/** The partial tiles at the right end of a tree of the given size, lowest level first. */
export function edgeTiles(size: number): readonly (TileName & { readonly level: number })[] {
  const tiles: (TileName & { readonly level: number })[] = [];
  for (let level = 0, hashes = size; hashes > 0; level++) {
    const width = hashes % TILE_WIDTH;
    hashes = Math.floor(hashes / TILE_WIDTH);
    if (width > 0) tiles.push({ level, index: hashes, width });
  }
  return tiles;
}

/** The right end of a tree as its partial tiles have it: what is needed to make the tiles that come next. */
export interface TileEdge {
  /** Entries in the tree. */
  readonly size: number;
  /** Adds the hash of an entry; the tiles that this fills are put into `files`. */
  push(leaf: Uint8Array, files: TileFile[]): void;
  /** The partial tiles at this size. */
  partials(): readonly TileFile[];
  /** The roots of the perfect trees of which this one consists. */
  frontier(): Frontier;
  copy(): TileEdge;
}

/** @param tiles the bytes of each tile of `edgeTiles(size)`, of exactly its width, in that order. They are not checked. */
export function createTileEdge(size = 0, tiles: readonly Uint8Array[] = []): TileEdge {
  const levels: Level[] = [];
  for (const [place, { level, width }] of edgeTiles(size).entries()) {
    while (levels.length <= level) levels.push(emptyLevel());
    const own = levels[level] as Level;
    own.bytes.set(tiles[place] as Uint8Array);
    own.width = width;
  }
  return new Edge(size, levels);
}

interface Level {
  readonly bytes: Uint8Array;
  width: number;
}

function emptyLevel(): Level {
  return { bytes: new Uint8Array(TILE_WIDTH * HASH_SIZE), width: 0 };
}

class Edge implements TileEdge {
  size: number;
  readonly #levels: Level[];

  constructor(size: number, levels: Level[]) {
    this.size = size;
    this.#levels = levels;
  }

  push(leaf: Uint8Array, files: TileFile[]): void {
    this.size += 1;
    let hash = leaf;
    for (let level = 0, count = this.size; ; level++) {
      if (this.#levels.length === level) this.#levels.push(emptyLevel());
      const own = this.#levels[level] as Level;
      own.bytes.set(hash, own.width * HASH_SIZE);
      own.width += 1;
      if (own.width < TILE_WIDTH) return;
      count = Math.floor(count / TILE_WIDTH);
      const bytes = Uint8Array.from(own.bytes);
      files.push({ path: tilePath({ level, index: count - 1, width: TILE_WIDTH }), bytes });
      own.width = 0;
      hash = perfectRoot(bytes, 0, TILE_WIDTH);
    }
  }

  partials(): readonly TileFile[] {
    return edgeTiles(this.size).map((name) => ({
      path: tilePath(name),
      bytes: (this.#levels[name.level] as Level).bytes.slice(0, name.width * HASH_SIZE),
    }));
  }

  frontier(): Frontier {
    const hashes: Uint8Array[] = [];
    for (const { bytes, width } of this.#levels.toReversed()) {
      for (let place = 0, count = TILE_WIDTH / 2; count >= 1; count /= 2) {
        if ((width & count) === 0) continue;
        hashes.push(count === 1 ? hashAt(bytes, place).slice() : perfectRoot(bytes, place, count));
        place += count;
      }
    }
    return createFrontier(this.size, hashes);
  }

  copy(): TileEdge {
    const levels = this.#levels.map(({ bytes, width }) => ({
      bytes: Uint8Array.from(bytes),
      width,
    }));
    return new Edge(this.size, levels);
  }
}

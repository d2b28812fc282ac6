import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { edgeTiles } from '../tile/edge.ts';
import { hashAt, perfectRoot, sameBytes } from '../tile/hashes.ts';
import { loadEdge, readHashes, type TreeHead } from '../tile/load-edge.ts';
import { TILE_HEIGHT, TILE_WIDTH, tilePath } from '../tile/path.ts';

/** The hashes of a tree, each known to belong to its root. */
export interface CheckedTiles {
  readonly size: number;
  /** The hash at a tile level: the root over 256^level entries from index × 256^level on; level 0 has the leaf hashes. A view. */
  hash(level: number, index: number): Promise<Uint8Array>;
  /** The root over the 2^height entries from index × 2^height on. */
  node(height: number, index: number): Promise<Uint8Array>;
}

interface KeptTile {
  readonly bytes: Uint8Array;
  readonly root: Uint8Array;
}

/**
 * Reads tiles and checks each: those at the right end by the root of the tree, every other by its own root, which the tile
 * above it holds, up to the right end. A tile that is kept is compared with the tile above it again under every head, so a tree
 * with another history finds nothing here that it does not hold.
 */
export function createCheckedTiles(
  source: TileSource,
  keptTiles: number,
): (head: TreeHead) => CheckedTiles {
  const kept = new Map<string, KeptTile>();
  let last: { readonly head: TreeHead; readonly edge: Promise<readonly Uint8Array[]> } | undefined;

  /** The tiles of `edgeTiles`, by level. */
  function edgeOf(head: TreeHead): Promise<readonly Uint8Array[]> {
    if (last?.head.size === head.size && sameBytes(last.head.root, head.root)) return last.edge;
    const edge = loadEdge(source, head).then((loaded) => {
      const levels: Uint8Array[] = [];
      for (const [place, { bytes }] of loaded.partials().entries())
        levels[edgeTiles(head.size)[place]?.level as number] = bytes;
      return levels;
    });
    const own = { head: { size: head.size, root: Uint8Array.from(head.root) }, edge };
    last = own;
    // What failed is read again the next time.
    edge.catch(() => {
      if (last === own) last = undefined;
    });
    return edge;
  }

  async function fullTile(level: number, index: number, expected: Uint8Array): Promise<Uint8Array> {
    const name = { level, index, width: TILE_WIDTH };
    const path = tilePath(name);
    let tile = kept.get(path);
    if (tile === undefined || !sameBytes(tile.root, expected)) {
      const bytes = Uint8Array.from(await readHashes(source, name));
      tile = { bytes, root: perfectRoot(bytes, 0, TILE_WIDTH) };
    }
    if (!sameBytes(tile.root, expected)) {
      throw new LogError('log_corrupt', path, `${path} is not the tile of this log.`, {
        hint: 'The tile above it has another hash for it. Compare with a mirror of the log.',
      });
    }
    kept.delete(path);
    kept.set(path, tile);
    for (const oldest of kept.keys()) {
      if (kept.size <= keptTiles) break;
      kept.delete(oldest);
    }
    return tile.bytes;
  }

  return (head) => {
    async function tileOf(level: number, index: number): Promise<Uint8Array> {
      const full = Math.floor(head.size / TILE_WIDTH ** (level + 1));
      if (index >= full) return (await edgeOf(head))[level] as Uint8Array;
      return fullTile(level, index, await hash(level + 1, index));
    }
    async function hash(level: number, index: number): Promise<Uint8Array> {
      return hashAt(await tileOf(level, Math.floor(index / TILE_WIDTH)), index % TILE_WIDTH);
    }
    return {
      size: head.size,
      hash,
      async node(height, index) {
        const level = Math.floor(height / TILE_HEIGHT);
        const count = 2 ** (height % TILE_HEIGHT);
        const first = index * count;
        const tile = await tileOf(level, Math.floor(first / TILE_WIDTH));
        return perfectRoot(tile, first % TILE_WIDTH, count).slice();
      },
    };
  };
}

import { leafHash } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileFile, TileSource } from '../port/tile-store.ts';
import { readBundle, writeBundle } from '../tile/bundle.ts';
import type { TileEdge } from '../tile/edge.ts';
import { hashAt, sameBytes } from '../tile/hashes.ts';
import { loadEdge, readResource, type TreeHead } from '../tile/load-edge.ts';
import { TILE_WIDTH, tilePath } from '../tile/path.ts';

/** The right end of what is in tiles: all that is needed to make the next ones. Never changed; `extend` makes another. */
export interface TiledEnd {
  readonly edge: TileEdge;
  /** Entries of the last bundle, when it is not full. */
  readonly open: readonly Uint8Array[];
}

/** New tiles and bundles, and where they end. */
export interface Extension {
  readonly end: TiledEnd;
  readonly files: readonly TileFile[];
  /** Paths of the full tiles and bundles that were partial before: their partial forms are not needed any more. */
  readonly filled: readonly string[];
}

/**
 * Reads the right end of the tree and checks it against the root: the partial tiles, and the entries of the last bundle.
 * @throws {LogError} `log_corrupt`.
 */
export async function loadTiledEnd(source: TileSource, head: TreeHead): Promise<TiledEnd> {
  const edge = await loadEdge(source, head);
  const width = head.size % TILE_WIDTH;
  if (width === 0) return { edge, open: [] };
  const name = { level: 'entries', index: Math.floor(head.size / TILE_WIDTH), width } as const;
  const bytes = await readResource(source, name, (found, expected) => {
    const { entries, rest } = readBundle(found);
    return rest === 0 && entries.length === expected;
  });
  const open = readBundle(bytes)
    .entries.slice(0, width)
    .map((entry) => new Uint8Array(entry));
  const leaves = (edge.partials()[0] as TileFile).bytes;
  for (const [place, entry] of open.entries()) {
    if (sameBytes(leafHash(entry), hashAt(leaves, place))) continue;
    throw new LogError(
      'log_corrupt',
      tilePath(name),
      `${tilePath(name)} does not hold entry ${place} of this log.`,
      {
        hint: 'An entry was changed. Nothing is signed before the bundle is as it was; compare with a mirror of the log.',
      },
    );
  }
  return { edge, open };
}

/** Makes the tiles and bundles of the entries that come next, with the partial ones at the end. Entries are hashed here again, apart from the frontier. */
export function extend({ edge, open }: TiledEnd, entries: readonly Uint8Array[]): Extension {
  const next = edge.copy();
  const files: TileFile[] = [];
  let bundle = [...open];
  for (const entry of entries) {
    next.push(leafHash(entry), files);
    bundle.push(entry);
    if (bundle.length < TILE_WIDTH) continue;
    const index = next.size / TILE_WIDTH - 1;
    files.push({
      path: tilePath({ level: 'entries', index, width: TILE_WIDTH }),
      bytes: writeBundle(bundle),
    });
    bundle = [];
  }
  const filled = files.map(({ path }) => path);
  files.push(...next.partials());
  if (bundle.length > 0) {
    const name = {
      level: 'entries',
      index: Math.floor(next.size / TILE_WIDTH),
      width: bundle.length,
    } as const;
    files.push({ path: tilePath(name), bytes: writeBundle(bundle) });
  }
  return { end: { edge: next, open: bundle }, files, filled };
}

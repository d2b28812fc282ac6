import { leafHash } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { readBundle } from '../tile/bundle.ts';
import { sameBytes } from '../tile/hashes.ts';
import { readResource } from '../tile/load-edge.ts';
import { TILE_WIDTH, type TileName, tilePath } from '../tile/path.ts';
import type { CheckedTiles } from './checked-tiles.ts';
import type { LogEntry } from './log-reader.ts';

/**
 * The entries of a range, each compared with its leaf hash before it is yielded. One that was changed ends the run, with those
 * before it yielded; what is behind it can be asked for.
 * @throws {LogError} `log_corrupt`.
 */
export async function* readEntries(
  source: TileSource,
  tiles: CheckedTiles,
  from: number,
  to: number,
): AsyncGenerator<LogEntry, void> {
  for (let index = from; index < to; ) {
    const bundle = Math.floor(index / TILE_WIDTH);
    const first = bundle * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, tiles.size - first);
    const name: TileName = { level: 'entries', index: bundle, width };
    let held = width;
    const bytes = await readResource(source, name, (_, found) => {
      held = found;
      return true;
    });
    const { entries, rest } = readBundle(bytes);
    for (const end = Math.min(to, first + width); index < end; index++) {
      const entry = entries[index - first];
      if (entry === undefined || !sameBytes(leafHash(entry), await tiles.hash(0, index))) {
        throw new LogError(
          'log_corrupt',
          `entry ${index}`,
          `${tilePath(name)} does not hold entry ${index}.`,
          {
            hint: 'The entry, or the length of one before it, was changed. Compare with a mirror of the log.',
          },
        );
      }
      yield { index, entry: new Uint8Array(entry) };
    }
    // Nothing may hide behind the last entry of a bundle.
    if (index === first + width && (rest > 0 || entries.length !== held)) {
      throw new LogError(
        'log_corrupt',
        tilePath(name),
        `${tilePath(name)} holds more than its entries.`,
      );
    }
  }
}

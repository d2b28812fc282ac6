import type { Frontier } from '@taper/core';
import { TaperError } from '@taper/core';
import type { TileSource } from '../port/tile-store.ts';
import type { TreeHead } from '../tile/load-edge.ts';
import { createCheckedTiles } from './checked-tiles.ts';
import { readEntries } from './entries.ts';
import { consistencyPath, frontierOf, inclusionPath, subtreeRoot } from './proofs.ts';

/** An entry of a log with its index, from 0 on. */
export interface LogEntry {
  readonly index: number;
  readonly entry: Uint8Array;
}

/**
 * Reads a log under a tree head that is believed already. Nothing that comes from the source is handed out before it is known
 * to belong to the tree with that root; a proof costs a few tiles, whatever the size of the log.
 *
 * All throw {@link LogError} `log_corrupt`, naming the tile, bundle or entry that is missing or wrong; {@link TaperError}
 * `option_invalid` for what is no index or size; `log_unverified` for a size above the head's; and whatever the source throws.
 */
export interface LogReader {
  /** The head under which everything is checked. */
  head(): TreeHead;
  /** The entries from `from` (included) to `to` (not included; default: the head's size), in order. Those before a wrong one are yielded. */
  entries(from?: number, to?: number): AsyncIterable<LogEntry>;
  /** The leaf hashes of the entries of a range, in order. */
  leafHashes(from?: number, to?: number): AsyncIterable<Uint8Array>;
  /** The proof that entry `index` is in the tree of `size` entries (RFC 9162 section 2.1.3). Default: the head's size. */
  inclusionProof(index: number, size?: number): Promise<readonly Uint8Array[]>;
  /** The proof that the tree of `size` entries begins with the one of `oldSize` (RFC 9162 section 2.1.4). Empty when `oldSize` is 0 or `size`. */
  consistencyProof(oldSize: number, size?: number): Promise<readonly Uint8Array[]>;
  /** The root of the tree of the first `size` entries. */
  root(size?: number): Promise<Uint8Array>;
  /** From which whoever has the first `size` entries can go on. */
  frontier(size?: number): Promise<Frontier>;
}

export interface LogReaderOptions {
  readonly source: TileSource;
  /** What is believed: the size and root of a verified checkpoint. Asked at each call, so that a log that grows can be followed; a later answer must be consistent with an earlier one. */
  readonly head: () => TreeHead;
  /** Checked tiles that are kept, each 8 kB. Default: 256. */
  readonly keptTiles?: number;
}

/** Makes a reader; it reads nothing yet. */
export function createLogReader({ source, head, keptTiles = 256 }: LogReaderOptions): LogReader {
  const tilesAt = createCheckedTiles(source, keptTiles);

  /** The tiles under the head as it is now, once the numbers asked about make sense there: each at most the next one. */
  function under(...numbers: readonly (number | undefined)[]): {
    tiles: ReturnType<typeof tilesAt>;
    numbers: readonly number[];
  } {
    const tiles = tilesAt(head());
    const known = numbers.map((number) => number ?? tiles.size);
    known.forEach((number, place) => {
      if (!Number.isSafeInteger(number) || number < 0 || number > (known[place + 1] ?? number))
        throw new TaperError('option_invalid', 'A log has no such index, size or range.');
    });
    if ((known.at(-1) ?? 0) > tiles.size) {
      throw new TaperError(
        'log_unverified',
        `No verified checkpoint covers ${known.at(-1)} entries.`,
        {
          hint: `The one at hand is of ${tiles.size} entries. Fetch and verify a newer one.`,
        },
      );
    }
    return { tiles, numbers: known };
  }

  return Object.freeze<LogReader>({
    head,
    async *entries(from = 0, to) {
      const { tiles, numbers } = under(from, to);
      yield* readEntries(source, tiles, from, numbers[1] as number);
    },
    async *leafHashes(from = 0, to) {
      const { tiles, numbers } = under(from, to);
      for (let index = from; index < (numbers[1] as number); index++)
        yield (await tiles.hash(0, index)).slice();
    },
    async inclusionProof(index, size) {
      const { tiles, numbers } = under(index, size);
      if (index === numbers[1])
        throw new TaperError('option_invalid', 'The entry is not in a tree of that size.');
      return inclusionPath(tiles, index, numbers[1] as number);
    },
    async consistencyProof(oldSize, size) {
      const { tiles, numbers } = under(oldSize, size);
      return consistencyPath(tiles, oldSize, numbers[1] as number);
    },
    async root(size) {
      const { tiles, numbers } = under(size);
      return subtreeRoot(tiles, 0, numbers[0] as number);
    },
    async frontier(size) {
      const { tiles, numbers } = under(size);
      return frontierOf(tiles, numbers[0] as number);
    },
  });
}

import { leafHash } from '@taper/core';
import { testKey } from '@taper/testkit';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import type { TileSource, TileStore } from '../../src/port/tile-store.ts';
import type { Log } from '../../src/writer/log.ts';
import { openLog } from '../../src/writer/open-log.ts';

export const ORIGIN = 'log.example/test';
export const KEY = testKey('log');

export function entryOf(index: number): Uint8Array {
  return new TextEncoder().encode(`entry ${index}`);
}

export function leafOf(index: number): Uint8Array {
  return leafHash(entryOf(index));
}

/** A published log of so many entries, in memory. */
export async function publishedLog(size: number): Promise<{ log: Log; tiles: TileStore }> {
  const tiles = createMemoryTileStore();
  const checkpoints = createMemoryCheckpointStore();
  const log = await openLog({
    origin: ORIGIN,
    signer: KEY.signer,
    tiles,
    checkpoints,
    create: true,
  });
  for (let from = 0; from < size; from += 20_000) {
    const count = Math.min(20_000, size - from);
    await log.appendAll(Array.from({ length: count }, (_, offset) => entryOf(from + offset)));
  }
  await log.publish();
  return { log, tiles };
}

/** The source with one resource changed; `undefined`: gone. */
export function changed(
  source: TileSource,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array | undefined,
): TileSource {
  return {
    async read(asked) {
      const bytes = await source.read(asked);
      return asked === path && bytes !== undefined ? change(new Uint8Array(bytes)) : bytes;
    },
  };
}

export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
  return bytes;
}

import { type LogTrust, noteKey } from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { createMemoryCheckpointStore } from '../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../src/memory/tile-store.ts';
import type { TileSource, TileStore } from '../src/port/tile-store.ts';
import type { Witness } from '../src/port/witness.ts';
import type { Log } from '../src/writer/log.ts';
import { openLog } from '../src/writer/open-log.ts';
import { ORIGIN } from './plain-log.ts';

/** A log in memory, and every file that it has written. */
export interface TileLog {
  readonly log: Log;
  /** Bytes by path; `checkpoint` is among them after `publish`. */
  readonly files: Map<string, Uint8Array>;
  readonly source: TileSource;
  readonly trust: LogTrust;
  append(count: number): Promise<void>;
  publish(): Promise<string>;
}

export interface TileLogOptions {
  readonly origin?: string;
  readonly key?: TestKey;
  readonly witnesses?: readonly Witness[];
  /** What the entries begin with. */
  readonly history?: string;
}

export async function tileLog(options: TileLogOptions = {}): Promise<TileLog> {
  const { origin = ORIGIN, key = testKey('log'), witnesses = [], history = 'entry' } = options;
  const files = new Map<string, Uint8Array>();
  const memory = createMemoryTileStore();
  const tiles: TileStore = {
    ...memory,
    async write(written) {
      await memory.write(written);
      for (const { path, bytes } of written) files.set(path, Uint8Array.from(bytes));
    },
  };
  const checkpoints = createMemoryCheckpointStore();
  const { signer } = key;
  const log = await openLog({ origin, signer, tiles, checkpoints, create: true, witnesses });
  return {
    log,
    files,
    source: sourceOf(files),
    trust: {
      origin,
      keys: [noteKey(origin, key.publicKey, 1)],
      witnesses: witnesses.map((witness) => witness.key),
      quorum: witnesses.length,
    },
    async append(count) {
      const from = log.size;
      await log.appendAll(
        Array.from({ length: count }, (_, index) => Buffer.from(`${history} ${from + index}`)),
      );
    },
    async publish() {
      const { note } = await log.publish();
      files.set('checkpoint', Buffer.from(note));
      return note;
    },
  };
}

export function sourceOf(files: ReadonlyMap<string, Uint8Array>): TileSource {
  return { read: async (path) => files.get(path) };
}

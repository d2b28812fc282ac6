import type { Signer } from '@taper/core';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import type { CheckpointStore, StoredCheckpoint } from '../../src/port/checkpoint-store.ts';
import type { TileStore } from '../../src/port/tile-store.ts';
import type { Log } from '../../src/writer/log.ts';
import { type LogOptions, openLog } from '../../src/writer/open-log.ts';
import { KEY, ORIGIN } from '../reader/scene.ts';

export interface Stores {
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
}

export function newStores(): Stores {
  return { tiles: createMemoryTileStore(), checkpoints: createMemoryCheckpointStore() };
}

/** Opens the log in these stores; makes it when they are empty and nothing else is said. */
export function open(stores: Stores, options: Partial<LogOptions> = {}): Promise<Log> {
  const signer: Signer = KEY.signer;
  return openLog({ origin: ORIGIN, signer, create: true, ...stores, ...options });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function many(count: number, name = 'entry'): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => bytes(`${name} ${index}`));
}

/** All entries that are published, as text. */
export async function textsIn(log: Log): Promise<string[]> {
  const texts: string[] = [];
  for await (const { entry } of log.reader.entries()) texts.push(new TextDecoder().decode(entry));
  return texts;
}

/** A checkpoint store that holds this from the start, as one that was restored does. */
export async function restoredCheckpoint(
  stored: StoredCheckpoint | undefined,
): Promise<CheckpointStore> {
  const store = createMemoryCheckpointStore();
  if (stored !== undefined) await store.replace(undefined, stored);
  return store;
}

/** A tile store as it was when the copy was made. */
export class RestorableTiles implements TileStore {
  #files = new Map<string, Uint8Array>();
  #inner: TileStore = createMemoryTileStore();

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#inner.read(path);
  }
  async write(files: Parameters<TileStore['write']>[0]): Promise<void> {
    await this.#inner.write(files);
    for (const { path, bytes: content } of files) this.#files.set(path, content);
  }
  dropPartials(): Promise<void> {
    return Promise.resolve();
  }
  stage(record: Uint8Array): Promise<void> {
    return this.#inner.stage(record);
  }
  restage(record: Uint8Array): Promise<void> {
    return this.#inner.restage(record);
  }
  staged(): ReturnType<TileStore['staged']> {
    return this.#inner.staged();
  }
  /** A copy of all that is there now, on which nothing done later has an effect. */
  async backup(): Promise<RestorableTiles> {
    const copy = new RestorableTiles();
    await copy.write([...this.#files].map(([path, content]) => ({ path, bytes: content })));
    const [base, ...later] = (await this.staged()).records;
    if (base !== undefined) await copy.restage(base);
    for (const record of later) await copy.stage(record);
    return copy;
  }
}

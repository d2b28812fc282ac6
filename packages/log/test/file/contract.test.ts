import { join } from 'node:path';
import { describe, test } from 'vitest';
import { openFileCheckpointStore } from '../../src/file/checkpoint-store.ts';
import { openFileTileStore } from '../../src/file/tile-store.ts';
import { checkpointStoreContract } from '../../src/testing/checkpoint-store.ts';
import { tileStoreContract } from '../../src/testing/tile-store.ts';
import { newFolder } from './folder.ts';

/** A store in a folder that can be opened again. */
async function opened<Store extends { close(): Promise<void> }>(
  open: (folder: string) => Promise<Store>,
): Promise<{ store: Store; reopen(): Promise<Store>; close(): Promise<void> }> {
  const folder = join(newFolder(), 'store');
  let store = await open(folder);
  return {
    store,
    async reopen() {
      await store.close();
      store = await open(folder);
      return store;
    },
    close: () => store.close(),
  };
}

describe('the tile store in a folder', () => {
  tileStoreContract({ test, durable: true, open: () => opened(openFileTileStore) });
});

describe('the checkpoint store in a folder', () => {
  checkpointStoreContract({ test, durable: true, open: () => opened(openFileCheckpointStore) });
});

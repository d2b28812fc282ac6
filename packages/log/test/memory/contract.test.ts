import { describe, test } from 'vitest';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import { checkpointStoreContract } from '../../src/testing/checkpoint-store.ts';
import { tileStoreContract } from '../../src/testing/tile-store.ts';

describe('the tile store in memory', () => {
  tileStoreContract({
    test,
    durable: false,
    open: async () => ({ store: createMemoryTileStore(), close: async () => {} }),
  });
});

describe('the checkpoint store in memory', () => {
  checkpointStoreContract({
    test,
    durable: false,
    open: async () => ({ store: createMemoryCheckpointStore(), close: async () => {} }),
  });
});

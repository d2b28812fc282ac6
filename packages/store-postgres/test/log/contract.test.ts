import { checkpointStoreContract, tileStoreContract } from '@taper/log/testing';
import { describe, test } from 'vitest';
import {
  createPostgresCheckpointStore,
  createPostgresTileStore,
  openPostgres,
  type PostgresDatabase,
  type PostgresLogOptions,
} from '../../src/index.ts';
import { leaseOf, testServer } from '../server.ts';

const { openNew } = testServer();

/** A store in a database of its own; a restart is another connection and a lease taken again. */
async function opened<Store>(
  make: (database: PostgresDatabase, options: PostgresLogOptions) => Store,
): Promise<{ store: Store; reopen(): Promise<Store>; close(): Promise<void> }> {
  const { url, database } = await openNew();
  const databases = [database];
  let lease = await leaseOf(database);
  return {
    store: make(database, { log: 'one', lease }),
    async reopen() {
      await lease.release();
      const again = await openPostgres({ url });
      databases.push(again);
      lease = await leaseOf(again);
      return make(again, { log: 'one', lease });
    },
    async close() {
      await lease.release();
      for (const each of databases) await each.close();
    },
  };
}

describe('the tile store in PostgreSQL', () => {
  tileStoreContract({ test, durable: true, open: () => opened(createPostgresTileStore) });
});

describe('the checkpoint store in PostgreSQL', () => {
  checkpointStoreContract({
    test,
    durable: true,
    open: () => opened(createPostgresCheckpointStore),
  });
});

import { budgetLedgerContract, type OpenedPort, replayStoreContract } from '@taper/enforce/testing';
import { describe, test } from 'vitest';
import {
  createPostgresBudgetLedger,
  createPostgresReplayStore,
  openPostgres,
  type PostgresDatabase,
} from '../../src/index.ts';
import { testServer } from '../server.ts';

const { openNew } = testServer();

/** One database, with two pools, as two processes have. */
async function shared<Port>(make: (database: PostgresDatabase) => Port): Promise<OpenedPort<Port>> {
  const { url, database: here } = await openNew();
  const there = await openPostgres({ url });
  return {
    port: make(here),
    peer: make(there),
    async close() {
      await here.close();
      await there.close();
    },
  };
}

describe('the replay store in PostgreSQL', () => {
  replayStoreContract({
    test,
    open: (options) => shared((database) => createPostgresReplayStore(database, options)),
  });
});

describe('the budget ledger in PostgreSQL', () => {
  budgetLedgerContract({
    test,
    open: (options) => shared((database) => createPostgresBudgetLedger(database, options)),
  });
});

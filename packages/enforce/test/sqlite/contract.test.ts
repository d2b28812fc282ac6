import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import {
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  createSqliteRevocationView,
  openSqliteDatabase,
  type SqliteDatabase,
} from '../../src/sqlite/index.ts';
import { CONTRACT_TIME } from '../../src/testing/contract.ts';
import {
  budgetLedgerContract,
  type OpenedPort,
  replayStoreContract,
  revocationViewContract,
} from '../../src/testing/index.ts';

/** One file, opened twice, as two processes do. */
async function shared<Port>(make: (database: SqliteDatabase) => Port): Promise<OpenedPort<Port>> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-contract-'));
  const path = join(folder, 'store.db');
  const [here, there] = [openSqliteDatabase(path), openSqliteDatabase(path)];
  return {
    port: make(here),
    peer: make(there),
    async close() {
      here.close();
      there.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe('the replay store in SQLite', () => {
  replayStoreContract({
    test,
    open: (options) => shared((database) => createSqliteReplayStore(database, options)),
  });
});

describe('the budget ledger in SQLite', () => {
  const clock = { now: () => CONTRACT_TIME };
  budgetLedgerContract({
    test,
    open: (options) =>
      shared((database) => createSqliteBudgetLedger(database, { ...options, clock })),
  });
});

describe('the revocation view in SQLite', () => {
  revocationViewContract({
    test,
    open: (options) => shared((database) => createSqliteRevocationView(database, options)),
  });
});

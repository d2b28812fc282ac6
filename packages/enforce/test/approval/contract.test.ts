import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createMemoryApprovalSource } from '../../src/index.ts';
import { createSqliteApprovalSource, openSqliteDatabase } from '../../src/sqlite/index.ts';
import { approvalSourceContract } from '../../src/testing/index.ts';

describe('the approval source in memory', () => {
  approvalSourceContract({
    test,
    async open(options) {
      const port = createMemoryApprovalSource(options);
      return { port, peer: port, close: async () => undefined };
    },
  });
});

describe('the approval source in SQLite', () => {
  approvalSourceContract({
    test,
    async open(options) {
      const folder = mkdtempSync(join(tmpdir(), 'taper-approval-'));
      const databases = [1, 2].map(() => openSqliteDatabase(join(folder, 'store.db')));
      const [port, peer] = databases.map((each) => createSqliteApprovalSource(each, options));
      return {
        port: port as NonNullable<typeof port>,
        peer: peer as NonNullable<typeof peer>,
        async close() {
          for (const database of databases) database.close();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  });
});

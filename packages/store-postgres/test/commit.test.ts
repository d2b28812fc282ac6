import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'vitest';
import { PostgresError } from '../src/index.ts';
import { statement } from '../src/statement.ts';
import { testServer } from './server.ts';

const context = testServer();
const WRITING = { begin: 'BEGIN', writes: true } as const;
const PUT = statement(`INSERT INTO setting (name, value) VALUES ($1, 'x') RETURNING 1`);
const FAIL = statement(`SELECT 1 / (SELECT count(*) FROM setting WHERE name = 'none')`);
const NAMES = statement('SELECT name FROM setting ORDER BY name');

describe('a commit', () => {
  test('Z01: that the server answers with a rollback has not been done, whoever did not wait for what failed', async () => {
    const { database } = await context.openNew();
    try {
      const outcome = await database
        .transaction(WRITING, async ({ query }) => {
          await query(PUT, ['lost']);
          query(FAIL).catch(() => undefined);
          return 'done';
        })
        .catch((error: unknown) => error);
      deepStrictEqual(await database.query(NAMES), []);
      ok(outcome instanceof PostgresError);
      strictEqual(outcome.outcome, 'not_done');
      const next = await database.transaction(WRITING, async ({ query }) => {
        await query(PUT, ['kept']);
        return 'done';
      });
      strictEqual(next, 'done');
      deepStrictEqual(await database.query(NAMES), [{ name: 'kept' }]);
    } finally {
      await database.close();
    }
  });
});

import type { AuthorityStore } from '@taper/authority';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createPostgresAuthorityStore, openPostgres } from '../../src/index.ts';
import { openProxy } from '../proxy.ts';
import { testServer } from '../server.ts';

const context = testServer();

const increment = (store: AuthorityStore, name: string): Promise<void> =>
  store.transaction(async (tx) => {
    const count = Number((await tx.findSetting(name)) ?? '0');
    await tx.putSetting(name, String(count + 1));
  });

const codes = async (asked: readonly Promise<unknown>[]): Promise<readonly unknown[]> =>
  (await Promise.allSettled(asked)).map((each) =>
    each.status === 'fulfilled' ? 'done' : (each.reason as { code?: unknown }).code,
  );

test('Z06: transactions of which it is not known whether they were committed are not run again, whatever the server last said', async () => {
  const { url, database } = await context.openNew();
  const proxy = await openProxy(context.server.port);
  const behind = await openPostgres({ url: proxy.url(url), outcomeTimeout: 200 });
  try {
    const store = createPostgresAuthorityStore(behind);
    const names = ['a', 'b', 'c'];
    const first = store.transaction(async () => undefined);
    // These share the next commit.
    const asked = codes(names.map((name) => increment(store, name)));
    await first;
    // 58030: the write-ahead log could not be written. There is a way back while a client still tries to connect.
    proxy.panicAtCommit('58030', 600);
    expect(await asked).toEqual(names.map(() => 'store_unavailable'));
    const found = await createPostgresAuthorityStore(database).read((tx) =>
      Promise.all(names.map((name) => tx.findSetting(name))),
    );
    expect(found).toEqual(['1', '1', '1']);
  } finally {
    await behind.close();
    await proxy.close();
    await database.close();
  }
});

test('Z01: where the lock is not given, all that wait for it together are refused together, and not one after the other', async () => {
  const { url, database } = await context.openNew({ statementTimeout: 300 });
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  try {
    const store = createPostgresAuthorityStore(database);
    await other.query('BEGIN; LOCK TABLE taper.authority_turn IN EXCLUSIVE MODE');
    let refused = 0;
    const all = Array.from({ length: 21 }, (_, place) =>
      increment(store, `${place}`).catch((error: { code?: unknown }) => {
        if (error.code === 'store_unavailable') refused += 1;
      }),
    );
    // The first is alone, since it did not have to wait; the others are together.
    await all[1];
    await new Promise(setImmediate);
    expect(refused).toBe(21);
    await other.query('ROLLBACK');
    await increment(store, 'after');
    expect(await store.read((tx) => tx.findSetting('after'))).toBe('1');
  } finally {
    await other.end();
    await database.close();
  }
});

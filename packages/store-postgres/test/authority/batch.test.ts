import { setTimeout as pause } from 'node:timers/promises';
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

test('what a transaction is answered is what came of the run that was committed, and not of one before it', async () => {
  const { url, database } = await context.openNew();
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  try {
    const store = createPostgresAuthorityStore(database);
    await store.transaction((tx) => tx.putSetting('held', 'x'));
    await other.query(`BEGIN; UPDATE taper.setting SET value = 'y' WHERE name = 'held'`);
    const runs = { before: 0, held: 0 };
    let crossed: Promise<unknown> | undefined;
    const first = store.transaction(async () => undefined);
    const before = store.transaction(async (tx) => {
      runs.before += 1;
      await tx.putSetting('before', `${runs.before}`);
      return runs.before;
    });
    const held = store.transaction(async (tx) => {
      runs.held += 1;
      const writing = tx.putSetting('held', 'z');
      // Each waits for the other now: the server ends one of them, and it is ours, which has waited longer.
      crossed ??= lockSoon(other);
      await writing;
      return runs.held;
    });
    await first;
    const answers = [await before, await held];
    await crossed;
    expect(runs.before).toBeGreaterThan(1);
    expect(answers).toEqual([runs.before, runs.held]);
    expect(await store.read((tx) => tx.findSetting('before'))).toBe(`${runs.before}`);
  } finally {
    await other.end();
    await database.close();
  }
});

/** Asks for the turn a little after somebody has begun to wait, and gives everything back once it has it. */
async function lockSoon(client: pg.Client): Promise<void> {
  await pause(100);
  await client.query('LOCK TABLE taper.authority_turn IN EXCLUSIVE MODE');
  await client.query('ROLLBACK');
}

test('a store that is closed has ended what it had begun, and refuses what waits and what comes', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database);
  let begun: () => void = () => undefined;
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let isDone = false;
  const running = store
    .transaction(async (tx) => {
      begun();
      await pause(50);
      await tx.putSetting('running', 'x');
    })
    .then(() => {
      isDone = true;
    });
  const waiting = codes([increment(store, 'waiting')]);
  await isBegun;
  await store.close();
  expect(isDone).toBe(true);
  await running;
  expect(await waiting).toEqual(['store_unavailable']);
  expect(await codes([increment(store, 'late')])).toEqual(['store_unavailable']);
  await database.close();
});

test('Z01: of transactions that wait, so many wait and no more: what comes beyond is refused at once', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database);
  let end: () => void = () => undefined;
  const isEnd = new Promise<void>((resolve) => {
    end = resolve;
  });
  const first = store.transaction(() => isEnd);
  const nothing = () => store.transaction(async () => undefined);
  const refused: number[] = [];
  const waiting = Array.from({ length: 10_000 }, (_, place) =>
    nothing().catch(() => refused.push(place)),
  );
  expect(await codes([nothing()])).toEqual(['store_unavailable']);
  expect(refused).toEqual([]);
  const closing = store.close();
  await Promise.all(waiting);
  expect(refused).toHaveLength(10_000);
  end();
  await Promise.all([first, closing]);
  await database.close();
});

test('Z06: what is refused because of what another has written is refused once that is committed, and not where it never is', async () => {
  const { url, database } = await context.openNew();
  const proxy = await openProxy(context.server.port);
  const behind = await openPostgres({ url: proxy.url(url) });
  try {
    const store = createPostgresAuthorityStore(behind);
    const first = store.transaction(async () => undefined);
    const asked = codes([
      store.transaction((tx) => tx.putSetting('used', 'x')),
      store.transaction(async (tx) => {
        if ((await tx.findSetting('used')) !== undefined)
          throw Object.assign(new Error('It is used.'), { code: 'used' });
      }),
    ]);
    await first;
    proxy.cutAtCommit('before', 100);
    expect(await asked).toEqual(['store_unavailable', 'store_unavailable']);
    expect(await store.read((tx) => tx.findSetting('used'))).toBeUndefined();
  } finally {
    await behind.close();
    await proxy.close();
    await database.close();
  }
});

test('of transactions that share a commit those that fail when they have written are undone, whichever they are, and no others', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database);
  for (let pattern = 0; pattern < 16; pattern += 1) {
    const fails = [1, 2, 4, 8].map((bit) => (pattern & bit) !== 0);
    const first = store.transaction(async () => undefined);
    const asked = fails.map((isFailing, place) =>
      store.transaction(async (tx) => {
        await tx.putSetting(`${pattern} ${place}`, 'x');
        if (isFailing) throw Object.assign(new Error('own'), { code: 'own' });
      }),
    );
    await first;
    expect(await codes(asked)).toEqual(fails.map((isFailing) => (isFailing ? 'own' : 'done')));
    const kept = await store.read((tx) =>
      Promise.all(fails.map((_, place) => tx.findSetting(`${pattern} ${place}`))),
    );
    expect(kept).toEqual(fails.map((isFailing) => (isFailing ? undefined : 'x')));
  }
  await database.close();
});

test('a read that goes on beside one that the server does not take is answered as if it were alone', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database);
  await store.transaction((tx) => tx.putSetting('a', 'x'));
  const inSteps = () =>
    store.read(async (tx) => [
      await tx.findSetting('a'),
      await tx.findSetting('a'),
      await tx.findSetting('a'),
    ]);
  const beside = [inSteps(), store.read((tx) => tx.findSetting('a\0b')), inSteps()];
  expect((await codes(beside)).map((code) => code === 'done')).toEqual([true, false, true]);
  expect([await beside[0], await beside[2]]).toEqual([
    ['x', 'x', 'x'],
    ['x', 'x', 'x'],
  ]);
  await database.close();
});

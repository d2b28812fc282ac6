import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createPostgresAuthorityStore } from '../../src/index.ts';
import { testServer } from '../server.ts';

const context = testServer();

/** Milliseconds that a transaction may take: enough for a busy machine. */
const WORK = 2000;

test('a text that PostgreSQL does not take fails the one that asked for it, and none that shares its snapshot or its commit', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database);
  const names = Array.from({ length: 12 }, (_, place) => (place % 4 === 1 ? 'a\0b' : `${place}`));
  const written = await Promise.allSettled(
    names.map((name) => store.transaction((tx) => tx.putSetting(name, name))),
  );
  const read = await Promise.allSettled(
    names.map((name) => store.read((tx) => tx.findSetting(name))),
  );
  expect(written.map(({ status }) => status)).toEqual(read.map(({ status }) => status));
  expect(read.map((each) => (each.status === 'fulfilled' ? each.value : undefined))).toEqual(
    names.map((name) => (name.includes('\0') ? undefined : name)),
  );
});

test('a read that does not end holds up no other, and those that wait with it are answered', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database, { workTimeout: WORK });
  await store.transaction((tx) => tx.putSetting('a', 'x'));
  let isStuck = true;
  const stuck = store
    .read(() => new Promise(() => undefined))
    .catch((error: { code?: string }) => {
      isStuck = false;
      return error.code;
    });
  const beside = store.read((tx) => tx.findSetting('a'));
  await pause(20);
  const later = store.read((tx) => tx.findSetting('a'));
  expect([await beside, await later, isStuck]).toEqual(['x', 'x', true]);
  expect(await stuck).toBe('store_unavailable');
});

test('a transaction that takes too long is undone once, and those beside it are done', async () => {
  const { database } = await context.openNew();
  const store = createPostgresAuthorityStore(database, { workTimeout: WORK });
  let runs = 0;
  const before = store.transaction((tx) => tx.putSetting('before', 'x'));
  const stuck = store.transaction(async (tx) => {
    runs += 1;
    await tx.putSetting('stuck', 'x');
    await new Promise(() => undefined);
  });
  const after = store.transaction((tx) => tx.putSetting('after', 'x'));
  const outcomes = await Promise.allSettled([before, stuck, after]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(runs).toBe(1);
  const found = await store.read((tx) =>
    Promise.all(['before', 'stuck', 'after'].map((name) => tx.findSetting(name))),
  );
  expect(found).toEqual(['x', undefined, 'x']);
});

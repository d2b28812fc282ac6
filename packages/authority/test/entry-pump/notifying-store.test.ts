import { notifyingStore } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { writeAuthorityEntryBody } from '@taper/core';
import { expect, test } from 'vitest';

const BODY = writeAuthorityEntryBody({
  time: 1_800_000_000,
  event: 'peer.removed',
  by: { kind: 'operator', id: 'ops' },
  subject: { spiffe_id: 'spiffe://example.org/acme/agent/a' },
  details: {},
});

function watched() {
  const plain = openSqliteAuthorityStore({ path: ':memory:' });
  const seen: number[] = [];
  const told: (() => void)[] = [];
  const store = notifyingStore(plain, () => {
    seen.push(seen.length);
    for (const each of told) each();
  });
  return { store, seen, told };
}

test('an entry that was handed over is told of once the transaction is done', async () => {
  const { store, seen, told } = watched();
  const pending: Promise<unknown>[] = [];
  told.push(() => pending.push(store.pendingEntries(10)));
  expect(await store.transaction((tx) => tx.appendEntry(BODY))).toBe(1);
  expect(seen).toHaveLength(1);
  expect(await pending[0]).toEqual([expect.objectContaining({ sequence: 1, body: BODY })]);
});

test('a transaction without an entry, or one that was undone, is told of to nobody', async () => {
  const { store, seen } = watched();
  await store.transaction((tx) => tx.putSetting('a', 'b'));
  const undone = store.transaction(async (tx) => {
    await tx.appendEntry(BODY);
    throw new Error('undo');
  });
  await expect(undone).rejects.toThrow('undo');
  expect(await store.read((tx) => tx.findSetting('a'))).toBe('b');
  expect(seen).toEqual([]);
});

test('what the told one throws does not undo, or fail, what is done', async () => {
  const { store, told } = watched();
  told.push(() => {
    throw new Error('no pump');
  });
  expect(await store.transaction((tx) => tx.appendEntry(BODY))).toBe(1);
  expect(await store.lastSequence()).toBe(1);
});

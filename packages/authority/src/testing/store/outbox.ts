import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { AuthorityStore } from '../../port/store.ts';
import { rejectsWith, type StoreCheck } from '../contract.ts';
import { body, enrolment, identifier, pending, T } from './records.ts';

const DAY = 86_400;

/** What has to come into the log, and what is forgotten. */
export function outboxContract(check: StoreCheck): void {
  check('numbers entries in the order of commits, without a gap', async ({ store, peer }) => {
    deepStrictEqual(await store.pendingEntries(10), []);
    strictEqual(await store.lastMarked(), undefined);
    strictEqual(await store.lastSequence(), 0);
    const sequences = await store.transaction(async (tx) => [
      await tx.appendEntry(body('1')),
      await tx.appendEntry(body('2')),
    ]);
    deepStrictEqual(sequences, [1, 2]);
    const undone = store.transaction(async (tx) => {
      await tx.appendEntry(body('undone'));
      throw new Error('undone');
    });
    await undone.catch(() => undefined);
    strictEqual(await append(peer, '3'), 3);
    await Promise.all(
      Array.from({ length: 20 }, (_, place) => append(place % 2 === 0 ? store : peer, 'race')),
    );
    const entries = await store.pendingEntries(1000);
    deepStrictEqual(
      entries.map(({ sequence, index }) => [sequence, index]),
      Array.from({ length: 23 }, (_, place) => [place + 1, undefined]),
    );
    deepStrictEqual(
      entries.slice(0, 3).map((entry) => entry.body),
      ['1', '2', '3'].map(body),
    );
    strictEqual(await peer.lastSequence(), 23);
    deepStrictEqual(await peer.pendingEntries(2), entries.slice(0, 2));
    for (const limit of [0, 1001, 1.5])
      await rejectsWith('option_invalid', () => store.pendingEntries(limit));
  });

  check(
    'takes nothing that could not become an entry, and keeps nothing that came with it',
    async ({ store }) => {
      const wrong = ['', '{}', 'x', `${body('1')} `, body('1').replace('{', '{"x":1,')];
      for (const text of wrong)
        await rejectsWith('option_invalid', () =>
          store.transaction(async (tx) => {
            await tx.putSetting('with', 'it');
            await tx.appendEntry(text);
          }),
        );
      strictEqual(await store.read((tx) => tx.findSetting('with')), undefined);
      deepStrictEqual(await store.pendingEntries(10), []);
    },
  );

  check('marks entries where they stand in the log', async ({ store, peer }) => {
    for (const name of ['1', '2', '3', '4']) await append(store, name);
    await store.markEntries([
      { sequence: 1, index: 0 },
      { sequence: 2, index: 17 },
    ]);
    deepStrictEqual(await peer.lastMarked(), { sequence: 2, body: body('2'), index: 17 });
    deepStrictEqual(
      (await peer.pendingEntries(10)).map(({ sequence }) => sequence),
      [3, 4],
    );
    await peer.markEntries([]);
    await peer.markEntries([{ sequence: 3, index: 18 }]);
    strictEqual((await store.lastMarked())?.sequence, 3);
    strictEqual(await store.lastSequence(), 4);
    strictEqual(await append(store, '5'), 5);
  });

  check('takes the same mark again, also with what goes on from it', async ({ store, peer }) => {
    for (const name of ['1', '2', '3']) await append(store, name);
    const first = [
      { sequence: 1, index: 4 },
      { sequence: 2, index: 5 },
    ];
    await store.markEntries(first);
    await peer.markEntries(first);
    await peer.markEntries([...first.slice(1), { sequence: 3, index: 9 }]);
    strictEqual((await store.lastMarked())?.index, 9);
  });

  check(
    'M12: refuses marks that leave something out, go back, or say otherwise',
    async ({ store, peer }) => {
      for (const name of ['1', '2', '3', '4']) await append(store, name);
      await store.markEntries([{ sequence: 1, index: 5 }]);
      const wrong = [
        [{ sequence: 3, index: 7 }],
        [{ sequence: 1, index: 6 }],
        [{ sequence: 2, index: 5 }],
        [{ sequence: 2, index: 4 }],
        [
          { sequence: 2, index: 7 },
          { sequence: 3, index: 7 },
        ],
        [
          { sequence: 2, index: 7 },
          { sequence: 4, index: 8 },
        ],
        [
          { sequence: 2, index: 7 },
          { sequence: 3, index: 8 },
          { sequence: 4, index: 9 },
          { sequence: 5, index: 10 },
        ],
      ];
      for (const places of wrong)
        await rejectsWith('store_conflict', () => peer.markEntries(places), 'outbox');
      for (const index of [-1, 1.5, Number.NaN])
        await rejectsWith('option_invalid', () => peer.markEntries([{ sequence: 2, index }]));
      strictEqual((await store.lastMarked())?.sequence, 1);
      strictEqual((await store.pendingEntries(10)).length, 3);
    },
  );

  check('Z06: marks all or nothing when a commit fails', async (opened) => {
    const { store, peer, failCommit } = opened;
    if (failCommit === undefined) return;
    for (const name of ['1', '2']) await append(store, name);
    const places = [
      { sequence: 1, index: 0 },
      { sequence: 2, index: 1 },
    ];
    await failCommit('lost');
    await rejectsWith('store_unavailable', () => store.markEntries(places));
    strictEqual(await peer.lastMarked(), undefined);
    await failCommit('kept');
    await rejectsWith('store_unavailable', () => store.markEntries(places));
    strictEqual((await peer.lastMarked())?.sequence, 2);
    await store.markEntries(places);
  });

  check(
    'forgets of what was used only what expired more than a minute ago',
    async ({ store, peer }) => {
      const use = (each: AuthorityStore, name: string, expiresAt: number, now: number) =>
        each.transaction((tx) => tx.useOnce(identifier(name), expiresAt, now));
      strictEqual(await use(store, 'a', T + 10, T), true);
      strictEqual(await use(store, 'b', T + 11, T), true);
      await peer.sweep(T + 70);
      for (const [name, end] of [
        ['a', 10],
        ['b', 11],
      ] as const)
        strictEqual(await use(peer, name, T + end, T), false);
      await peer.sweep(T + 71);
      strictEqual(await use(store, 'b', T + 11, T), false);
      strictEqual(await use(store, 'a', T + 200, T + 100), true);
    },
  );

  check(
    'Z07: makes nothing fresh again that it has forgotten, when a clock steps back',
    async ({ store, peer }) => {
      const use = (name: string, expiresAt: number, now: number) =>
        store.transaction((tx) => tx.useOnce(identifier(name), expiresAt, now));
      strictEqual(await use('a', T + 10, T), true);
      strictEqual(await use('long', T + 5000, T), true);
      await peer.sweep(T + 1000);
      strictEqual(await use('a', T + 10, T), false);
      strictEqual(await use('other', T + 10, T), false);
      strictEqual(await use('long', T + 5000, T), false);
      strictEqual(await use('other', T + 11, T), true);
      await peer.sweep(T);
      strictEqual(await use('a', T + 10, T), false);
    },
  );

  check(
    'forgets enrolments and pending issuances a day after their end',
    async ({ store, peer }) => {
      await store.transaction(async (tx) => {
        await tx.insertEnrolment(enrolment('a', { expiresAt: T, agent: 'id' }));
        await tx.insertEnrolment(enrolment('b', { expiresAt: T + 1 }));
        await tx.insertPending(pending('a', { expiresAt: T }));
        await tx.insertPending(pending('b', { expiresAt: T + 1, state: 'issued' }));
      });
      const left = () =>
        peer.read(async (tx) => [
          (await tx.findEnrolment(identifier('a'))) !== undefined,
          (await tx.findEnrolment(identifier('b'))) !== undefined,
          (await tx.findPending('pending-a')) !== undefined,
          (await tx.findPending('pending-b')) !== undefined,
        ]);
      await store.sweep(T + DAY);
      deepStrictEqual(await left(), [true, true, true, true]);
      await store.sweep(T + DAY + 1);
      deepStrictEqual(await left(), [false, true, false, true]);
      await store.sweep(T + DAY + 2);
      deepStrictEqual(await left(), [false, false, false, false]);
      await rejectsWith('option_invalid', () => store.sweep(Number.NaN));
    },
  );

  check('forgets no entry that is not marked, nor the last that is', async ({ store, peer }) => {
    for (const name of ['1', '2', '3', '4']) await append(store, name);
    await store.sweep(T + 100 * DAY);
    strictEqual((await peer.pendingEntries(10)).length, 4);
    const places = [
      { sequence: 1, index: 1 },
      { sequence: 2, index: 2 },
    ];
    await store.markEntries(places);
    await store.sweep(T + 100 * DAY);
    deepStrictEqual(await peer.lastMarked(), { sequence: 2, body: body('2'), index: 2 });
    deepStrictEqual(
      (await peer.pendingEntries(10)).map(({ sequence }) => sequence),
      [3, 4],
    );
    await peer.markEntries([...places, { sequence: 3, index: 3 }]);
    await peer.markEntries([{ sequence: 4, index: 4 }]);
    await store.sweep(T + 100 * DAY);
    strictEqual(await store.lastSequence(), 4);
    strictEqual(await append(peer, '5'), 5);
  });
}

function append(store: AuthorityStore, name: string): Promise<number> {
  return store.transaction((tx) => tx.appendEntry(body(name)));
}

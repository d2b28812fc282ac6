import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import type { AuthorityStore, AuthorityTransaction } from '../../port/store.ts';
import { rejectsWith, type StoreCheck } from '../contract.ts';
import {
  agent,
  body,
  enrolment,
  grantSet,
  identifier,
  issuance,
  key,
  peerRule,
  pending,
  T,
} from './records.ts';

/** What a transaction is, and what remains of it when something fails. */
export function transactionContract(check: StoreCheck): void {
  check('answers what the work answers, and reads what it wrote itself', async ({ store }) => {
    const answer = await store.transaction(async (tx) => {
      await tx.insertAgent(agent('a'));
      await tx.putSetting('name', 'value');
      return [await tx.findAgent(agent('a').id), await tx.findSetting('name')];
    });
    deepStrictEqual(answer, [agent('a'), 'value']);
    strictEqual(await store.transaction(async () => undefined), undefined);
    strictEqual(await store.read(async (tx) => (await tx.findAgent('nobody')) ?? 'none'), 'none');
  });

  check(
    'does all of a transaction, or nothing, and passes on what it threw',
    async ({ store, peer }) => {
      const mine = new Error('mine');
      const work = async (tx: AuthorityTransaction): Promise<never> => {
        await writeEverything(tx);
        throw mine;
      };
      await rejects(store.transaction(work), (error) => error === mine);
      await rejects(
        store.read(() => Promise.reject(mine)),
        (error) => error === mine,
      );
      for (const each of [store, peer]) await hasNothing(each);
      await peer.transaction(writeEverything);
      await rejectsWith('store_conflict', () => store.transaction(writeEverything));
    },
  );

  check(
    'keeps nothing after an exception, whatever the work makes of it',
    async ({ store, peer }) => {
      await store.transaction((tx) => tx.insertAgent(agent('there')));
      let after: unknown;
      await rejectsWith(
        'store_conflict',
        () =>
          store.transaction(async (tx) => {
            await tx.putSetting('before', 'x');
            await tx.insertAgent(agent('there')).catch(() => undefined);
            after = await tx.putSetting('after', 'x').then(
              () => 'done',
              (error: { code?: unknown }) => error.code,
            );
            return 'as if nothing had happened';
          }),
        'agent',
      );
      strictEqual(after, 'store_conflict');
      strictEqual(await peer.read((tx) => tx.findSetting('before')), undefined);
      strictEqual(await peer.read((tx) => tx.findSetting('after')), undefined);
      await store.transaction((tx) => tx.putSetting('before', 'y'));
      strictEqual(await peer.read((tx) => tx.findSetting('before')), 'y');
    },
  );

  check('waits for what the work did not, and keeps nothing where that fails', async (opened) => {
    const { store, peer } = opened;
    await store.transaction((tx) => tx.insertAgent(agent('there')));
    const hasty = (name: string) =>
      store.transaction(async (tx) => {
        await tx.putSetting(name, 'x');
        tx.findSetting('none').then(
          () => tx.insertAgent(agent(name)).catch(() => undefined),
          () => undefined,
        );
        return 'as if it were done';
      });
    await rejectsWith('store_conflict', () => hasty('there'), 'agent');
    strictEqual(await hasty('new'), 'as if it were done');
    strictEqual(await peer.read((tx) => tx.findSetting('there')), undefined);
    strictEqual(await peer.read((tx) => tx.findSetting('new')), 'x');
    deepStrictEqual(await peer.read((tx) => tx.findAgent(agent('new').id)), agent('new'));
  });

  check('does nothing in a transaction that has ended', async ({ store, peer }) => {
    const kept: AuthorityTransaction[] = [];
    await store.transaction(async (tx) => {
      kept.push(tx);
    });
    await store
      .transaction(async (tx) => {
        kept.push(tx);
        throw new Error('undone');
      })
      .catch(() => undefined);
    await store.read(async (tx) => {
      kept.push(tx);
    });
    for (const tx of kept) {
      await rejects(tx.putSetting('late', 'x'));
      await rejects(tx.findAgent('nobody'));
    }
    strictEqual(await peer.read((tx) => tx.findSetting('late')), undefined);
  });

  check('refuses what would write in a read', async ({ store, peer }) => {
    const writes: ((tx: AuthorityTransaction) => Promise<unknown>)[] = [
      (tx) => tx.insertAgent(agent('a')),
      (tx) => tx.insertKey(key('a')),
      (tx) => tx.insertEnrolment(enrolment('a')),
      (tx) => tx.insertGrantSet(grantSet(1)),
      (tx) => tx.insertIssuance(issuance('a')),
      (tx) => tx.insertPending(pending('a')),
      (tx) => tx.putPeerRule(peerRule('a')),
      (tx) => tx.removePeerRule('acme', 'a'),
      (tx) => tx.useOnce(identifier('a'), T + 60, T),
      (tx) => tx.putSetting('a', 'b'),
      (tx) => tx.appendEntry(body('a')),
    ];
    for (const write of writes) await rejects(store.read(write));
    await hasNothing(peer);
  });

  check(
    'lets nobody in between the reads and the writes of a transaction',
    async ({ store, peer }) => {
      const increment = (each: typeof store) =>
        each.transaction(async (tx) => {
          const count = Number((await tx.findSetting('count')) ?? '0');
          await new Promise(setImmediate);
          await tx.putSetting('count', String(count + 1));
        });
      await Promise.all(
        Array.from({ length: 30 }, (_, place) => increment(place % 2 === 0 ? store : peer)),
      );
      strictEqual(await store.read((tx) => tx.findSetting('count')), '30');
    },
  );

  check('undoes of transactions at one time only those that fail', async ({ store, peer }) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, place) =>
        store.transaction(async (tx) => {
          await tx.insertAgent(agent(`agent ${place}`));
          await tx.appendEntry(body(`${place}`));
          if (place % 3 === 0) throw new Error('undone');
        }),
      ),
    );
    const done = outcomes.flatMap(({ status }, place) => (status === 'fulfilled' ? [place] : []));
    deepStrictEqual(
      done,
      outcomes.flatMap((_, place) => (place % 3 === 0 ? [] : [place])),
    );
    const names = await peer.read((tx) => tx.listAgents({ limit: 100 }));
    deepStrictEqual(
      names.map(({ name }) => name).toSorted(),
      done.map((place) => `agent ${place}`).toSorted(),
    );
    const entries = await peer.pendingEntries(100);
    deepStrictEqual(
      entries.map(({ sequence }) => sequence),
      done.map((_, place) => place + 1),
    );
  });

  check(
    'runs again of transactions at one time only what was not done',
    async ({ store, peer }) => {
      const uses = Array.from({ length: 12 }, (_, place) =>
        store.transaction(async (tx) => {
          const isFirst = await tx.useOnce(identifier(`${place % 4}`), T + 60, T);
          await tx.putSetting(`use ${place}`, 'x');
          if (!isFirst) throw new Error('used');
          return place;
        }),
      );
      const outcomes = await Promise.allSettled(uses);
      deepStrictEqual(
        outcomes.map(({ status }) => status === 'fulfilled'),
        outcomes.map((_, place) => place < 4),
      );
      const settings = await peer.read((tx) =>
        Promise.all(outcomes.map((_, place) => tx.findSetting(`use ${place}`))),
      );
      deepStrictEqual(
        settings,
        outcomes.map((_, place) => (place < 4 ? 'x' : undefined)),
      );
    },
  );

  check('fails of reads at one time only those that fail', async ({ store }) => {
    await store.transaction((tx) => tx.putSetting('a', 'x'));
    const reads = Array.from({ length: 20 }, (_, place) =>
      store.read(async (tx) => {
        const [value] = await Promise.all([tx.findSetting('a'), tx.currentGrantHead()]);
        if (place % 5 === 1) throw new Error('no');
        if (place % 5 === 2) await tx.listAgents({ limit: 0 });
        if (place % 5 === 3) await tx.putSetting('a', 'y');
        return value;
      }),
    );
    const outcomes = await Promise.allSettled(reads);
    deepStrictEqual(
      outcomes.map((each) => (each.status === 'fulfilled' ? each.value : undefined)),
      outcomes.map((_, place) => ([1, 2, 3].includes(place % 5) ? undefined : 'x')),
    );
  });

  check(
    'shows a read all that was done before, and nothing that is not',
    async ({ store, peer }) => {
      let go: () => void = () => undefined;
      const waiting = new Promise<void>((resolve) => {
        go = resolve;
      });
      const writing = store.transaction(async (tx) => {
        await tx.putSetting('a', '1');
        await waiting;
        await tx.putSetting('b', '1');
      });
      const early = peer.read(async (tx) => [await tx.findSetting('a'), await tx.findSetting('b')]);
      go();
      await writing;
      const seen = await early;
      ok(seen[0] === seen[1], 'a read saw half of a transaction');
      for (const each of [store, peer])
        deepStrictEqual(
          await each.read(async (tx) => [await tx.findSetting('a'), await tx.findSetting('b')]),
          ['1', '1'],
        );
    },
  );

  check('Z01: undoes a transaction that does not end, and goes on', async ({ store, peer }) => {
    const stuck = store.transaction(async (tx) => {
      await tx.putSetting('stuck', 'x');
      await new Promise(() => undefined);
    });
    const next = store.transaction((tx) => tx.putSetting('next', 'x')).catch(() => undefined);
    await rejectsWith('store_unavailable', () => stuck);
    await next;
    await store.transaction((tx) => tx.putSetting('next', 'y'));
    strictEqual(await peer.read((tx) => tx.findSetting('stuck')), undefined);
    strictEqual(await peer.read((tx) => tx.findSetting('next')), 'y');
  });

  check('uses up a key once', async ({ store, peer }) => {
    const use = (each: typeof store, name: string, expiresAt = T + 60, now = T) =>
      each.transaction((tx) => tx.useOnce(identifier(name), expiresAt, now));
    strictEqual(await use(store, 'a'), true);
    strictEqual(await use(store, 'a'), false);
    strictEqual(await use(peer, 'a', T + 120), false);
    strictEqual(await use(peer, 'a', T + 600, T + 300), false);
    strictEqual(await use(peer, 'b', T, T), true);
    strictEqual(await use(peer, 'c', T - 1, T), false);
    strictEqual(await use(peer, 'c', Number.NaN), false);
    const race = Array.from({ length: 20 }, (_, place) => use(place % 2 === 0 ? store : peer, 'd'));
    strictEqual((await Promise.all(race)).filter(Boolean).length, 1);
    const undone = store.transaction(async (tx) => {
      strictEqual(await tx.useOnce(identifier('e'), T + 60, T), true);
      strictEqual(await tx.useOnce(identifier('e'), T + 60, T), false);
      throw new Error('undone');
    });
    await rejects(undone);
    const isUsed = (name: string) => peer.read((tx) => tx.isUsed(identifier(name)));
    strictEqual(await isUsed('e'), false);
    strictEqual(await use(peer, 'e'), true);
    deepStrictEqual([await isUsed('e'), await isUsed('a'), await isUsed('c')], [true, true, false]);
    await store.transaction(async (tx) => {
      strictEqual(await tx.isUsed(identifier('f')), false);
      await tx.useOnce(identifier('f'), T + 60, T);
      strictEqual(await tx.isUsed(identifier('f')), true);
    });
  });

  check('keeps settings by name', async ({ store, peer }) => {
    const put = (name: string, value: string) =>
      store.transaction((tx) => tx.putSetting(name, value));
    await put('a', 'one');
    await put('A', '');
    await put('a', 'two\n"é');
    strictEqual(await peer.read((tx) => tx.findSetting('a')), 'two\n"é');
    strictEqual(await peer.read((tx) => tx.findSetting('A')), '');
    strictEqual(await peer.read((tx) => tx.findSetting('b')), undefined);
  });

  check('Z06: has after a restart what was answered before it', async (opened) => {
    if (opened.reopen === undefined) return;
    await opened.store.transaction(writeEverything);
    const store = await opened.reopen();
    await hasEverything(store);
    strictEqual((await store.pendingEntries(10)).length, 1);
    await rejectsWith('store_conflict', () => store.transaction(writeEverything));
  });

  check('Z06: has nothing of a commit that was lost, and can do it again', async (opened) => {
    const { store, peer, failCommit } = opened;
    if (failCommit === undefined) return;
    await failCommit('lost');
    await rejectsWith('store_unavailable', () => store.transaction(writeEverything));
    await hasNothing(peer);
    await store.transaction(writeEverything);
    await hasEverything(peer);
    strictEqual((await peer.pendingEntries(10)).length, 1);
  });

  check('Z06: has all of a commit of which only the answer was lost', async (opened) => {
    const { store, peer, failCommit } = opened;
    if (failCommit === undefined) return;
    await failCommit('kept');
    await rejectsWith('store_unavailable', () => store.transaction(writeEverything));
    await hasEverything(peer);
    await rejectsWith('store_conflict', () => store.transaction(writeEverything));
    strictEqual(await store.transaction((tx) => tx.useOnce(identifier('used'), T + 60, T)), false);
    strictEqual((await peer.pendingEntries(10)).length, 1);
  });

  check(
    'Z01: answers a ping while it works, and refuses everything once it is closed',
    async ({ store }) => {
      await store.ping();
      await store.close();
      await rejectsWith('store_unavailable', () => store.ping());
      await rejectsWith('store_unavailable', () => store.read((tx) => tx.findAgent('a')));
      await rejectsWith('store_unavailable', () => store.transaction(writeEverything));
      await rejectsWith('store_unavailable', () => store.pendingEntries(1));
      await store.close();
    },
  );
}

async function writeEverything(tx: AuthorityTransaction): Promise<void> {
  await tx.insertAgent(agent('a'));
  await tx.insertKey(key('a'));
  await tx.insertEnrolment(enrolment('a'));
  await tx.insertGrantSet(grantSet(1));
  await tx.insertIssuance(issuance('a'));
  await tx.insertPending(pending('a'));
  await tx.putPeerRule(peerRule('a'));
  await tx.putSetting('a', 'b');
  await tx.useOnce(identifier('used'), T + 60, T);
  await tx.appendEntry(body('a'));
}

type Readable = Pick<AuthorityStore, 'read' | 'pendingEntries'>;

async function found(store: Readable): Promise<unknown[]> {
  return store.read(async (tx) => [
    await tx.findAgent(agent('a').id),
    await tx.findKey(key('a').thumbprint),
    await tx.findEnrolment(enrolment('a').hash),
    await tx.currentGrantSet(),
    await tx.findIssuance(issuance('a').tokenHash),
    await tx.findPending(pending('a').id),
    (await tx.listPeerRules('acme'))[0],
    await tx.findSetting('a'),
  ]);
}

async function hasNothing(store: Readable): Promise<void> {
  deepStrictEqual(
    await found(store),
    Array.from({ length: 8 }, () => undefined),
  );
  deepStrictEqual(await store.pendingEntries(10), []);
}

async function hasEverything(store: Readable): Promise<void> {
  deepStrictEqual(await found(store), [
    agent('a'),
    key('a'),
    enrolment('a'),
    grantSet(1),
    issuance('a'),
    pending('a'),
    peerRule('a'),
    'b',
  ]);
}

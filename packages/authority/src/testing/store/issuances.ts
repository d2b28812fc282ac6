import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { PendingIssuanceRecord } from '../../port/store.ts';
import { rejectsWith, type StoreCheck } from '../contract.ts';
import { grantSet, identifier, issuance, peerRule, pending, T } from './records.ts';

/** Grants, issuances, and whom agents may deal with. */
export function issuanceContract(check: StoreCheck): void {
  check('numbers sets of grants without a gap, and keeps each', async ({ store, peer }) => {
    strictEqual(await store.read((tx) => tx.currentGrantSet()), undefined);
    strictEqual(await store.read((tx) => tx.currentGrantHead()), undefined);
    const apply = (version: number) =>
      store.transaction((tx) => tx.insertGrantSet(grantSet(version)));
    for (const version of [0, 2])
      await rejectsWith('store_conflict', () => apply(version), 'grant_set');
    await apply(1);
    await apply(2);
    for (const version of [1, 2, 4])
      await rejectsWith('store_conflict', () => apply(version), 'grant_set');
    deepStrictEqual(await peer.read((tx) => tx.currentGrantSet()), grantSet(2));
    const { version, appliedAt } = grantSet(2);
    deepStrictEqual(await peer.read((tx) => tx.currentGrantHead()), { version, appliedAt });
    deepStrictEqual(await peer.read((tx) => tx.findGrantSet(1)), grantSet(1));
    strictEqual(await peer.read((tx) => tx.findGrantSet(3)), undefined);
  });

  check('applies exactly one of several sets that race for a version', async ({ store, peer }) => {
    const race = Array.from({ length: 6 }, (_, place) =>
      (place % 2 === 0 ? store : peer)
        .transaction((tx) => tx.insertGrantSet(grantSet(1, { appliedBy: `operator ${place}` })))
        .then(
          () => `operator ${place}`,
          () => undefined,
        ),
    );
    const winners = (await Promise.all(race)).filter((each) => each !== undefined);
    strictEqual(winners.length, 1);
    strictEqual((await peer.read((tx) => tx.currentGrantSet()))?.appliedBy, winners[0]);
  });

  check('keeps an issuance in every member, once', async ({ store, peer }) => {
    const plain = issuance('one');
    const exchanged = issuance('two', {
      kind: 'token_exchange',
      subjectHash: identifier('subject'),
    });
    await store.transaction(async (tx) => {
      await tx.insertIssuance(plain);
      await tx.insertIssuance(exchanged);
    });
    deepStrictEqual(await peer.read((tx) => tx.findIssuance(plain.tokenHash)), plain);
    deepStrictEqual(await peer.read((tx) => tx.findIssuance(exchanged.tokenHash)), exchanged);
    strictEqual(await peer.read((tx) => tx.findIssuance(plain.jti)), undefined);
    for (const again of [
      plain,
      issuance('three', { jti: plain.jti }),
      issuance('three', { tokenHash: plain.tokenHash }),
    ])
      await rejectsWith(
        'store_conflict',
        () => peer.transaction((tx) => tx.insertIssuance(again)),
        'issuance',
      );
  });

  check(
    'lists issuances by jti, page by page, of an agent and under a grant',
    async ({ store, peer }) => {
      const all = ['d', 'B', 'a', 'C'].map((jti) => issuance(jti, { jti }));
      const others = [
        issuance('e', { jti: 'e', agent: 'id-other' }),
        issuance('f', { jti: 'f', grant: 'deploy' }),
      ];
      await store.transaction(async (tx) => {
        for (const each of [...all, ...others]) await tx.insertIssuance(each);
      });
      const list = async (page: {
        limit: number;
        after?: string;
        agent?: string;
        grant?: string;
      }) => (await peer.read((tx) => tx.listIssuances(page))).map(({ jti }) => jti);
      deepStrictEqual(await list({ limit: 1000 }), ['B', 'C', 'a', 'd', 'e', 'f']);
      deepStrictEqual(await list({ limit: 2, after: 'B' }), ['C', 'a']);
      deepStrictEqual(await list({ limit: 9, agent: 'id-other' }), ['e']);
      deepStrictEqual(await list({ limit: 9, grant: 'triage', after: 'a' }), ['d', 'e']);
      deepStrictEqual(await list({ limit: 9, agent: 'id-acme-triage', grant: 'deploy' }), ['f']);
      for (const limit of [0, 1001]) await rejectsWith('option_invalid', () => list({ limit }));
    },
  );

  check(
    'has a pending issuance in every member, and changes it from the version that was read',
    async ({ store, peer }) => {
      const first = pending('one');
      await store.transaction((tx) => tx.insertPending(first));
      deepStrictEqual(await peer.read((tx) => tx.findPending(first.id)), first);
      strictEqual(await peer.read((tx) => tx.findPending('nobody')), undefined);
      await rejectsWith(
        'store_conflict',
        () => peer.transaction((tx) => tx.insertPending(first)),
        'pending',
      );
      const second = { ...first, approvals: ['a.b.c', 'd.é."f'], version: 2 };
      await peer.transaction((tx) => tx.updatePending(second));
      deepStrictEqual(await store.read((tx) => tx.findPending(first.id)), second);
      const next = { ...second, version: 3 };
      for (const changed of [
        second,
        { ...next, version: 4 },
        { ...next, tenant: 'other' },
        { ...next, agent: 'other' },
        { ...next, grant: 'other' },
        { ...next, request: '{}' },
        { ...next, createdAt: T - 1 },
        { ...next, expiresAt: T + 601 },
        { ...pending('nobody'), version: 2 },
      ])
        await rejectsWith(
          'store_conflict',
          () => store.transaction((tx) => tx.updatePending(changed)),
          'version',
        );
      deepStrictEqual(await store.read((tx) => tx.findPending(first.id)), second);
    },
  );

  check('issues what is pending once, and never after it was closed', async ({ store, peer }) => {
    for (const state of ['issued', 'closed'] as const) {
      const open = pending(state);
      await store.transaction((tx) => tx.insertPending(open));
      const issue = (each: typeof store) =>
        each
          .transaction((tx) => tx.updatePending({ ...open, state, version: 2 }))
          .then(
            () => 'done',
            (error: { code?: unknown }) => error.code,
          );
      const answers = await Promise.all([issue(store), issue(peer)]);
      deepStrictEqual(answers.toSorted(), ['done', 'store_conflict']);
      for (const after of ['open', 'issued', 'closed'] as const)
        await rejectsWith(
          'store_conflict',
          () => peer.transaction((tx) => tx.updatePending({ ...open, state: after, version: 3 })),
          'version',
        );
    }
  });

  check('lists pending issuances by id, page by page, of a tenant', async ({ store, peer }) => {
    const all = ['b', 'A', 'c'].map((id) => pending(id, { id }));
    await store.transaction(async (tx) => {
      for (const each of [...all, pending('B', { id: 'B', tenant: 'other' })])
        await tx.insertPending(each);
    });
    const list = async (page: { limit: number; after?: string; tenant?: string }) =>
      (await peer.read((tx) => tx.listPending(page))).map(({ id }: PendingIssuanceRecord) => id);
    deepStrictEqual(await list({ limit: 1000 }), ['A', 'B', 'b', 'c']);
    deepStrictEqual(await list({ limit: 2, after: 'A' }), ['B', 'b']);
    deepStrictEqual(await list({ limit: 9, tenant: 'other' }), ['B']);
    for (const limit of [0, 1001]) await rejectsWith('option_invalid', () => list({ limit }));
  });

  check(
    'has one rule for a tenant and an agent, the last that was put',
    async ({ store, peer }) => {
      const [first, second] = [peerRule('b'), peerRule('A')];
      await store.transaction(async (tx) => {
        for (const rule of [first, second, peerRule('b', { tenant: 'other' })])
          await tx.putPeerRule(rule);
      });
      deepStrictEqual(await peer.read((tx) => tx.listPeerRules('acme')), [second, first]);
      const blocked = peerRule('b', { rule: 'block', reason: 'an incident', addedAt: T + 1 });
      await peer.transaction((tx) => tx.putPeerRule(blocked));
      deepStrictEqual(await store.read((tx) => tx.listPeerRules('acme')), [second, blocked]);
      await store.transaction((tx) => tx.removePeerRule('acme', second.agent));
      await store.transaction((tx) => tx.removePeerRule('acme', 'nobody'));
      deepStrictEqual(await peer.read((tx) => tx.listPeerRules('acme')), [blocked]);
      strictEqual((await peer.read((tx) => tx.listPeerRules('other'))).length, 1);
    },
  );
}

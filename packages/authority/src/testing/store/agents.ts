import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type {
  AgentRecord,
  AuthorityStore,
  AuthorityTransaction,
  KeyState,
} from '../../port/store.ts';
import { rejectsWith, type StoreCheck } from '../contract.ts';
import { agent, enrolment, identifier, key, T } from './records.ts';

/** Agents, their keys, and enrolments. */
export function agentContract(check: StoreCheck): void {
  check(
    'has an agent in every member, by each of its names, and no other',
    async ({ store, peer }) => {
      const triage = agent('triage', { version: 1 });
      await store.transaction((tx) => tx.insertAgent(triage));
      for (const each of [store, peer]) {
        deepStrictEqual(await each.read((tx) => tx.findAgent(triage.id)), triage);
        deepStrictEqual(await each.read((tx) => tx.findAgentByName('acme', 'triage')), triage);
        deepStrictEqual(await each.read((tx) => tx.findAgentBySpiffeId(triage.spiffeId)), triage);
        strictEqual(await each.read((tx) => tx.findAgent(`${triage.id}x`)), undefined);
        strictEqual(await each.read((tx) => tx.findAgentByName('other', 'triage')), undefined);
        strictEqual(await each.read((tx) => tx.findAgentByName('acme', 'Triage')), undefined);
        strictEqual(await each.read((tx) => tx.findAgentBySpiffeId('triage')), undefined);
      }
    },
  );

  check(
    'M12: gives an id, a name in its tenant and a SPIFFE ID to one agent, for good',
    async ({ store, peer }) => {
      const first = agent('triage');
      await store.transaction((tx) => tx.insertAgent(first));
      const gone = { ...first, state: 'retired' as const, version: 2 };
      await store.transaction((tx) => tx.updateAgent(gone));
      const others = [
        agent('triage', { id: 'other', spiffeId: 'spiffe://example.com/other' }),
        agent('other', { id: first.id }),
        agent('other', { spiffeId: first.spiffeId }),
      ];
      for (const other of others)
        for (const each of [store, peer])
          await rejectsWith(
            'store_conflict',
            () => each.transaction((tx) => tx.insertAgent(other)),
            'agent',
          );
      deepStrictEqual(await store.read((tx) => tx.listAgents({ limit: 10 })), [gone]);
      await store.transaction((tx) => tx.insertAgent(agent('triage', { tenant: 'other' })));
    },
  );

  check('changes an agent from the version that was read, once', async ({ store, peer }) => {
    const first = agent('triage');
    await store.transaction((tx) => tx.insertAgent(first));
    const second = { ...first, state: 'suspended' as const, version: 2 };
    await store.transaction((tx) => tx.updateAgent(second));
    deepStrictEqual(await peer.read((tx) => tx.findAgent(first.id)), second);
    for (const version of [1, 2, 4]) await conflicts(peer, { ...first, version });
    await conflicts(store, { ...agent('nobody'), version: 2 });
    const third = { ...first, version: 3 };
    await peer.transaction((tx) => tx.updateAgent(third));
    deepStrictEqual(await store.read((tx) => tx.findAgent(first.id)), third);
  });

  check('lets exactly one of two changes through that race', async ({ store, peer }) => {
    const first = agent('triage');
    await store.transaction((tx) => tx.insertAgent(first));
    const change = (each: typeof store, state: AgentRecord['state']) =>
      each
        .transaction((tx) => tx.updateAgent({ ...first, state, version: 2 }))
        .then(
          () => state,
          (error: { code?: unknown }) => error.code,
        );
    const answers = await Promise.all([change(store, 'suspended'), change(peer, 'retired')]);
    const { state } = (await store.read((tx) => tx.findAgent(first.id))) as AgentRecord;
    deepStrictEqual(answers.toSorted(), [state, 'store_conflict'].toSorted());
  });

  check(
    'M12: changes nothing of an agent that stands for good, and brings none back',
    async ({ store }) => {
      const first = agent('triage');
      await store.transaction((tx) => tx.insertAgent(first));
      const next = { ...first, version: 2 };
      for (const changed of [
        { ...next, tenant: 'other' },
        { ...next, name: 'other' },
        { ...next, spiffeId: 'spiffe://example.com/other' },
        { ...next, createdAt: T + 1 },
      ])
        await conflicts(store, changed);
      await store.transaction((tx) => tx.updateAgent({ ...next, state: 'retired' }));
      for (const state of ['active', 'suspended'] as const)
        await conflicts(store, { ...first, state, version: 3 });
      await store.transaction((tx) => tx.updateAgent({ ...first, state: 'retired', version: 3 }));
    },
  );

  check('lists agents by id, page by page, of a tenant and in a state', async ({ store, peer }) => {
    const names = ['b', 'a', 'C', 'A', '10', '9', 'é', 'z', '~'];
    const all = names.map((name) => agent(name, { id: name }));
    const others = ['b2', 'a2'].map((id) => agent(id, { id, tenant: 'other', state: 'suspended' }));
    const ended = agent('q', { id: 'q', state: 'suspended' });
    await store.transaction(async (tx) => {
      for (const each of [...all, ...others, ended]) await tx.insertAgent(each);
    });
    const order = ['10', '9', 'A', 'C', 'a', 'a2', 'b', 'b2', 'q', 'z', '~', 'é'];
    const list = async (page: Parameters<AuthorityTransaction['listAgents']>[0]) =>
      (await peer.read((tx) => tx.listAgents(page))).map(({ id }) => id);
    deepStrictEqual(await list({ limit: 1000 }), order);
    deepStrictEqual(await list({ limit: 5 }), order.slice(0, 5));
    deepStrictEqual(await list({ limit: 5, after: 'a' }), order.slice(5, 10));
    deepStrictEqual(await list({ limit: 5, after: 'a1' }), order.slice(5, 10));
    deepStrictEqual(await list({ limit: 5, after: 'é' }), []);
    deepStrictEqual(await list({ limit: 9, tenant: 'other' }), ['a2', 'b2']);
    deepStrictEqual(await list({ limit: 9, state: 'suspended' }), ['a2', 'b2', 'q']);
    deepStrictEqual(await list({ limit: 9, tenant: 'acme', state: 'suspended' }), ['q']);
    deepStrictEqual(await list({ limit: 9, tenant: 'other', after: 'a2' }), ['b2']);
    deepStrictEqual(await list({ limit: 9, state: 'suspended', after: 'b' }), ['b2', 'q']);
    deepStrictEqual(await list({ limit: 9, tenant: 'nobody' }), []);
    for (const limit of [0, -1, 1001, 1.5, Number.NaN])
      await rejectsWith('option_invalid', () => list({ limit }));
  });

  check('has a key in every member, and the keys of a holder in order', async ({ store, peer }) => {
    const p256 = key('p256', {
      jwk: { kty: 'EC', crv: 'P-256', x: identifier('x'), y: identifier('y') },
      addedAt: T - 5,
      state: 'overlapping',
      endsAt: T + 60,
    });
    const same = ['one', 'two', 'three'].map((name) => key(name));
    const others = [
      key('admin', { purpose: 'administrator' }),
      key('other', { holder: 'id-acme-other' }),
    ];
    await store.transaction(async (tx) => {
      for (const each of [...same, ...others, p256]) await tx.insertKey(each);
    });
    const byThumbprint = same.toSorted((a, b) => (a.thumbprint < b.thumbprint ? -1 : 1));
    deepStrictEqual(await peer.read((tx) => tx.findKey(p256.thumbprint)), p256);
    deepStrictEqual(await peer.read((tx) => tx.listKeys('agent', 'id-acme-triage')), [
      p256,
      ...byThumbprint,
    ]);
    deepStrictEqual(await peer.read((tx) => tx.listKeys('administrator', 'id-acme-triage')), [
      others[0],
    ]);
    deepStrictEqual(await peer.read((tx) => tx.listKeys('approver', 'id-acme-triage')), []);
    strictEqual(await peer.read((tx) => tx.findKey(identifier('nobody'))), undefined);
  });

  check('finds an agent with all its keys, and a key with its agent', async ({ store, peer }) => {
    const [triage, bare] = [agent('triage'), agent('bare')];
    const former = key('former', { addedAt: T - 5, state: 'former', endsAt: T });
    const [own, admin, lost] = [
      key('own'),
      key('admin', { purpose: 'administrator' }),
      key('lost', { holder: 'nobody' }),
    ];
    await store.transaction(async (tx) => {
      for (const each of [triage, bare]) await tx.insertAgent({ ...each, state: 'suspended' });
      for (const each of [own, former, admin, lost]) await tx.insertKey(each);
    });
    const whole = (spiffeId: string) => peer.read((tx) => tx.findAgentWithKeys(spiffeId));
    const suspended = { ...triage, state: 'suspended' };
    deepStrictEqual(await whole(triage.spiffeId), { agent: suspended, keys: [former, own] });
    deepStrictEqual(await whole(bare.spiffeId), {
      agent: { ...bare, state: 'suspended' },
      keys: [],
    });
    strictEqual(await whole('triage'), undefined);
    const held = ({ thumbprint }: { thumbprint: string }) =>
      peer.read((tx) => tx.findHeldKey(thumbprint));
    deepStrictEqual(await held(former), { key: former, agent: suspended });
    deepStrictEqual(await held(admin), { key: admin, agent: undefined });
    deepStrictEqual(await held(lost), { key: lost, agent: undefined });
    strictEqual(await held(key('unknown')), undefined);
  });

  check('M12: gives a key to one holder and one purpose, for good', async ({ store, peer }) => {
    const first = key('one');
    await store.transaction((tx) => tx.insertKey(first));
    const former = { ...first, state: 'former' as const, endsAt: T + 1 };
    await store.transaction((tx) => tx.updateKey(former));
    for (const again of [
      first,
      { ...first, holder: 'id-other-agent' },
      { ...first, purpose: 'administrator' as const },
    ])
      await rejectsWith(
        'store_conflict',
        () => peer.transaction((tx) => tx.insertKey(again)),
        'key',
      );
    for (const changed of [
      { ...former, holder: 'id-other-agent' },
      { ...former, purpose: 'approver' as const },
      { ...former, addedAt: T + 1 },
      { ...former, jwk: key('two').jwk },
      { ...key('two'), state: 'former' as const },
    ])
      await rejectsWith(
        'store_conflict',
        () => peer.transaction((tx) => tx.updateKey(changed)),
        'version',
      );
    deepStrictEqual(await store.read((tx) => tx.findKey(first.thumbprint)), former);
  });

  check('M12: lets the state of a key only go on', async ({ store }) => {
    const states: readonly KeyState[] = ['current', 'overlapping', 'former', 'compromised'];
    for (const [place, from] of states.entries())
      for (const [target, to] of states.entries()) {
        const first = key(`${from} to ${to}`, { state: from, endsAt: T });
        await store.transaction((tx) => tx.insertKey(first));
        const changed = { ...first, state: to, endsAt: T + 1 };
        const change = () => store.transaction((tx) => tx.updateKey(changed));
        if (target >= place) await change();
        else await rejectsWith('store_conflict', change, 'version');
        deepStrictEqual(
          await store.read((tx) => tx.findKey(first.thumbprint)),
          target >= place ? changed : first,
        );
      }
  });

  check(
    'admits one agent by an enrolment, which is set once and ends no later',
    async ({ store, peer }) => {
      const first = enrolment('one');
      await store.transaction((tx) => tx.insertEnrolment(first));
      deepStrictEqual(await peer.read((tx) => tx.findEnrolment(first.hash)), first);
      strictEqual(await peer.read((tx) => tx.findEnrolment(identifier('other'))), undefined);
      await rejectsWith(
        'store_conflict',
        () => peer.transaction((tx) => tx.insertEnrolment({ ...first, name: 'two' })),
        'enrolment',
      );
      const admit = (each: typeof store, id: string) =>
        each
          .transaction((tx) => tx.updateEnrolment({ ...first, agent: id }))
          .then(
            () => 'admitted',
            (error: { code?: unknown }) => error.code,
          );
      const answers = await Promise.all([admit(store, 'a'), admit(peer, 'b'), admit(store, 'c')]);
      deepStrictEqual(answers.toSorted(), ['admitted', 'store_conflict', 'store_conflict']);
      const used = await store.read((tx) => tx.findEnrolment(first.hash));
      for (const changed of [
        { ...used, agent: undefined },
        { ...used, agent: 'd' },
        { ...used, tenant: 'other' },
        { ...used, name: 'other' },
        { ...used, createdBy: 'eve' },
        { ...used, expiresAt: T + 601 },
        enrolment('nobody'),
      ])
        await rejectsWith(
          'store_conflict',
          () => peer.transaction((tx) => tx.updateEnrolment(changed as typeof first)),
          'version',
        );
      deepStrictEqual(await peer.read((tx) => tx.findEnrolment(first.hash)), used);
      const other = enrolment('two');
      await store.transaction((tx) => tx.insertEnrolment(other));
      await store.transaction((tx) => tx.updateEnrolment({ ...other, expiresAt: T }));
      strictEqual((await peer.read((tx) => tx.findEnrolment(other.hash)))?.expiresAt, T);
    },
  );
}

async function conflicts(store: AuthorityStore, record: AgentRecord): Promise<void> {
  await rejectsWith(
    'store_conflict',
    () => store.transaction((tx) => tx.updateAgent(record)),
    'version',
  );
}

import { randomBytes } from 'node:crypto';
import {
  type Agents,
  type AuthorityStore,
  createAgents,
  createEntryPump,
  createPeers,
  createTrustedIssuers,
  restoreFromLog,
} from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { testKey } from '@taper/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createTestLog } from '../entry-pump/entry-log.ts';
import {
  BY,
  enrolled,
  handOver,
  ISSUER,
  identityKey,
  idOf,
  rootKey,
  TRUST_DOMAIN,
} from '../identity/authority.ts';
import { openDesk } from '../issuance/desk.ts';
import { issuerOf, tokenOf } from '../oidc/issuer.ts';

const AUTHORITY = testKey('authority');

function everything(store: AuthorityStore): Promise<unknown> {
  return store.read(async (tx) => {
    const agents = await tx.listAgents({ limit: 100 });
    return [
      agents,
      await Promise.all(agents.map(({ id }) => tx.listKeys('agent', id))),
      await tx.listIssuances({ limit: 100 }),
      await tx.listPeerRules('acme'),
    ];
  });
}

const CI = testKey('ci');

/** Agents on this store, of a CI system whose jobs may come back. */
function returning(store: AuthorityStore, clock: () => number): Agents {
  const bindings = [
    { where: { sub: 'ci-desk' }, tenant: 'acme', name: 'ci', returning: 'replace_key' },
  ] as const;
  return createAgents({
    store,
    issuer: ISSUER,
    trustDomain: TRUST_DOMAIN,
    identity: identityKey.signer,
    root: rootKey.signer,
    clock,
    random: (length) => new Uint8Array(randomBytes(length)),
    workloads: createTrustedIssuers({ issuers: [issuerOf(CI, { bindings })], clock }),
  });
}

test('Z07: what the authority’s own parts write into the log is enough to do it again', async () => {
  const desk = await openDesk();
  const { agents, store, clock } = desk;
  const { token, hash } = await agents.createEnrolment({
    tenant: 'acme',
    name: 'invited',
    lifetime: 600,
    by: BY,
  });
  await agents.enrol({
    possession: { key: testKey('invited').publicKey },
    admission: { kind: 'enrolment', token },
  });
  await enrolled(desk, 'gone');
  await enrolled(desk, 'lost');
  clock.advance(5);
  await desk.issuance.issueRoot(desk.request());
  const [first, second, third] = [testKey('desk'), testKey('desk 2'), testKey('lost 2')];
  const { acceptance, consent } = await handOver(desk, 'desk', first, second);
  await agents.rotateKey({
    possession: { key: second.publicKey },
    acceptance,
    authority: { kind: 'holder', oldKey: first.publicKey.thumbprint, consent },
    overlap: 60,
  });
  await agents.suspend({ agent: idOf('desk'), by: BY });
  await agents.resume({ agent: idOf('desk'), by: BY });
  await agents.suspend({ agent: idOf('invited'), by: BY });
  clock.advance(5);
  await agents.markCompromised({ key: testKey('lost').publicKey.thumbprint, by: BY });
  const [robbed, thief] = [testKey('robbed'), testKey('thief of robbed')];
  await enrolled(desk, 'robbed', robbed);
  const agreed = await handOver(desk, 'robbed', robbed, thief);
  await agents.rotateKey({
    possession: { key: thief.publicKey },
    acceptance: agreed.acceptance,
    authority: { kind: 'holder', oldKey: robbed.publicKey.thumbprint, consent: agreed.consent },
  });
  await agents.markCompromised({ key: robbed.publicKey.thumbprint, by: BY });
  const handed = await handOver(desk, 'lost', testKey('lost'), third);
  await agents.rotateKey({
    possession: { key: third.publicKey },
    acceptance: handed.acceptance,
    authority: { kind: 'operator', agent: idOf('lost'), by: BY },
    overlap: 0,
  });
  const tokens = [await tokenOf(CI, { jti: '1' }), await tokenOf(CI, { jti: '2' })];
  for (const [index, workload] of tokens.entries())
    await returning(store, clock.now).enrol({
      possession: { key: testKey(`pod ${index}`).publicKey },
      admission: { kind: 'workload', token: workload },
    });
  await agents.retire({ agent: idOf('gone'), by: BY });
  clock.advance(5);
  await agents.markCompromised({ key: testKey('gone').publicKey.thumbprint, by: BY });
  const peers = createPeers({ store, clock: clock.now });
  const peer = { tenant: 'acme', by: BY, reason: 'an incident' };
  await peers.block({ ...peer, agent: idOf('x', 'globex') });
  await peers.allow({ ...peer, agent: idOf('y', 'globex') });
  await peers.remove({ ...peer, agent: idOf('y', 'globex') });

  const log = createTestLog('log.example.com/authority');
  await createEntryPump({ store, log, signer: AUTHORITY.signer }).flush();
  const empty = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => empty.close());
  const { entries, byHand } = await restoreFromLog({
    store: empty,
    log,
    authority: [AUTHORITY.publicKey],
    random: (length) => new Uint8Array(length),
  });
  expect(entries).toBe(log.texts.length);
  expect(byHand.map(({ event }) => event)).toEqual(['grants.applied']);
  expect(await everything(empty)).toEqual(await everything(store));
  expect(await empty.read((tx) => tx.findEnrolment(hash))).toEqual(
    await store.read((tx) => tx.findEnrolment(hash)),
  );

  // Which workload the agent is, which of its tokens were used, and which key proved which.
  const restored = returning(empty, clock.now);
  const start = (key: string, workload: string): Promise<unknown> =>
    restored.enrol({
      possession: { key: testKey(key).publicKey },
      admission: { kind: 'workload', token: workload },
    });
  for (const workload of tokens)
    await expect(start('thief', workload)).rejects.toMatchObject({ refusal: 'replayed' });
  await start('pod 2', await tokenOf(CI, { jti: '3' }));
  const marked = await restored.markCompromised({ key: first.publicKey.thumbprint, by: BY });
  expect(marked.marked).toEqual([first, second].map((key) => key.publicKey.thumbprint));
  const lost = await restored.markCompromised({
    key: testKey('lost').publicKey.thumbprint,
    by: BY,
  });
  expect(lost.kept).toEqual([third.publicKey.thumbprint]);
});

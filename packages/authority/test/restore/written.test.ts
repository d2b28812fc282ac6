import {
  type AuthorityStore,
  createEntryPump,
  createPeers,
  restoreFromLog,
} from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { testKey } from '@taper/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createTestLog } from '../entry-pump/entry-log.ts';
import { BY, enrolled, handOver, idOf } from '../identity/authority.ts';
import { openDesk } from '../issuance/desk.ts';

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
  const handed = await handOver(desk, 'lost', testKey('lost'), third);
  await agents.rotateKey({
    possession: { key: third.publicKey },
    acceptance: handed.acceptance,
    authority: { kind: 'operator', agent: idOf('lost'), by: BY },
    overlap: 0,
  });
  await agents.retire({ agent: idOf('gone'), by: BY });
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
});

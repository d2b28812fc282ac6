import {
  type AuthorityStore,
  type AuthorityTransaction,
  createEntryPump,
  restoreFromLog,
} from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import {
  type AuthorityEvent,
  type JsonObject,
  signAuthorityEntry,
  writeAuthorityEntryBody,
} from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { agent, identifier, issuance, pending, T } from '../../src/testing/store/records.ts';
import { createTestLog, type TestLog } from '../entry-pump/entry-log.ts';

const LOG = 'log.example.com/authority';
const AUTHORITY: TestKey = testKey('authority');
const [FIRST, SECOND, THIRD, FOURTH] = ['first', 'second', 'third', 'fourth'].map((name) =>
  testKey(name),
) as [TestKey, TestKey, TestKey, TestKey];

type Step = (tx: AuthorityTransaction) => Promise<void>;

function openStore(): AuthorityStore {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => store.close());
  return store;
}

async function say(
  tx: AuthorityTransaction,
  event: AuthorityEvent,
  subject: JsonObject,
  details: JsonObject = {},
): Promise<void> {
  const by = { kind: 'administrator', id: 'ada' } as const;
  await tx.appendEntry(
    writeAuthorityEntryBody({ time: T, event, tenant: 'acme', by, subject, details }),
  );
}

const subjectOf = (name: string): JsonObject => {
  const { id, spiffeId } = agent(name);
  return { agent: id, spiffe_id: spiffeId, name };
};
const keyDetails = ({ publicKey: { thumbprint, jwk } }: TestKey): JsonObject => ({
  key: thumbprint,
  jwk: { ...jwk },
});
const keyRecord = ({ publicKey: { thumbprint, jwk } }: TestKey, holder: string) => ({
  thumbprint,
  jwk,
  purpose: 'agent' as const,
  holder: agent(holder).id,
  state: 'current' as const,
  addedAt: T,
  endsAt: undefined,
});

/** What an authority does, as it does it: the change, and its entry. */
const enrolling =
  (name: string, key: TestKey): Step =>
  async (tx) => {
    await tx.insertAgent(agent(name));
    await tx.insertKey(keyRecord(key, name));
    await say(tx, 'agent.enrolled', subjectOf(name), keyDetails(key));
  };
const suspending: Step = async (tx) => {
  await tx.updateAgent(agent('triage', { state: 'suspended', version: 2 }));
  await say(tx, 'agent.suspended', subjectOf('triage'));
};
const rotating: Step = async (tx) => {
  const overlap = { state: 'overlapping', endsAt: T + 60 } as const;
  await tx.updateKey({ ...keyRecord(FIRST, 'triage'), ...overlap });
  await tx.insertKey(keyRecord(SECOND, 'triage'));
  await tx.updateAgent(agent('triage', { state: 'suspended', version: 3 }));
  const old = { old: FIRST.publicKey.thumbprint, old_until: T + 60 };
  await say(tx, 'agent.key_rotated', subjectOf('triage'), { ...keyDetails(SECOND), ...old });
};
const compromising: Step = async (tx) => {
  await tx.updateKey({ ...keyRecord(SECOND, 'triage'), state: 'compromised', endsAt: T });
  await tx.updateAgent(agent('triage', { state: 'suspended', version: 4 }));
  await say(tx, 'key.compromised', subjectOf('triage'), { key: SECOND.publicKey.thumbprint });
};
const retiring: Step = async (tx) => {
  await tx.updateAgent(agent('other', { state: 'retired', version: 2 }));
  await tx.updateKey({ ...keyRecord(THIRD, 'other'), state: 'former', endsAt: T });
  await say(tx, 'agent.retired', subjectOf('other'));
};
const ENROLMENT = { hash: identifier('e'), tenant: 'acme', name: 'new', expiresAt: T + 600 };
const inviting: Step = async (tx) => {
  await tx.insertEnrolment({ ...ENROLMENT, createdBy: 'administrator:ada', agent: undefined });
  const details = { name: 'new', spiffe_id: agent('new').spiffeId, expires_at: T + 600 };
  await say(tx, 'enrolment.created', { enrolment: ENROLMENT.hash }, details);
};
const admitting: Step = async (tx) => {
  await tx.updateEnrolment({ ...ENROLMENT, createdBy: 'administrator:ada', agent: 'x' });
  await say(tx, 'enrolment.used', { enrolment: ENROLMENT.hash }, { agent: 'x' });
};
const issuing: Step = async (tx) => {
  const { jti, tokenHash, grant, grantVersion, kind, expiresAt, holder } = issuance('one');
  await tx.insertIssuance(issuance('one'));
  await say(tx, 'root.issued', subjectOf('triage'), {
    jti,
    token_hash: tokenHash,
    grant,
    grant_version: grantVersion,
    kind,
    exp: expiresAt,
    key: holder,
  });
};
const keeping =
  (...list: readonly object[]): Step =>
  (tx) =>
    tx.putSetting('administrators', JSON.stringify(list));
const ADA = { name: 'ada', tenant: 'acme', thumbprint: FOURTH.publicKey.thumbprint, addedAt: T };
const appointing: Step = async (tx) => {
  await tx.insertKey({
    ...keyRecord(FOURTH, 'triage'),
    purpose: 'administrator',
    holder: ADA.name,
  });
  await keeping(ADA)(tx);
  await say(tx, 'administrator.added', { administrator: ADA.name }, keyDetails(FOURTH));
};
const dismissing: Step = async (tx) => {
  const record = await tx.findKey(ADA.thumbprint);
  if (record !== undefined) await tx.updateKey({ ...record, state: 'former', endsAt: T });
  await keeping({ ...ADA, removedAt: T })(tx);
  await say(tx, 'administrator.removed', { administrator: ADA.name }, { key: ADA.thumbprint });
};
const blocking: Step = async (tx) => {
  const peer = 'spiffe://example.com/other/agent/x';
  const rule = {
    tenant: 'acme',
    agent: peer,
    rule: 'block',
    reason: 'an incident',
    addedAt: T,
  } as const;
  await tx.putPeerRule(rule);
  await say(tx, 'peer.blocked', { spiffe_id: peer }, { reason: rule.reason });
};
const STEPS: readonly Step[] = [
  enrolling('triage', FIRST),
  enrolling('other', THIRD),
  suspending,
  rotating,
  inviting,
  compromising,
  issuing,
  retiring,
  admitting,
  appointing,
  blocking,
  dismissing,
];

async function play(store: AuthorityStore, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await store.transaction(step);
}

function everything(store: AuthorityStore): Promise<unknown> {
  return store.read(async (tx) => [
    await tx.listAgents({ limit: 10 }),
    await tx.listKeys('agent', agent('triage').id),
    await tx.listKeys('agent', agent('other').id),
    await tx.findEnrolment(ENROLMENT.hash),
    await tx.listIssuances({ limit: 10 }),
    await tx.listPeerRules('acme'),
    await tx.findSetting('administrators'),
    await tx.findKey(ADA.thumbprint),
  ]);
}

const pumpOn = (store: AuthorityStore, log: TestLog) =>
  createEntryPump({ store, log, signer: AUTHORITY.signer });
const restore = (store: AuthorityStore, log: TestLog) =>
  restoreFromLog({
    store,
    log,
    authority: [AUTHORITY.publicKey],
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });

async function original(): Promise<{ store: AuthorityStore; log: TestLog }> {
  const [store, log] = [openStore(), createTestLog(LOG)];
  await play(store, STEPS);
  await pumpOn(store, log).flush();
  return { store, log };
}

describe('a store that was put back from a copy', () => {
  test.each(STEPS.map((_, place) => place).concat(STEPS.length))(
    'Z07: made after %i changes knows again what the log says of agents, keys, enrolments, issuances, peers and administrators',
    async (kept) => {
      const { store, log } = await original();
      const copy = openStore();
      await play(copy, STEPS.slice(0, kept));
      await copy.markEntries(
        log
          .said()
          .slice(0, Math.floor(kept / 2))
          .map(({ sequence, index }) => ({ sequence, index })),
      );
      expect(await restore(copy, log)).toEqual({ entries: STEPS.length - kept, byHand: [] });
      expect(await everything(copy)).toEqual(await everything(store));
      await play(copy, [enrolling('next', testKey('next'))]);
      await pumpOn(copy, log).flush();
      expect(log.said().map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: STEPS.length + 1 }, (_, place) => place + 1),
      );
      expect(await restore(copy, log)).toEqual({ entries: 0, byHand: [] });
    },
  );

  test('Z07: has no grants where others were applied since, until they are applied again', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const apply =
      (version: number): Step =>
      async (tx) => {
        await tx.insertGrantSet({
          version,
          document: '{"secret":1}',
          appliedAt: T,
          appliedBy: 'ada',
        });
        await say(tx, 'grants.applied', { version }, { document_hash: identifier('x') });
      };
    await play(store, [apply(1), apply(2)]);
    await pumpOn(store, log).flush();
    const copy = openStore();
    await play(copy, [apply(1)]);
    expect(await restore(copy, log)).toMatchObject({
      entries: 1,
      byHand: [{ sequence: 2, event: 'grants.applied', subject: { version: 2 } }],
    });
    expect(await copy.read((tx) => tx.currentGrantSet())).toMatchObject({
      version: 2,
      document: '{"grants":[],"type":"taper-grants","version":1}',
    });
  });

  test('Z07: issues nothing again that was pending, and takes no nonce of before', async () => {
    const { log } = await original();
    const copy = openStore();
    await play(copy, STEPS);
    await copy.transaction(async (tx) => {
      await tx.insertPending(pending('a'));
      await tx.insertPending(pending('b', { state: 'issued' }));
      await tx.putSetting('nonce_key', 'of before');
    });
    await restore(copy, log);
    const [states, nonces] = await copy.read(async (tx) => [
      (await tx.listPending({ limit: 10 })).map(({ state }) => state),
      await tx.findSetting('nonce_key'),
    ]);
    expect(states).toEqual(['closed', 'issued']);
    expect(nonces).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('Z06: is brought on by a second attempt where the first was cut short anywhere', async () => {
    const { store, log } = await original();
    for (let calls = 1; calls < STEPS.length + 4; calls += 1) {
      const copy = openStore();
      await play(copy, STEPS.slice(0, 1));
      let left = calls;
      const cut = <T>(act: () => Promise<T>): Promise<T> => {
        left -= 1;
        return left < 0 ? Promise.reject(new Error('cut short')) : act();
      };
      const dying: AuthorityStore = {
        ...copy,
        transaction: (work) => cut(() => copy.transaction(work)),
        markEntries: (places) => cut(() => copy.markEntries(places)),
      };
      await restore(dying, log).catch(() => undefined);
      await restore(copy, log);
      expect(await everything(copy)).toEqual(await everything(store));
    }
  });

  test('that has gone on by itself is refused, and so is a log that was put back', async () => {
    const { log } = await original();
    const copy = openStore();
    await play(copy, [STEPS[0] as Step, enrolling('another', testKey('another'))]);
    await expect(restore(copy, log)).rejects.toMatchObject({ code: 'store_unusable' });
    const whole = await original();
    whole.log.texts.length = 3;
    await expect(restore(whole.store, whole.log)).rejects.toMatchObject({
      code: 'log_rolled_back',
    });
  });

  test('takes nothing from an entry that does not say what was done, or that is not the authority’s', async () => {
    const wrong: readonly [AuthorityEvent, JsonObject, JsonObject?][] = [
      ['agent.enrolled', subjectOf('x')],
      ['agent.enrolled', subjectOf('x'), { ...keyDetails(FIRST), key: identifier('other') }],
      ['agent.enrolled', { agent: 'x' }, keyDetails(FIRST)],
      ['agent.suspended', subjectOf('nobody')],
      ['key.compromised', subjectOf('triage'), { key: identifier('nobody') }],
      ['root.issued', subjectOf('triage'), { jti: 'x' }],
      ['enrolment.created', {}, {}],
      ['administrator.added', { administrator: 'ada' }],
      ['administrator.removed', { administrator: 'ada' }, { key: identifier('nobody') }],
    ];
    const by = { kind: 'operator', id: 'x' } as const;
    for (const [event, subject, details = {}] of wrong) {
      const log = createTestLog(LOG);
      const body = writeAuthorityEntryBody({
        time: T,
        event,
        tenant: 'acme',
        by,
        subject,
        details,
      });
      const { signer } = AUTHORITY;
      log.texts.push(await signAuthorityEntry(body, { log: LOG, sequence: 1, signer }));
      const copy = openStore();
      await expect(restore(copy, log)).rejects.toMatchObject({ code: 'log_corrupt' });
      expect(await copy.lastSequence()).toBe(0);
    }
    const { log } = await original();
    const foreign = restoreFromLog({
      store: openStore(),
      log,
      authority: [testKey('other').publicKey],
      random: (length) => new Uint8Array(length),
    });
    await expect(foreign).rejects.toMatchObject({ code: 'log_corrupt' });
  });
});

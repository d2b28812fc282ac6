import {
  createSigner,
  generateKeyPair,
  readAuthorityLogEntry,
  signAuthorityEntry,
  type VerifiedAuthorityEntry,
  verifyAuthorityEntry,
  writeAuthorityEntryBody,
} from '@taper/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAgentRegister } from '../../src/index.ts';

const LOG = 'authority.example/log';
const signer = createSigner(generateKeyPair().privateJwk);
const key = (name: string): string => name.padEnd(43, 'A');
const id = (name: string): string => `spiffe://example.org/acme/agent/${name}`;

type Body = Parameters<typeof writeAuthorityEntryBody>[0];

async function entry(
  sequence: number,
  event: Body['event'],
  name: string,
  details: Body['details'] = {},
  changes: Partial<Body> = {},
): Promise<VerifiedAuthorityEntry> {
  const body = writeAuthorityEntryBody({
    time: 1_800_000_000,
    event,
    tenant: 'acme',
    by: { kind: 'administrator', id: 'ada' },
    subject: { spiffe_id: id(name), agent: name, name },
    details,
    ...changes,
  });
  const text = await signAuthorityEntry(body, { log: LOG, sequence, signer });
  const read = readAuthorityLogEntry(text);
  if (read.type !== 'authority') throw new Error('not read');
  const verdict = verifyAuthorityEntry(read.entry, { log: LOG, authority: [signer.publicKey] });
  if (!verdict.ok) throw new Error(verdict.problem);
  return verdict.entry;
}

const HISTORY = await Promise.all([
  entry(1, 'agent.enrolled', 'bob', { key: key('bob') }),
  entry(2, 'agent.enrolled', 'eve', { key: key('eve') }),
  entry(3, 'agent.suspended', 'bob'),
  entry(4, 'agent.key_rotated', 'eve', {
    key: key('eve2'),
    old: key('eve'),
    old_until: 1_800_000_600,
  }),
  entry(5, 'peer.blocked', 'eve', { reason: 'spam' }),
  entry(6, 'agent.resumed', 'bob'),
  entry(7, 'peer.allowed', 'bob'),
  entry(8, 'agent.retired', 'eve'),
  entry(9, 'peer.removed', 'bob'),
]);

describe('a register of agents', () => {
  test('says what the last entry about each thing said, in whatever order and however often they come', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(HISTORY, { minLength: HISTORY.length }),
        fc.subarray(HISTORY),
        (once, again) => {
          const register = createAgentRegister();
          for (const each of [...once, ...again]) expect(register.apply(each)).toBe(true);
          expect(register.agentOfKey(key('bob'))).toMatchObject({ id: id('bob'), state: 'active' });
          expect(register.agentOfKey(key('eve'))).toMatchObject({
            id: id('eve'),
            state: 'retired',
          });
          expect(register.agentOfKey(key('eve2'))).toMatchObject({ id: id('eve') });
          expect(register.replacedFrom(key('eve'))).toBe(1_800_000_600);
          expect(register.replacedFrom(key('eve2'))).toBeUndefined();
          expect(register.rule('acme', id('eve'))).toBe('block');
          expect(register.rule('acme', id('bob'))).toBeUndefined();
          expect(register.rule('other', id('eve'))).toBeUndefined();
        },
      ),
    );
  });

  test('is what its facts restore, and goes on from there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: HISTORY.length }), (saved) => {
        const before = createAgentRegister();
        for (const each of HISTORY.slice(0, saved)) before.apply(each);
        const after = createAgentRegister();
        for (const fact of before.facts())
          expect(after.restore(JSON.parse(JSON.stringify(fact)))).toBe(true);
        // Entries that the snapshot covers may come again.
        for (const each of HISTORY.slice(Math.max(0, saved - 3))) after.apply(each);
        const whole = createAgentRegister();
        for (const each of HISTORY) whole.apply(each);
        expect(new Set([...after.facts()].map((fact) => fact.join()))).toEqual(
          new Set([...whole.facts()].map((fact) => fact.join())),
        );
      }),
    );
  });

  test('does not understand an entry without a tenant, an agent, or a key that it must have', async () => {
    const suspended = await entry(1, 'agent.suspended', 'bob');
    const { tenant: _, ...withoutTenant } = { ...suspended };
    for (const each of [
      withoutTenant as VerifiedAuthorityEntry,
      await entry(1, 'agent.suspended', 'bob', {}, { subject: {} }),
      await entry(1, 'agent.enrolled', 'bob'),
      await entry(1, 'agent.key_rotated', 'bob', { key: 7 }),
      await entry(1, 'agent.key_rotated', 'bob', { key: key('b2'), old: key('bob') }),
      await entry(1, 'agent.key_rotated', 'bob', { key: key('b2'), old_until: 5 }),
    ]) {
      const register = createAgentRegister();
      expect(register.apply(each)).toBe(false);
      expect(register.agents).toBe(0);
    }
    expect(createAgentRegister().apply(suspended)).toBe(true);
  });

  test('passes over what says nothing of agents', async () => {
    const register = createAgentRegister();
    expect(register.apply(await entry(1, 'root.issued', 'bob', { key: key('x') }))).toBe(true);
    expect([...register.facts()]).toEqual([]);
  });

  test.each([
    null,
    {},
    [],
    ['agent', id('bob'), 'acme', 'asleep', 1],
    ['agent', id('bob'), 'acme', 'active'],
    ['agent', id('bob'), 'acme', 'active', 0],
    ['agent', id('bob'), 'acme', 'active', '1'],
    ['key', key('bob'), 7, 1],
    ['key', key('bob'), id('bob'), id('bob'), 1],
    ['peer', 'acme', id('bob'), 'maybe', 1],
    ['tenant', 'acme', 1],
    ['replaced', key('bob'), '5', 1],
    ['replaced', key('bob'), -1, 1],
    ['replaced', key('bob'), 5],
    ['replaced', 7, 5, 1],
  ])('does not restore %j', (fact) => {
    expect(createAgentRegister().restore(fact)).toBe(false);
  });
});

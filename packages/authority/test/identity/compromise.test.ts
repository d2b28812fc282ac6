import { type JsonObject, readRevocationTarget } from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import type { KeyRecord } from '../../src/port/store.ts';
import { StoreError } from '../../src/store-error.ts';
import { BY, enrolled, handOver, idOf, type TestAuthority, testAuthority } from './authority.ts';

const desk = idOf('desk');
const [first, second, third, fourth] = ['1', '2', '3', '4'].map((each) =>
  testKey(`desk ${each}`),
) as [Key, Key, Key, Key];
type Key = ReturnType<typeof testKey>;
const thumb = ({ publicKey }: Key): string => publicKey.thumbprint;

function refusal(code: string, facts: object = {}): unknown {
  return expect.objectContaining({ refusal: code, facts: expect.objectContaining(facts) });
}

async function withDesk(): Promise<TestAuthority> {
  const authority = testAuthority();
  await enrolled(authority, 'desk', first);
  return authority;
}

/** Whoever has `old` replaces it by `fresh`; or an operator does, who needs no `old`. */
async function rotate(
  authority: TestAuthority,
  old: Key,
  fresh: Key,
  by: 'holder' | 'operator' = 'holder',
): Promise<void> {
  const { acceptance, consent } = await handOver(authority, 'desk', old, fresh);
  await authority.agents.rotateKey({
    possession: { key: fresh.publicKey },
    acceptance,
    authority:
      by === 'holder'
        ? { kind: 'holder', oldKey: thumb(old), consent }
        : { kind: 'operator', agent: desk, by: BY },
    overlap: 600,
  });
}

async function states(authority: TestAuthority): Promise<Record<string, KeyRecord['state']>> {
  const { keys } = await authority.agents.find(desk);
  return Object.fromEntries(keys.map(({ thumbprint, state }) => [thumbprint, state]));
}

const mark = (
  { agents }: TestAuthority,
  key: Key,
  more: { readonly keepSuccessors?: boolean } = {},
): ReturnType<TestAuthority['agents']['markCompromised']> =>
  agents.markCompromised({ key: thumb(key), by: BY, ...more });

describe('a compromised key', () => {
  it('is not accepted any more, and is what has to be revoked', async () => {
    const authority = await withDesk();
    const { revocations, marked, kept } = await mark(authority, first);
    expect(revocations).toEqual([{ kind: 'key', key: thumb(first) }]);
    expect([marked, kept]).toEqual([[thumb(first)], []]);
    await expect(authority.agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'compromised' }),
    );
    expect((await authority.entries()).at(-1)).toMatchObject({
      event: 'key.compromised',
      by: BY,
      details: { key: thumb(first) },
    });
  });

  it('marked again says the same and logs nothing', async () => {
    const authority = await withDesk();
    const told = await mark(authority, first);
    const before = await authority.entries();
    expect(await mark(authority, first)).toEqual(told);
    expect(await authority.entries()).toEqual(before);
  });

  it('that had ended before has not ended later', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second);
    authority.clock.advance(900);
    await mark(authority, first);
    const { keys } = await authority.agents.find(desk);
    const ends = Object.fromEntries(keys.map(({ thumbprint, endsAt }) => [thumbprint, endsAt]));
    const now = authority.clock.now();
    expect(ends).toEqual({ [thumb(first)]: now - 300, [thumb(second)]: now });
  });

  it('of an administrator is not an agent’s to mark, and an unknown one is nobody’s', async () => {
    const authority = await withDesk();
    const { thumbprint, jwk } = testKey('ada').publicKey;
    // Names of administrators and identifiers of agents can be alike.
    const { id } = (await authority.agents.find(desk)).agent;
    await authority.store.transaction((tx) =>
      tx.insertKey({
        thumbprint,
        jwk,
        purpose: 'administrator',
        holder: id,
        state: 'current',
        addedAt: authority.clock.now(),
        endsAt: undefined,
      }),
    );
    for (const key of [thumbprint, 'x'])
      await expect(authority.agents.markCompromised({ key, by: BY })).rejects.toThrow(
        refusal('agent_unknown'),
      );
  });
});

describe('the keys that a compromised key was replaced by', () => {
  // All within one second: which key came first is not to be told by their times.
  async function stolenAndReplaced(): Promise<TestAuthority> {
    const authority = await withDesk();
    await rotate(authority, first, second);
    await rotate(authority, second, third);
    return authority;
  }

  it('are marked with it, directly or through others: a thief who rotated is out (M16)', async () => {
    const authority = await stolenAndReplaced();
    const { marked, kept, revocations } = await mark(authority, first);
    expect(marked[0]).toBe(thumb(first));
    expect(new Set(marked)).toEqual(new Set([first, second, third].map(thumb)));
    expect(kept).toEqual([]);
    expect(revocations).toEqual([
      { kind: 'agent', agent: desk, keys: [first, second, third].map(thumb).sort() },
    ]);
    for (const { publicKey } of [first, second, third])
      await expect(authority.agents.renewIdentity({ key: publicKey })).rejects.toThrow(
        refusal('key_not_current', { state: 'compromised' }),
      );
    await expect(rotate(authority, third, fourth)).rejects.toThrow(refusal('key_not_current'));
  });

  it('are one target, so that all are revoked or none', async () => {
    const { revocations } = await mark(await stolenAndReplaced(), first);
    const [target] = revocations;
    expect(revocations).toHaveLength(1);
    expect(readRevocationTarget({ ...target } as JsonObject)).toEqual(target);
  });

  it('stand each in an entry of its own, which says why', async () => {
    const authority = await stolenAndReplaced();
    const before = (await authority.entries()).length;
    await mark(authority, first);
    const [named, ...others] = (await authority.entries()).slice(before);
    expect(named).toMatchObject({ event: 'key.compromised', details: { key: thumb(first) } });
    expect(named?.['details']).not.toHaveProperty('successor_of');
    expect(others).toHaveLength(2);
    for (const entry of others)
      expect(entry).toMatchObject({
        event: 'key.compromised',
        by: BY,
        details: { successor_of: thumb(first) },
      });
  });

  it('are none of those before it', async () => {
    const authority = await stolenAndReplaced();
    const { marked, kept } = await mark(authority, second);
    expect(new Set(marked)).toEqual(new Set([thumb(second), thumb(third)]));
    // Within its overlap the first is accepted still.
    expect(kept).toEqual([thumb(first)]);
    expect(await states(authority)).toMatchObject({ [thumb(first)]: 'overlapping' });
  });

  it('are kept where the operator brought one in, with those that followed that one', async () => {
    const authority = await stolenAndReplaced();
    await rotate(authority, third, fourth, 'operator');
    const fifth = testKey('desk 5');
    await rotate(authority, fourth, fifth);
    const { marked, kept } = await mark(authority, first);
    expect(new Set(marked)).toEqual(new Set([first, second, third].map(thumb)));
    expect(new Set(kept)).toEqual(new Set([thumb(fourth), thumb(fifth)]));
    expect((await authority.agents.renewIdentity({ key: fifth.publicKey })).agent.name).toBe(
      'desk',
    );
    expect(
      (await authority.entries()).find((entry) => entry['event'] === 'key.compromised'),
    ).toHaveProperty('details.kept', kept);
  });

  it('are kept where the operator says that it leaked only after them, and are named', async () => {
    const authority = await stolenAndReplaced();
    const { marked, kept, revocations } = await mark(authority, first, { keepSuccessors: true });
    expect(marked).toEqual([thumb(first)]);
    expect(new Set(kept)).toEqual(new Set([thumb(second), thumb(third)]));
    expect(revocations).toEqual([{ kind: 'key', key: thumb(first) }]);
    expect((await authority.agents.renewIdentity({ key: third.publicKey })).agent.name).toBe(
      'desk',
    );
    const last = (await authority.entries()).at(-1);
    expect(last).toHaveProperty('details.kept', kept);
  });

  it('are marked when the operator thinks again, and none is ever let in again', async () => {
    const authority = await stolenAndReplaced();
    await mark(authority, first, { keepSuccessors: true });
    const { marked, kept } = await mark(authority, first);
    expect([marked.length, kept]).toEqual([3, []]);
    const again = await mark(authority, first, { keepSuccessors: true });
    expect([again.marked, again.kept]).toEqual([[thumb(first)], []]);
    expect(new Set(Object.values(await states(authority)))).toEqual(new Set(['compromised']));
  });

  it('are the same when it is marked again, and nothing is logged', async () => {
    const authority = await stolenAndReplaced();
    const told = await mark(authority, first);
    const before = await authority.entries();
    expect(await mark(authority, first)).toEqual(told);
    expect(await authority.entries()).toEqual(before);
  });

  it('are all or none when the store fails in the middle', async () => {
    const authority = await stolenAndReplaced();
    const before = await authority.entries();
    let updates = 0;
    const agents = authority.node({
      store: {
        ...authority.store,
        transaction: (work) =>
          authority.store.transaction((tx) =>
            work({
              ...tx,
              updateKey(record) {
                updates += 1;
                if (updates === 2) throw new StoreError(undefined, 'The disk is full.');
                return tx.updateKey(record);
              },
            }),
          ),
      },
    });
    await expect(agents.markCompromised({ key: thumb(first), by: BY })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(Object.values(await states(authority))).not.toContain('compromised');
    expect(await authority.entries()).toEqual(before);
  });

  it('are asked for in one go: a database is some way off, and a transaction has its time', async () => {
    const authority = await stolenAndReplaced();
    let [open, most] = [0, 0];
    const agents = authority.node({
      store: {
        ...authority.store,
        transaction: (work) =>
          authority.store.transaction((tx) =>
            work({
              ...tx,
              async updateKey(record) {
                open += 1;
                most = Math.max(most, open);
                await new Promise(setImmediate);
                open -= 1;
                await tx.updateKey(record);
              },
            }),
          ),
      },
    });
    const { marked } = await agents.markCompromised({ key: thumb(first), by: BY });
    expect([marked.length, most]).toEqual([3, 3]);
    expect(new Set(Object.values(await states(authority)))).toEqual(new Set(['compromised']));
  });

  it('do not slip away by a rotation at the same time', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second);
    const slow = authority.node({
      root: {
        publicKey: testKey('authority root').publicKey,
        async sign(input) {
          await mark(authority, first);
          return testKey('authority root').sign(input);
        },
      },
    });
    await expect(rotate({ ...authority, agents: slow }, second, third)).rejects.toThrow(
      refusal('key_not_current'),
    );
    expect(await states(authority)).not.toHaveProperty(thumb(third));
  });

  it('of an agent whose store does not know how they came are all that are not older', async () => {
    const authority = await withDesk();
    const { id } = (await authority.agents.find(desk)).agent;
    const now = authority.clock.now();
    const older = testKey('older');
    const bare = (key: Key, addedAt: number): KeyRecord => ({
      thumbprint: thumb(key),
      jwk: key.publicKey.jwk,
      purpose: 'agent',
      holder: id,
      state: 'former',
      addedAt,
      endsAt: addedAt,
    });
    await authority.store.transaction(async (tx) => {
      await tx.insertKey(bare(older, now - 1));
      await tx.insertKey(bare(second, now));
      await tx.insertKey(bare(third, now + 1));
    });
    const { marked } = await mark(authority, first);
    expect(new Set(marked)).toEqual(new Set([first, second, third].map(thumb)));
    expect(await states(authority)).toMatchObject({ [thumb(older)]: 'former' });
  });

  it('of a retired agent are marked too: what is revoked is more than what is former', async () => {
    const authority = await stolenAndReplaced();
    await authority.agents.retire({ agent: desk, by: BY });
    expect((await mark(authority, first)).marked).toHaveLength(3);
  });
});

describe('revocation of more keys than an entry holds', () => {
  async function withKeys(name: string, count: number): Promise<TestAuthority> {
    const authority = testAuthority();
    const { agent } = await authority.agents.enrol({
      possession: { key: first.publicKey },
      admission: { kind: 'operator', by: BY, tenant: 'acme', name },
    });
    await authority.store.transaction(async (tx) => {
      for (let index = 1; index < count; index += 1)
        await tx.insertKey({
          thumbprint: thumb(testKey(`many ${index}`)),
          jwk: testKey(`many ${index}`).publicKey.jwk,
          purpose: 'agent',
          holder: agent.id,
          state: 'former',
          addedAt: authority.clock.now() - index,
          endsAt: authority.clock.now() - index,
        });
    });
    return authority;
  }

  it('names each once, the newest first', async () => {
    const authority = await withKeys('desk', 300);
    const { revocations } = await authority.agents.retire({ agent: desk, by: BY });
    const keys = revocations.flatMap((target) => (target.kind === 'agent' ? target.keys : []));
    expect(revocations.map((target) => target.kind === 'agent' && target.keys.length)).toEqual([
      256, 44,
    ]);
    expect(new Set(keys).size).toBe(300);
    expect(keys.slice(0, 256)).toContain(thumb(first));
    for (const target of revocations)
      expect(readRevocationTarget({ ...target } as JsonObject)).toEqual(target);
  });

  it('goes key by key where the agent’s name is too long for an entry', async () => {
    const authority = await withKeys('x'.repeat(250), 2);
    const agent = idOf('x'.repeat(250));
    const { revocations } = await authority.agents.retire({ agent, by: BY });
    expect(revocations.map(({ kind }) => kind)).toEqual(['key', 'key']);
    for (const target of revocations)
      expect(readRevocationTarget({ ...target } as JsonObject)).toEqual(target);
  });
});

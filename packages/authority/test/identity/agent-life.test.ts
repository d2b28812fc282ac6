import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import { createAgents } from '../../src/identity/agents.ts';
import { StoreError } from '../../src/store-error.ts';
import {
  BY,
  enrolled,
  ISSUER,
  identityKey,
  idOf,
  rootKey,
  type TestAuthority,
  TRUST_DOMAIN,
  testAuthority,
} from './authority.ts';

const desk = idOf('desk');

function refusal(code: string, facts: object = {}): unknown {
  return expect.objectContaining({ refusal: code, facts: expect.objectContaining(facts) });
}

async function withDesk(): Promise<TestAuthority> {
  const authority = testAuthority();
  await enrolled(authority, 'desk');
  return authority;
}

const possession = { key: testKey('desk').publicKey };

describe('life of an agent', () => {
  it('suspended it gets nothing, resumed it has what it had', async () => {
    const authority = await withDesk();
    const { agents } = authority;
    await agents.suspend({ agent: desk, by: BY });
    await expect(agents.renewIdentity(possession)).rejects.toThrow(refusal('agent_suspended'));
    await expect(agents.agentOfKey(possession.key.thumbprint)).rejects.toThrow(
      refusal('agent_suspended'),
    );
    const resumed = await agents.resume({ agent: desk, by: BY });
    expect(resumed).toMatchObject({ state: 'active', version: 3 });
    expect((await agents.renewIdentity(possession)).agent.spiffeId).toBe(desk);
    expect((await authority.entries()).map(({ event }) => event)).toEqual([
      'agent.enrolled',
      'agent.suspended',
      'agent.resumed',
    ]);
  });

  it.each([
    ['resumed while it is active', ['resume'], 'active'],
    ['suspended twice', ['suspend', 'suspend'], 'suspended'],
    ['suspended after it retired', ['retire', 'suspend'], 'retired'],
    ['resumed after it retired', ['retire', 'resume'], 'retired'],
  ] as const)('is not %s', async (_, steps, state) => {
    const authority = await withDesk();
    for (const step of steps.slice(0, -1)) await authority.agents[step]({ agent: desk, by: BY });
    const before = await authority.entries();
    const last = steps.at(-1) ?? 'resume';
    await expect(authority.agents[last]({ agent: desk, by: BY })).rejects.toThrow(
      refusal('agent_state_invalid', { state }),
    );
    expect(await authority.entries()).toEqual(before);
  });

  it('retired it is gone for good: its keys, its name', async () => {
    const authority = await withDesk();
    const { agents } = authority;
    const { agent, revocations } = await agents.retire({ agent: desk, by: BY });
    expect(agent.state).toBe('retired');
    expect(revocations).toEqual([
      { kind: 'agent', agent: desk, keys: [possession.key.thumbprint] },
    ]);
    await expect(agents.renewIdentity(possession)).rejects.toThrow(refusal('agent_retired'));
    for (const tenant of ['acme', 'globex'])
      await expect(
        agents.enrol({ possession, admission: { kind: 'operator', by: BY, tenant, name: 'new' } }),
      ).rejects.toThrow(refusal('key_in_use'));
    await expect(enrolled(authority, 'desk', testKey('another'))).rejects.toThrow(
      refusal('agent_exists'),
    );
    expect((await agents.find(desk)).keys[0]).toMatchObject({ state: 'former' });
  });

  it('retired again says the same and logs nothing, so that who was interrupted can revoke', async () => {
    const authority = await withDesk();
    const first = await authority.agents.retire({ agent: desk, by: BY });
    const before = await authority.entries();
    expect(await authority.agents.retire({ agent: desk, by: BY })).toEqual(first);
    expect(await authority.entries()).toEqual(before);
  });

  it('is nobody else’s: an unknown SPIFFE ID and an unknown key are nobody', async () => {
    const { agents } = await withDesk();
    for (const agent of [idOf('desk', 'globex'), `${desk}/`, '', 'desk'])
      await expect(agents.suspend({ agent, by: BY })).rejects.toThrow(refusal('agent_unknown'));
    await expect(agents.renewIdentity({ key: testKey('x').publicKey })).rejects.toThrow(
      refusal('agent_unknown'),
    );
    await expect(agents.markCompromised({ key: 'x', by: BY })).rejects.toThrow(
      refusal('agent_unknown'),
    );
  });

  it('changed by two at the same time is changed by one', async () => {
    const authority = await withDesk();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => authority.node().suspend({ agent: desk, by: BY })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await authority.entries()).toHaveLength(2);
  });

  it('is listed by tenant and state, page by page', async () => {
    const authority = testAuthority();
    for (const name of ['a', 'b', 'c']) await enrolled(authority, name);
    await enrolled(authority, 'd', testKey('d'), 'globex');
    await authority.agents.suspend({ agent: idOf('b'), by: BY });
    const { agents } = authority;
    expect(await agents.list({ tenant: 'acme', limit: 10 })).toHaveLength(3);
    expect((await agents.list({ state: 'suspended', limit: 10 })).map(({ name }) => name)).toEqual([
      'b',
    ]);
    const first = await agents.list({ limit: 3 });
    const rest = await agents.list({ limit: 3, after: first.at(-1)?.id ?? '' });
    expect(new Set([...first, ...rest].map(({ name }) => name))).toEqual(
      new Set(['a', 'b', 'c', 'd']),
    );
    expect(rest).toHaveLength(1);
  });
});

describe('identity documents', () => {
  it('are renewed by the key, each with an id and an end of its own', async () => {
    const authority = await withDesk();
    const first = await authority.agents.renewIdentity(possession);
    authority.clock.advance(100);
    const second = await authority.agents.renewIdentity(possession);
    expect(second.document).not.toBe(first.document);
    expect(second.expiresAt).toBe(first.expiresAt + 100);
  });

  it('are not each an entry in the log', async () => {
    const authority = await withDesk();
    const before = await authority.entries();
    await authority.agents.renewIdentity(possession);
    expect(await authority.entries()).toEqual(before);
  });
});

describe('a store that fails', () => {
  it('passes on what is no conflict, and is asked again to find out', async () => {
    const authority = testAuthority();
    let lost = true;
    const store = {
      ...authority.store,
      async transaction<T>(work: Parameters<typeof authority.store.transaction<T>>[0]): Promise<T> {
        const done = await authority.store.transaction(work);
        if (lost) throw new StoreError(undefined, 'The answer was lost.');
        return done;
      },
    };
    const agents = authority.node({ store });
    const admission = { kind: 'operator', by: BY, tenant: 'acme', name: 'desk' } as const;
    await expect(agents.enrol({ possession, admission })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    lost = false;
    expect((await agents.renewIdentity(possession)).agent.spiffeId).toBe(desk);
    await expect(agents.enrol({ possession, admission })).rejects.toThrow(refusal('agent_exists'));
    expect(await authority.entries()).toHaveLength(1);
  });

  it('that did nothing leaves nothing', async () => {
    const authority = testAuthority();
    const store = {
      ...authority.store,
      transaction<T>(work: Parameters<typeof authority.store.transaction<T>>[0]): Promise<T> {
        return authority.store.transaction(async (tx) => {
          await work(tx);
          throw new StoreError(undefined, 'The disk is full.');
        });
      },
    };
    const admission = { kind: 'operator', by: BY, tenant: 'acme', name: 'desk' } as const;
    await expect(authority.node({ store }).enrol({ possession, admission })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(await authority.entries()).toEqual([]);
    await enrolled(authority, 'desk');
  });
});

describe('options', () => {
  const options = {
    store: testAuthority().store,
    issuer: ISSUER,
    trustDomain: TRUST_DOMAIN,
    identity: identityKey.signer,
    root: rootKey.signer,
    clock: () => 0,
    random: (length: number) => new Uint8Array(length),
  };

  it.each([
    ['an empty issuer', { issuer: '' }],
    ['no trust domain', { trustDomain: 'Example.org' }],
    ['one key for two purposes (Q04)', { root: identityKey.signer }],
    ['no clock', { clock: 5 }],
    ['no randomness', { random: undefined }],
    ['identity documents that live for days', { identityLifetime: 86_401 }],
    ['a negative overlap', { rotationOverlap: -1 }],
    ['a name that nobody knows', { rotationOverlaps: 1 }],
  ])('with %s are refused at the start (Z03)', (_, change) => {
    expect(() => createAgents({ ...options, ...change } as never)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});

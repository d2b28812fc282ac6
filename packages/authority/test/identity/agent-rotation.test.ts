import { readRotation, verifyRotation } from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import {
  BY,
  enrolled,
  handOver,
  ISSUER,
  idOf,
  rootKey,
  type TestAuthority,
  testAuthority,
} from './authority.ts';

const first = testKey('desk');
const second = testKey('desk, second');
const third = testKey('desk, third');
const anchors = [{ issuer: ISSUER, key: rootKey.publicKey }];
const possession = { key: second.publicKey };

function refusal(code: string, facts: object = {}): unknown {
  return expect.objectContaining({ refusal: code, facts: expect.objectContaining(facts) });
}

async function withDesk(options: Parameters<typeof testAuthority>[0] = {}): Promise<TestAuthority> {
  const authority = testAuthority(options);
  await enrolled(authority, 'desk', first);
  return authority;
}

/** The holder replaces `old` by `fresh`. */
async function rotate(
  authority: TestAuthority,
  old = first,
  fresh = second,
  overlap?: number,
): Promise<Awaited<ReturnType<TestAuthority['agents']['rotateKey']>>> {
  const { acceptance, consent } = await handOver(authority, 'desk', old, fresh);
  return await authority.agents.rotateKey({
    possession: { key: fresh.publicKey },
    acceptance,
    authority: { kind: 'holder', oldKey: old.publicKey.thumbprint, consent },
    ...(overlap === undefined ? {} : { overlap }),
  });
}

describe('rotation by the holder', () => {
  it('makes a statement that verifies offline, and stands in the log', async () => {
    const authority = await withDesk();
    const { statement = '', oldUntil } = await rotate(authority, first, second, 600);
    const verdict = verifyRotation(statement, { anchors, oldKey: first.publicKey });
    expect(verdict).toMatchObject({
      ok: true,
      rotation: {
        subject: idOf('desk'),
        by: 'holder',
        issuedAt: authority.clock.now(),
        oldUntil: authority.clock.now() + 600,
      },
    });
    expect(oldUntil).toBe(authority.clock.now() + 600);
    expect((await authority.entries()).at(-1)).toMatchObject({
      event: 'agent.key_rotated',
      tenant: 'acme',
      by: { kind: 'agent' },
      subject: { spiffe_id: idOf('desk') },
      details: {
        statement,
        old: first.publicKey.thumbprint,
        key: second.publicKey.thumbprint,
        jwk: second.publicKey.jwk,
        old_until: oldUntil,
      },
    });
  });

  it('denies neither key to the second before the overlap ends, and then the old one (Z10, Q01)', async () => {
    const authority = await withDesk();
    const { agents, clock } = authority;
    await rotate(authority, first, second, 600);
    for (let elapsed = 0; elapsed < 600; elapsed += 1) {
      const old = await agents.renewIdentity({ key: first.publicKey });
      expect(old.expiresAt).toBe(clock.now() + 600 - elapsed);
      expect((await agents.renewIdentity(possession)).agent.name).toBe('desk');
      clock.advance(1);
    }
    await expect(agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'former' }),
    );
    expect((await agents.renewIdentity(possession)).agent.name).toBe('desk');
  });

  it('without overlap ends the old key in the same second', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second, 0);
    await expect(authority.agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'former' }),
    );
    expect((await authority.agents.renewIdentity(possession)).agent.name).toBe('desk');
  });

  it('before it is done leaves the new key nobody’s (Q01)', async () => {
    const authority = await withDesk();
    await expect(authority.agents.renewIdentity(possession)).rejects.toThrow(
      refusal('agent_unknown'),
    );
  });

  it('lets the operator set the overlap, and the holder ask for less alone', async () => {
    const authority = await withDesk({ rotationOverlap: 60 });
    await expect(rotate(authority, first, second, 61)).rejects.toThrow(
      refusal('request_malformed', { member: 'overlap', max: 60 }),
    );
    const { oldUntil } = await rotate(authority);
    expect(oldUntil).toBe(authority.clock.now() + 60);
    const none = await withDesk({ rotationOverlap: 0 });
    expect((await rotate(none)).oldUntil).toBe(none.clock.now());
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses an overlap of %j',
    async (overlap) => {
      const authority = await withDesk();
      await expect(rotate(authority, first, second, overlap)).rejects.toThrow(
        refusal('request_malformed'),
      );
    },
  );

  it('goes on from key to key, each statement from the one before', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second, 600);
    const { statement = '' } = await rotate(authority, second, third, 60);
    expect(readRotation(statement)).toMatchObject({ oldKey: second.publicKey.thumbprint });
    for (const key of [first, second, third])
      expect((await authority.agents.renewIdentity({ key: key.publicKey })).agent.name).toBe(
        'desk',
      );
    authority.clock.advance(60);
    await expect(authority.agents.renewIdentity({ key: second.publicKey })).rejects.toThrow(
      refusal('key_not_current'),
    );
  });

  it('is never older than the one before, though another node’s clock is behind (Z10)', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second, 600);
    const behind = {
      ...authority,
      agents: authority.node({ clock: () => authority.clock.now() - 30 }),
    };
    const { statement = '' } = await rotate(behind, second, third, 600);
    expect(readRotation(statement)?.issuedAt).toBe(authority.clock.now());
  });

  it('needs the consent of the old key: the new one alone is nothing (Q02)', async () => {
    const authority = await withDesk();
    const parts = await handOver(authority, 'desk', first, second, { old: second });
    await expect(
      authority.agents.rotateKey({
        possession,
        acceptance: parts.acceptance,
        authority: {
          kind: 'holder',
          oldKey: first.publicKey.thumbprint,
          consent: parts.consent,
        },
      }),
    ).rejects.toThrow(refusal('possession_unproved', { reason: 'consent' }));
    expect(await authority.entries()).toHaveLength(1);
    await expect(authority.agents.renewIdentity(possession)).rejects.toThrow(
      refusal('agent_unknown'),
    );
  });

  it('needs the acceptance of the new key', async () => {
    const authority = await withDesk();
    const { acceptance, consent } = await handOver(authority, 'desk', first, second, {
      fresh: first,
    });
    await expect(
      authority.agents.rotateKey({
        possession,
        acceptance,
        authority: { kind: 'holder', oldKey: first.publicKey.thumbprint, consent },
      }),
    ).rejects.toThrow(refusal('possession_unproved'));
  });

  it('takes no consent of another rotation, another agent or another time', async () => {
    const authority = await withDesk();
    const ask = (parts: { acceptance: string; consent: string }): Promise<unknown> =>
      authority.agents.rotateKey({
        possession,
        acceptance: parts.acceptance,
        authority: {
          kind: 'holder',
          oldKey: first.publicKey.thumbprint,
          consent: parts.consent,
        },
      });
    const good = await handOver(authority, 'desk', first, second);
    const toThird = await handOver(authority, 'desk', first, third);
    const ofOther = await handOver(authority, 'other', first, second);
    for (const { consent } of [toThird, ofOther, { consent: good.acceptance }, { consent: 'x' }])
      await expect(ask({ ...good, consent })).rejects.toThrow(refusal('possession_unproved'));
    authority.clock.advance(301);
    await expect(ask(good)).rejects.toThrow(refusal('possession_unproved'));
    authority.clock.advance(-1);
    await ask(good);
  });

  it('is for the current key alone', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second, 600);
    await expect(rotate(authority, first, third)).rejects.toThrow(refusal('key_not_current'));
    await expect(rotate(authority, testKey('stranger'), third)).rejects.toThrow(
      refusal('agent_unknown'),
    );
  });

  it('gives no key that anybody has or had (Q04)', async () => {
    const authority = await withDesk();
    await enrolled(authority, 'other', third);
    await expect(rotate(authority, first, third)).rejects.toThrow(refusal('key_in_use'));
    await rotate(authority, first, second, 0);
    await expect(rotate(authority, second, first)).rejects.toThrow(refusal('key_in_use'));
    await expect(rotate(authority, second, rootKey)).rejects.toThrow(refusal('key_in_use'));
  });

  it('is not for an agent that is suspended or retired', async () => {
    const authority = await withDesk();
    await authority.agents.suspend({ agent: idOf('desk'), by: BY });
    await expect(rotate(authority)).rejects.toThrow(refusal('agent_suspended'));
    await authority.agents.retire({ agent: idOf('desk'), by: BY });
    await expect(rotate(authority)).rejects.toThrow(refusal('agent_retired'));
  });

  it('at the same time as another is done once', async () => {
    const authority = await withDesk();
    const keys = Array.from({ length: 6 }, (_, index) => testKey(`new ${index}`));
    const outcomes = await Promise.allSettled(
      keys.map((key) => rotate({ ...authority, agents: authority.node() }, first, key)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(['agent_state_invalid', 'key_not_current']).toContain(outcome.reason.refusal);
    const { keys: kept } = await authority.agents.find(idOf('desk'));
    expect(kept.filter(({ state }) => state === 'current')).toHaveLength(1);
    expect(kept).toHaveLength(2);
    expect(await authority.entries()).toHaveLength(2);
  });

  it.each([
    ['suspended', 'agent_suspended', 'suspend'],
    ['retired', 'agent_retired', 'retire'],
    ['told of a compromised key', 'key_not_current', 'markCompromised'],
    ['suspended and resumed', 'agent_state_invalid', 'resume'],
  ] as const)(
    'is not done for an agent that was %s while the root’s signer was slow',
    async (_, code, step) => {
      const authority = testAuthority();
      await enrolled(authority, 'desk', first);
      const desk = { agent: idOf('desk'), by: BY };
      const agents = authority.node({
        root: {
          publicKey: rootKey.publicKey,
          async sign(input) {
            if (step === 'markCompromised')
              await authority.agents.markCompromised({ key: first.publicKey.thumbprint, by: BY });
            else if (step === 'retire') await authority.agents.retire(desk);
            else await authority.agents.suspend(desk);
            if (step === 'resume') await authority.agents.resume(desk);
            return rootKey.sign(input);
          },
        },
      });
      await expect(rotate({ ...authority, agents })).rejects.toThrow(refusal(code));
      const events = (await authority.entries()).map(({ event }) => event);
      expect(events).not.toContain('agent.key_rotated');
      await expect(authority.agents.agentOfKey(second.publicKey.thumbprint)).rejects.toThrow(
        refusal('agent_unknown'),
      );
    },
  );

  it('is not done when the root’s signer fails, and leaves nothing', async () => {
    const authority = await withDesk({
      root: {
        publicKey: rootKey.publicKey,
        sign() {
          throw new Error('The device is gone.');
        },
      },
    });
    await expect(rotate(authority)).rejects.toMatchObject({ code: 'signing_failed' });
    expect(await authority.entries()).toHaveLength(1);
    expect((await authority.agents.renewIdentity({ key: first.publicKey })).agent.name).toBe(
      'desk',
    );
  });
});

describe('rotation by the operator', () => {
  async function byOperator(
    authority: TestAuthority,
    fresh = second,
    overlap = 0,
  ): Promise<Awaited<ReturnType<TestAuthority['agents']['rotateKey']>>> {
    const { acceptance } = await handOver(authority, 'desk', first, fresh);
    return await authority.agents.rotateKey({
      possession: { key: fresh.publicKey },
      acceptance,
      authority: { kind: 'operator', agent: idOf('desk'), by: BY },
      overlap,
    });
  }

  it('needs no old key, and says who did it', async () => {
    const authority = await withDesk();
    const { statement = '' } = await byOperator(authority);
    expect(verifyRotation(statement, { anchors, oldKey: first.publicKey })).toMatchObject({
      ok: true,
      rotation: { by: 'operator' },
    });
    expect((await authority.entries()).at(-1)).toMatchObject({ by: BY });
  });

  it('gives a suspended agent a new key before it is resumed, and a retired one none', async () => {
    const authority = await withDesk();
    await authority.agents.suspend({ agent: idOf('desk'), by: BY });
    await byOperator(authority);
    await expect(authority.agents.renewIdentity(possession)).rejects.toThrow(
      refusal('agent_suspended'),
    );
    await authority.agents.resume({ agent: idOf('desk'), by: BY });
    expect((await authority.agents.renewIdentity(possession)).agent.name).toBe('desk');
    await authority.agents.retire({ agent: idOf('desk'), by: BY });
    await expect(byOperator(authority, third)).rejects.toThrow(refusal('agent_retired'));
  });

  it('of a compromised key makes no statement: what that key held is lost', async () => {
    const authority = await withDesk();
    await authority.agents.markCompromised({ key: first.publicKey.thumbprint, by: BY });
    await expect(rotate(authority)).rejects.toThrow(refusal('key_not_current'));
    const { statement } = await byOperator(authority, second, 600);
    expect(statement).toBeUndefined();
    expect((await authority.agents.renewIdentity(possession)).agent.name).toBe('desk');
    await expect(authority.agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'compromised' }),
    );
    expect((await authority.entries()).at(-1)?.['details']).not.toHaveProperty('statement');
  });

  it.each([false, true])(
    'gives nobody a key that nobody has shown to hold, old key compromised: %j (E01, Q04)',
    async (compromised) => {
      const authority = await withDesk();
      if (compromised)
        await authority.agents.markCompromised({ key: first.publicKey.thumbprint, by: BY });
      const { acceptance } = await handOver(authority, 'desk', first, third);
      const ask = (key: typeof first): Promise<unknown> =>
        authority.agents.rotateKey({
          possession: { key: key.publicKey },
          acceptance,
          authority: { kind: 'operator', agent: idOf('desk'), by: BY },
          overlap: 0,
        });
      await expect(ask(second)).rejects.toThrow(refusal('possession_unproved'));
      await ask(third);
      await expect(authority.agents.agentOfKey(second.publicKey.thumbprint)).rejects.toThrow(
        refusal('agent_unknown'),
      );
    },
  );

  it('gives an agent 1024 keys in all, and not one more', async () => {
    const authority = await withDesk();
    const { agent } = await authority.agents.find(idOf('desk'));
    const now = authority.clock.now();
    await authority.store.transaction(async (tx) => {
      for (let count = 2; count < 1024; count += 1)
        await tx.insertKey({
          thumbprint: `former ${count}`,
          jwk: third.publicKey.jwk,
          purpose: 'agent',
          holder: agent.id,
          state: 'former',
          addedAt: now - count,
          endsAt: now - count,
        });
    });
    await byOperator(authority);
    await expect(rotate(authority, second, third)).rejects.toThrow(
      refusal('agent_state_invalid', { max: 1024 }),
    );
    const { revocations } = await authority.agents.retire({ agent: idOf('desk'), by: BY });
    expect(
      new Set(revocations.flatMap((target) => (target.kind === 'agent' ? target.keys : []))).size,
    ).toBe(1024);
  });

  it('may let the old key go on for longer than a holder may', async () => {
    const authority = await withDesk({ rotationOverlap: 0 });
    const { oldUntil } = await byOperator(authority, second, 2_592_000);
    expect(oldUntil).toBe(authority.clock.now() + 2_592_000);
    await expect(byOperator(authority, third, 2_592_001)).rejects.toThrow(
      refusal('request_malformed'),
    );
  });
});

describe('a key that was replaced', () => {
  it('is revoked with the agent, as all its keys are', async () => {
    const authority = await withDesk();
    await rotate(authority, first, second, 600);
    const { revocations } = await authority.agents.retire({ agent: idOf('desk'), by: BY });
    expect(revocations).toMatchObject([
      { keys: [first.publicKey.thumbprint, second.publicKey.thumbprint].sort() },
    ]);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { IssuedIdentity } from '../../src/identity/agents.ts';
import type { WorkloadBinding } from '../../src/oidc/binding.ts';
import type { TrustedIssuer } from '../../src/oidc/trusted-issuer.ts';
import { createTrustedIssuers, type TrustedIssuers } from '../../src/oidc/trusted-issuers.ts';
import { AuthorityRefusal } from '../../src/refusal.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';
import { CLAIMS, issuerOf, tokenOf } from '../oidc/issuer.ts';
import { BY, enrolled, handOver, idOf, type TestAuthority, testAuthority } from './authority.ts';

const ci = testKey('ci');
const p256 = testKey('ci p256', 'ES256');
const desk = idOf('desk');
const [first, second, third] = ['1', '2', '3'].map((each) => testKey(`desk ${each}`)) as [
  TestKey,
  TestKey,
  TestKey,
];
const thumb = ({ publicKey }: TestKey): string => publicKey.thumbprint;

const RETURNING: WorkloadBinding = {
  where: { sub: 'ci-desk' },
  tenant: 'acme',
  name: 'desk',
  returning: 'replace_key',
};

function refusal(code: string, facts: object = {}): unknown {
  return expect.objectContaining({ refusal: code, facts: expect.objectContaining(facts) });
}

function trust(
  clock: () => number,
  bindings: readonly WorkloadBinding[] = [RETURNING],
  ...more: readonly TrustedIssuer[]
): TrustedIssuers {
  return createTrustedIssuers({ issuers: [issuerOf(ci, { bindings }), ...more], clock });
}

/** An authority that trusts the CI system; what it trusts may be changed while it runs, as by a restart. */
function world(...how: Parameters<typeof trust> extends [unknown, ...infer Rest] ? Rest : never): {
  readonly authority: TestAuthority;
  trusts(...other: typeof how): void;
} {
  let trusted: TrustedIssuers | undefined;
  const authority = testAuthority({
    workloads: { identifyWorkload: (token) => (trusted as TrustedIssuers).identifyWorkload(token) },
  });
  trusted = trust(authority.clock.now, ...how);
  return {
    authority,
    trusts: (...other) => {
      trusted = trust(authority.clock.now, ...other);
    },
  };
}

let starts = 0;

/** A token that was never used before. */
function freshToken(claims: object = {}, signer: TestKey = ci): Promise<string> {
  starts += 1;
  return tokenOf(signer, { jti: `start ${starts}`, ...claims });
}

/** The workload starts, with this key. */
async function start(
  { agents }: Pick<TestAuthority, 'agents'>,
  key: TestKey,
  token?: string,
): Promise<IssuedIdentity> {
  return await agents.enrol({
    possession: { key: key.publicKey },
    admission: { kind: 'workload', token: token ?? (await freshToken()) },
  });
}

describe('a workload that comes back with a new key', () => {
  it('is the same agent with that key, and the former key ends at once', async () => {
    const { authority } = world();
    const before = await start(authority, first);
    const { agent, document } = await start(authority, second);
    expect(agent).toMatchObject({ id: before.agent.id, spiffeId: desk, version: 2 });
    expect(document).not.toBe(before.document);
    await expect(authority.agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'former' }),
    );
    expect((await authority.agents.renewIdentity({ key: second.publicKey })).agent.id).toBe(
      before.agent.id,
    );
    expect((await authority.agents.find(desk)).keys).toMatchObject([
      { thumbprint: expect.any(String) },
      { thumbprint: expect.any(String) },
    ]);
  });

  it('stands in the log as a rotation that a workload proved, without a statement', async () => {
    const { authority } = world();
    await start(authority, first);
    const token = await freshToken();
    await start(authority, second, token);
    const entries = await authority.entries();
    expect(entries).toHaveLength(2);
    const last = entries.at(-1);
    expect(last).toMatchObject({
      event: 'agent.key_rotated',
      tenant: 'acme',
      by: { kind: 'workload', id: 'ci-desk' },
      subject: { spiffe_id: desk },
      details: {
        issuer: 'https://ci.example',
        key: thumb(second),
        jwk: second.publicKey.jwk,
        old: thumb(first),
        old_until: authority.clock.now(),
      },
    });
    expect(last?.['details']).not.toHaveProperty('statement');
    expect(JSON.stringify(entries)).not.toContain(token.slice(0, token.lastIndexOf('.')));
  });

  it('is refused where the binding does not say so', async () => {
    const { returning: _, ...once } = RETURNING;
    const { authority } = world([once]);
    await start(authority, first);
    const token = await freshToken();
    await expect(start(authority, second, token)).rejects.toThrow(refusal('agent_exists'));
    expect(await authority.entries()).toHaveLength(1);
    expect((await authority.agents.renewIdentity({ key: first.publicKey })).agent.name).toBe(
      'desk',
    );
  });

  it('may come once the operator allows it, though it was admitted before', async () => {
    const { returning: _, ...once } = RETURNING;
    const { authority, trusts } = world([once]);
    await start(authority, first);
    trusts([RETURNING]);
    expect((await start(authority, second)).agent.version).toBe(2);
  });

  it('comes as often as it likes, and always leaves one current key', async () => {
    const { authority } = world();
    for (let count = 0; count < 20; count += 1) await start(authority, testKey(`pod ${count}`));
    const { keys } = await authority.agents.find(desk);
    expect(keys).toHaveLength(20);
    expect(keys.filter(({ state }) => state === 'current')).toMatchObject([
      { thumbprint: thumb(testKey('pod 19')) },
    ]);
    expect(keys.filter(({ state }) => state === 'former')).toHaveLength(19);
  });

  it('lets the former key go on to the second before the configured overlap ends', async () => {
    const { authority } = world([{ ...RETURNING, overlap: 60 }]);
    await start(authority, first);
    await start(authority, second);
    authority.clock.advance(59);
    expect((await authority.agents.renewIdentity({ key: first.publicKey })).expiresAt).toBe(
      authority.clock.now() + 1,
    );
    authority.clock.advance(1);
    await expect(authority.agents.renewIdentity({ key: first.publicKey })).rejects.toThrow(
      refusal('key_not_current', { state: 'former' }),
    );
    expect((await authority.agents.renewIdentity({ key: second.publicKey })).agent.name).toBe(
      'desk',
    );
  });

  it('is admitted at another audience of the same issuer too', async () => {
    const elsewhere = issuerOf(ci, { audience: 'https://other.example', bindings: [RETURNING] });
    const { authority } = world([RETURNING], elsewhere);
    await start(authority, first);
    const token = await freshToken({ aud: 'https://other.example' });
    expect((await start(authority, second, token)).agent.version).toBe(2);
  });
});

describe('the agent of somebody else', () => {
  it('is not taken over by another subject of the same issuer that is bound to its name', async () => {
    const other: WorkloadBinding = { ...RETURNING, where: { sub: 'ci-other' } };
    const { authority } = world([RETURNING, other]);
    await start(authority, first);
    await expect(start(authority, second, await freshToken({ sub: 'ci-other' }))).rejects.toThrow(
      refusal('agent_exists'),
    );
    expect((await authority.agents.renewIdentity({ key: first.publicKey })).agent.name).toBe(
      'desk',
    );
    expect((await start(authority, second)).agent.version).toBe(2);
  });

  it('is not taken over by another issuer that names the same subject (F11, F12)', async () => {
    const evil = testKey('evil ci');
    const also = issuerOf(evil, { issuer: 'https://evil.example', bindings: [RETURNING] });
    const { authority } = world([RETURNING], also);
    await start(authority, first);
    await expect(
      start(authority, second, await freshToken({ iss: 'https://evil.example' }, evil)),
    ).rejects.toThrow(refusal('agent_exists'));
  });

  it('is not taken over where issuer and subject only look the same together', async () => {
    const evil = testKey('evil ci');
    const bindings = [{ ...RETURNING, where: { sub: '","subject":"ci-desk' } }];
    const also = issuerOf(evil, { issuer: 'https://ci.example","x":"', bindings });
    const { authority } = world([RETURNING], also);
    await start(authority, first);
    const claims = { iss: 'https://ci.example","x":"', sub: '","subject":"ci-desk' };
    await expect(start(authority, second, await freshToken(claims, evil))).rejects.toThrow(
      refusal('agent_exists'),
    );
  });

  it('is not taken over where an administrator enrolled it', async () => {
    const { authority } = world();
    await enrolled(authority, 'desk', first);
    await expect(start(authority, second)).rejects.toThrow(refusal('agent_exists'));
  });

  it('is not taken over where a one-time token enrolled it', async () => {
    const { authority } = world();
    const { token } = await authority.agents.createEnrolment({
      tenant: 'acme',
      name: 'desk',
      by: BY,
    });
    await authority.agents.enrol({
      possession: { key: first.publicKey },
      admission: { kind: 'enrolment', token },
    });
    await expect(start(authority, second)).rejects.toThrow(refusal('agent_exists'));
  });

  it('is not taken over where nobody recorded how it came', async () => {
    const { authority } = world();
    await authority.store.transaction((tx) =>
      tx.insertAgent({
        id: 'legacy',
        tenant: 'acme',
        name: 'desk',
        spiffeId: desk,
        state: 'active',
        createdAt: 0,
        version: 1,
      }),
    );
    await expect(start(authority, second)).rejects.toThrow(refusal('agent_exists'));
  });

  it.each(['suspend', 'retire'] as const)(
    'who did %s it decides, not the workload',
    async (step) => {
      const { authority } = world();
      await start(authority, first);
      await authority.agents[step]({ agent: desk, by: BY });
      const code = step === 'suspend' ? 'agent_suspended' : 'agent_retired';
      const token = await freshToken();
      await expect(start(authority, second, token)).rejects.toThrow(refusal(code));
      expect(await authority.entries()).toHaveLength(2);
      if (step === 'retire') return;
      await authority.agents.resume({ agent: desk, by: BY });
      // What is refused uses nothing up.
      expect((await start(authority, second, token)).agent.state).toBe('active');
    },
  );

  it('gets no key that anybody has or had (Q04)', async () => {
    const { authority } = world();
    await start(authority, first);
    await enrolled(authority, 'other', third);
    for (const key of [first, third, testKey('authority root')])
      await expect(start(authority, key)).rejects.toThrow(refusal('key_in_use'));
    await start(authority, second);
    await expect(start(authority, first)).rejects.toThrow(refusal('key_in_use'));
    expect((await authority.agents.renewIdentity({ key: second.publicKey })).agent.name).toBe(
      'desk',
    );
  });
});

describe('a token of a workload that comes back', () => {
  it('is good once: whoever saw it brings no key of their own', async () => {
    const { authority } = world();
    const admitted = await freshToken();
    await start(authority, first, admitted);
    await expect(start(authority, third, admitted)).rejects.toThrow(refusal('replayed'));
    const returned = await freshToken();
    await start(authority, second, returned);
    for (const token of [admitted, returned])
      await expect(start(authority, third, token)).rejects.toThrow(refusal('replayed'));
    expect((await authority.agents.renewIdentity({ key: second.publicKey })).agent.name).toBe(
      'desk',
    );
  });

  it('is good once in whichever form its ES256 signature is written (A01, A08)', async () => {
    const issuer = issuerOf(p256, { bindings: [RETURNING], algorithms: ['ES256'] });
    const authority = testAuthority();
    const agents = authority.node({
      workloads: createTrustedIssuers({ issuers: [issuer], clock: authority.clock.now }),
    });
    const token = await freshToken({}, p256);
    await start({ agents }, first, token);
    await expect(start({ agents }, second, withOtherS(token))).rejects.toThrow(refusal('replayed'));
    // The other form is a signature too, so that it was not refused for being none.
    expect(
      (await start({ agents }, second, withOtherS(await freshToken({}, p256)))).agent.version,
    ).toBe(2);
  });

  it('that has expired brings no key', async () => {
    const { authority } = world();
    await start(authority, first);
    const token = await freshToken({ exp: (CLAIMS['iat'] as number) + 60 });
    authority.clock.advance(60);
    await expect(start(authority, second, token)).rejects.toThrow(
      refusal('identity_refused', { reason: 'expired' }),
    );
  });

  it('that expires while the keys of its issuer are fetched brings none either', async () => {
    const { authority } = world();
    await start(authority, first);
    const issuers = trust(authority.clock.now);
    let seconds = 60;
    const slow = authority.node({
      workloads: {
        async identifyWorkload(token) {
          const found = await issuers.identifyWorkload(token);
          authority.clock.advance(seconds);
          return found;
        },
      },
    });
    const ending = () => freshToken({ exp: authority.clock.now() + 60 });
    await expect(start({ agents: slow }, second, await ending())).rejects.toThrow(
      refusal('identity_refused', { reason: 'expired' }),
    );
    seconds = 59;
    await start({ agents: slow }, second, await ending());
  });
});

/** The same ECDSA signature, with n − S for S. */
function withOtherS(token: string): string {
  const at = token.lastIndexOf('.') + 1;
  const bytes = platform.decodeBase64url(token.slice(at)) as Uint8Array;
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).toString('hex')}`);
  const other = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex');
  return token.slice(0, at) + Buffer.concat([bytes.subarray(0, 32), other]).toString('base64url');
}

describe('a thief of the agent’s key', () => {
  async function rotateAs(authority: TestAuthority, old: TestKey, fresh: TestKey): Promise<void> {
    const { acceptance, consent } = await handOver(authority, 'desk', old, fresh);
    await authority.agents.rotateKey({
      possession: { key: fresh.publicKey },
      acceptance,
      authority: { kind: 'holder', oldKey: thumb(old), consent },
    });
  }

  it.each([0, 600])(
    'does not rotate back once the workload came back, overlap %i (Q01)',
    async (overlap) => {
      const { authority } = world([{ ...RETURNING, overlap }]);
      await start(authority, first);
      await start(authority, second);
      await expect(rotateAs(authority, first, third)).rejects.toThrow(refusal('key_not_current'));
      await expect(authority.agents.agentOfKey(thumb(third))).rejects.toThrow(
        refusal('agent_unknown'),
      );
    },
  );

  it('loses what it rotated to when the workload comes back', async () => {
    const { authority } = world();
    await start(authority, first);
    await rotateAs(authority, first, third);
    await start(authority, second);
    await expect(authority.agents.renewIdentity({ key: third.publicKey })).rejects.toThrow(
      refusal('key_not_current'),
    );
    await expect(rotateAs(authority, third, testKey('desk 4'))).rejects.toThrow(
      refusal('key_not_current'),
    );
  });

  it('does not win by a rotation that is slow', async () => {
    const { authority } = world();
    await start(authority, first);
    const root = testKey('authority root');
    const slow = authority.node({
      root: {
        publicKey: root.publicKey,
        async sign(input) {
          await start(authority, second);
          return root.sign(input);
        },
      },
    });
    await expect(rotateAs({ ...authority, agents: slow }, first, third)).rejects.toThrow(
      refusal('key_not_current'),
    );
    const { keys } = await authority.agents.find(desk);
    expect(keys).toHaveLength(2);
  });

  it('that was told of takes along what it rotated to, and not the key that the workload brought', async () => {
    const { authority } = world();
    await start(authority, first);
    await rotateAs(authority, first, third);
    await start(authority, second);
    const { marked, kept } = await authority.agents.markCompromised({ key: thumb(first), by: BY });
    expect(marked).toEqual([thumb(first), thumb(third)]);
    expect(kept).toEqual([thumb(second)]);
  });

  it('is not let in again by the workload’s token once the current key was marked: the operator decides', async () => {
    const { authority } = world();
    await start(authority, first);
    await authority.agents.markCompromised({ key: thumb(first), by: BY });
    await expect(start(authority, second)).rejects.toThrow(
      refusal('key_not_current', { state: 'compromised' }),
    );
    const { acceptance } = await handOver(authority, 'desk', first, third);
    await authority.agents.rotateKey({
      possession: { key: third.publicKey },
      acceptance,
      authority: { kind: 'operator', agent: desk, by: BY },
      overlap: 0,
    });
    expect((await start(authority, second)).agent.name).toBe('desk');
  });
});

describe('workloads of one identity that start at the same time', () => {
  async function settle(nodes: readonly TestAuthority['agents'][]): Promise<number> {
    const keys = Array.from({ length: 8 }, (_, index) => testKey(`racer ${index}`));
    const outcomes = await Promise.allSettled(
      keys.map(async (key, index) =>
        start({ agents: nodes[index % nodes.length] as TestAuthority['agents'] }, key),
      ),
    );
    // A racer may have been replaced before its document was made; nothing else goes wrong.
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toBeInstanceOf(AuthorityRefusal);
        expect(['key_not_current', 'agent_state_invalid', 'agent_exists']).toContain(
          outcome.reason.refusal,
        );
      }
    return keys.length;
  }

  it('leave one current key, the others former, and each in the log', async () => {
    const { authority } = world();
    await start(authority, first);
    await settle([authority.agents, authority.node()]);
    const { agent, keys } = await authority.agents.find(desk);
    expect(keys.filter(({ state }) => state === 'current')).toHaveLength(1);
    expect(keys.filter(({ state }) => state === 'former')).toHaveLength(keys.length - 1);
    const entries = await authority.entries();
    expect(entries).toHaveLength(keys.length);
    expect(agent.version).toBe(keys.length);
    const [last] = keys.filter(({ state }) => state === 'current');
    expect(entries.at(-1)).toMatchObject({ details: { key: last?.thumbprint } });
    expect(entries.slice(1).map((entry) => (entry['details'] as { old: string }).old)).toEqual(
      entries.slice(0, -1).map((entry) => (entry['details'] as { key: string }).key),
    );
  });

  it('with one token are one', async () => {
    const { authority } = world();
    await start(authority, first);
    const token = await freshToken();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        start({ agents: authority.node() }, testKey(`racer ${index}`), token),
      ),
    );
    const refused = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused).toHaveLength(7);
    for (const reason of refused) expect(reason).toMatchObject({ refusal: 'replayed' });
    expect(await authority.entries()).toHaveLength(2);
  });

  it('leave one current key where two processes have one file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'taper-returning-'));
    const stores = [0, 1].map(() =>
      openSqliteAuthorityStore({ path: join(folder, 'authority.sqlite') }),
    );
    onTestFinished(async () => {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    });
    const { authority } = world();
    const nodes = stores.map((store) => authority.node({ store }));
    await settle(nodes);
    const { keys } = await (nodes[0] as TestAuthority['agents']).find(desk);
    expect(keys.filter(({ state }) => state === 'current')).toHaveLength(1);
    expect(keys.filter(({ state }) => state === 'former')).toHaveLength(keys.length - 1);
  });
});

describe('the keys of an agent whose workload comes back', () => {
  it('have an end: 1024, and then the operator is asked', async () => {
    const { authority } = world();
    const { agent } = await start(authority, first);
    const now = authority.clock.now();
    await authority.store.transaction(async (tx) => {
      for (let count = 1; count < 1023; count += 1)
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
    await start(authority, second);
    await expect(start(authority, third)).rejects.toThrow(
      refusal('agent_state_invalid', { max: 1024 }),
    );
    expect((await authority.agents.renewIdentity({ key: second.publicKey })).agent.name).toBe(
      'desk',
    );
  });
});

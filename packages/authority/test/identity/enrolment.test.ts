import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import type { Admission } from '../../src/identity/enrolment.ts';
import { verifyIdentityDocument } from '../../src/identity/identity-document.ts';
import { AuthorityRefusal } from '../../src/refusal.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';
import {
  BY,
  enrolled,
  ISSUER,
  identityKey,
  idOf,
  rootKey,
  TRUST_DOMAIN,
  testAuthority,
} from './authority.ts';

const key = testKey('desk');
const possession = { key: key.publicKey };
const operator = { kind: 'operator', by: BY, tenant: 'acme', name: 'desk' } as const;
const trust = { issuer: ISSUER, keys: [identityKey.publicKey], trustDomain: TRUST_DOMAIN };

function refusal(code: string): unknown {
  return expect.objectContaining({ refusal: code });
}

describe('enrolment by an operator', () => {
  it('makes an active agent with an identity document for the key that was proved', async () => {
    const authority = testAuthority();
    const issued = await authority.agents.enrol({ possession, admission: operator });
    expect(issued.agent).toMatchObject({
      tenant: 'acme',
      name: 'desk',
      spiffeId: idOf('desk'),
      state: 'active',
      version: 1,
    });
    const document = verifyIdentityDocument(issued.document, trust, authority.clock.now());
    expect(document.spiffeId).toBe(idOf('desk'));
    expect(document.key.thumbprint).toBe(key.publicKey.thumbprint);
    expect(document.expiresAt).toBe(authority.clock.now() + 3600);
    expect(issued.expiresAt).toBe(document.expiresAt);
  });

  it('is one entry for the log, with who, what and when', async () => {
    const authority = testAuthority();
    const { agent } = await authority.agents.enrol({ possession, admission: operator });
    expect(await authority.entries()).toEqual([
      {
        time: authority.clock.now(),
        event: 'agent.enrolled',
        tenant: 'acme',
        by: BY,
        subject: { agent: agent.id, spiffe_id: idOf('desk'), name: 'desk' },
        details: { key: key.publicKey.thumbprint, jwk: key.publicKey.jwk },
      },
    ]);
  });

  it('refuses a name that is taken, and leaves nothing behind', async () => {
    const authority = testAuthority();
    await enrolled(authority, 'desk', testKey('first'));
    await expect(authority.agents.enrol({ possession, admission: operator })).rejects.toThrow(
      refusal('agent_exists'),
    );
    expect(await authority.entries()).toHaveLength(1);
    await expect(authority.agents.agentOfKey(key.publicKey.thumbprint)).rejects.toThrow(
      refusal('agent_unknown'),
    );
  });

  it('gives one name in each of two tenants', async () => {
    const authority = testAuthority();
    await enrolled(authority, 'desk', testKey('first'), 'acme');
    await enrolled(authority, 'desk', testKey('second'), 'globex');
    const { agent } = await authority.agents.find(idOf('desk', 'globex'));
    expect(agent.tenant).toBe('globex');
  });

  it('refuses a key that serves another agent, of this tenant or another (Q04)', async () => {
    const authority = testAuthority();
    await enrolled(authority, 'first', key);
    for (const tenant of ['acme', 'globex'])
      await expect(
        authority.agents.enrol({ possession, admission: { ...operator, tenant } }),
      ).rejects.toThrow(refusal('key_in_use'));
  });

  it.each(['administrator', 'approver', 'authority'] as const)(
    'refuses the key of an %s (Q04)',
    async (purpose) => {
      const authority = testAuthority();
      const { thumbprint, jwk } = key.publicKey;
      await authority.store.transaction((tx) =>
        tx.insertKey({
          thumbprint,
          jwk,
          purpose,
          holder: 'ada',
          state: 'current',
          addedAt: authority.clock.now(),
          endsAt: undefined,
        }),
      );
      await expect(authority.agents.enrol({ possession, admission: operator })).rejects.toThrow(
        refusal('key_in_use'),
      );
      await expect(authority.agents.agentOfKey(thumbprint)).rejects.toThrow(
        refusal('agent_unknown'),
      );
    },
  );

  it('refuses the keys of the authority itself (Q04)', async () => {
    const log = testKey('log');
    const { agents } = testAuthority({ ownKeys: [log.publicKey] });
    for (const own of [identityKey, rootKey, log])
      await expect(
        agents.enrol({ possession: { key: own.publicKey }, admission: operator }),
      ).rejects.toThrow(refusal('key_in_use'));
  });

  it('refuses a key whose private half is in print', async () => {
    const { importPublicKey } = await import('@taper/core');
    const published = importPublicKey({
      kty: 'OKP',
      crv: 'Ed25519',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    });
    const { agents } = testAuthority();
    await expect(
      agents.enrol({ possession: { key: published }, admission: operator }),
    ).rejects.toThrow(refusal('key_weak'));
  });

  it('refuses what only looks like a checked key', async () => {
    const { agents } = testAuthority();
    await expect(
      agents.enrol({ possession: { key: { ...key.publicKey } }, admission: operator }),
    ).rejects.toThrow(refusal('key_invalid'));
  });

  it.each([
    ['tenant', '..'],
    ['tenant', 'acme/agent/x'],
    ['name', ''],
    ['name', 'desk/'],
    ['name', 'de%73k'],
  ])('refuses the %s %j (F09)', async (member, value) => {
    const authority = testAuthority();
    await expect(
      authority.agents.enrol({ possession, admission: { ...operator, [member]: value } }),
    ).rejects.toThrow(refusal('agent_name_invalid'));
    expect(await authority.entries()).toEqual([]);
  });

  it('refuses an admission that it does not know', async () => {
    const { agents } = testAuthority();
    const admission = { kind: 'anybody', tenant: 'acme', name: 'desk' } as unknown as Admission;
    await expect(agents.enrol({ possession, admission })).rejects.toThrow(
      refusal('request_malformed'),
    );
  });
});

describe('enrolment by a one-time token', () => {
  const request = { tenant: 'acme', name: 'desk', by: BY } as const;

  it('admits the agent that the token was made for, and says so in the log', async () => {
    const authority = testAuthority();
    const { token, hash } = await authority.agents.createEnrolment(request);
    const issued = await authority.agents.enrol({
      possession,
      admission: { kind: 'enrolment', token },
    });
    expect(issued.agent.spiffeId).toBe(idOf('desk'));
    const [created, used, agent] = await authority.entries();
    expect(created).toMatchObject({
      event: 'enrolment.created',
      by: BY,
      subject: { enrolment: hash },
      details: { name: 'desk', expires_at: authority.clock.now() + 3600 },
    });
    expect(used).toMatchObject({ event: 'enrolment.used', subject: { enrolment: hash } });
    expect(agent).toMatchObject({ event: 'agent.enrolled', by: { kind: 'enrolment', id: hash } });
  });

  it('keeps the token nowhere', async () => {
    const authority = testAuthority();
    const { token, hash } = await authority.agents.createEnrolment(request);
    const stored = await authority.store.read((tx) => tx.findEnrolment(hash));
    expect(JSON.stringify(stored)).not.toContain(token);
    expect(JSON.stringify(await authority.entries())).not.toContain(token);
    await authority.agents.enrol({ possession, admission: { kind: 'enrolment', token } });
    const again = authority.agents.enrol({
      possession: { key: testKey('other').publicKey },
      admission: { kind: 'enrolment', token },
    });
    const error = await again.catch((reason: unknown) => reason);
    if (!(error instanceof AuthorityRefusal)) throw new Error('It was not refused.');
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.facts)}`).not.toContain(token);
  });

  it('has a token that nobody guesses and that is never the same (Z08)', async () => {
    const { agents } = testAuthority();
    const first = await agents.createEnrolment(request);
    const second = await agents.createEnrolment(request);
    expect(first.token).toMatch(/^taper_enrol_[A-Za-z0-9_-]{43}$/);
    expect(second.token).not.toBe(first.token);
  });

  it('admits once', async () => {
    const { agents } = testAuthority();
    const { token } = await agents.createEnrolment(request);
    const admission = { kind: 'enrolment', token } as const;
    await agents.enrol({ possession, admission });
    await expect(
      agents.enrol({ possession: { key: testKey('other').publicKey }, admission }),
    ).rejects.toThrow(refusal('enrolment_refused'));
  });

  it('admits to the second before it expires', async () => {
    const authority = testAuthority();
    const { agents, clock } = authority;
    const first = await agents.createEnrolment({ ...request, lifetime: 60 });
    const second = await agents.createEnrolment({ ...request, name: 'other', lifetime: 60 });
    clock.advance(59);
    await agents.enrol({ possession, admission: { kind: 'enrolment', token: first.token } });
    clock.advance(1);
    await expect(
      agents.enrol({
        possession: { key: testKey('other').publicKey },
        admission: { kind: 'enrolment', token: second.token },
      }),
    ).rejects.toThrow(refusal('enrolment_refused'));
  });

  it('refuses unknown, used and expired tokens alike (F16)', async () => {
    const { agents, clock } = testAuthority();
    const used = await agents.createEnrolment(request);
    await agents.enrol({ possession, admission: { kind: 'enrolment', token: used.token } });
    const expired = await agents.createEnrolment({ ...request, name: 'late', lifetime: 1 });
    clock.advance(1);
    const outcomes = await Promise.all(
      [used.token, expired.token, `taper_enrol_${'A'.repeat(43)}`, 'nonsense', ''].map((token) =>
        agents
          .enrol({
            possession: { key: testKey('other').publicKey },
            admission: { kind: 'enrolment', token },
          })
          .catch(({ refusal: code, message, facts }) => ({ code, message, facts })),
      ),
    );
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(outcomes[0]).toMatchObject({ code: 'enrolment_refused', facts: {} });
  });

  it('leaves the token good when the key is refused', async () => {
    const authority = testAuthority();
    await enrolled(authority, 'first', testKey('first'));
    const { token } = await authority.agents.createEnrolment(request);
    const admission = { kind: 'enrolment', token } as const;
    await expect(
      authority.agents.enrol({ possession: { key: testKey('first').publicKey }, admission }),
    ).rejects.toThrow(refusal('key_in_use'));
    const issued = await authority.agents.enrol({ possession, admission });
    expect(issued.agent.name).toBe('desk');
  });

  it('is not made for a name that is taken, nor for one that nobody may have', async () => {
    const authority = testAuthority();
    await enrolled(authority, 'desk');
    await expect(authority.agents.createEnrolment(request)).rejects.toThrow(
      refusal('agent_exists'),
    );
    await expect(authority.agents.createEnrolment({ ...request, name: '.' })).rejects.toThrow(
      refusal('agent_name_invalid'),
    );
  });

  it.each([0, -1, 1.5, 604_801, Number.NaN])('is not made for %j seconds', async (lifetime) => {
    const { agents } = testAuthority();
    await expect(agents.createEnrolment({ ...request, lifetime })).rejects.toThrow(
      refusal('request_malformed'),
    );
  });

  it('of a node that trusts no issuer admits no workload', async () => {
    const { agents } = testAuthority();
    await expect(
      agents.enrol({ possession, admission: { kind: 'workload', token: 'a.b.c' } }),
    ).rejects.toThrow(refusal('issuer_untrusted'));
  });
});

describe('enrolments at the same time', () => {
  /** How many succeeded, and why the others did not. */
  async function race(attempts: readonly Promise<unknown>[]): Promise<[number, string[]]> {
    const outcomes = await Promise.allSettled(attempts);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    return [
      outcomes.length - refused.length,
      refused.map(({ reason }) => (reason as AuthorityRefusal).refusal),
    ];
  }

  it('with one token admit exactly one of many keys', async () => {
    const authority = testAuthority();
    const nodes = [authority.agents, authority.node()];
    const { token } = await authority.agents.createEnrolment({
      tenant: 'acme',
      name: 'desk',
      by: BY,
    });
    const [won, refused] = await race(
      Array.from({ length: 16 }, (_, index) =>
        (nodes[index % 2] ?? authority.agents).enrol({
          possession: { key: testKey(`racer ${index}`).publicKey },
          admission: { kind: 'enrolment', token },
        }),
      ),
    );
    expect(won).toBe(1);
    expect(new Set(refused)).toEqual(new Set(['enrolment_refused']));
    const { keys } = await authority.agents.find(idOf('desk'));
    expect(keys).toHaveLength(1);
    expect(await authority.entries()).toHaveLength(3);
  });

  it('with one key make it exactly one agent', async () => {
    const authority = testAuthority();
    const nodes = [authority.agents, authority.node()];
    const [won, refused] = await race(
      Array.from({ length: 16 }, (_, index) =>
        (nodes[index % 2] ?? authority.agents).enrol({
          possession,
          admission: { kind: 'operator', by: BY, tenant: `tenant-${index % 4}`, name: `a${index}` },
        }),
      ),
    );
    expect(won).toBe(1);
    expect(new Set(refused)).toEqual(new Set(['key_in_use']));
    expect(await authority.agents.list({ limit: 100 })).toHaveLength(1);
  });

  it('with one name give it to exactly one key', async () => {
    const authority = testAuthority();
    const nodes = [authority.agents, authority.node()];
    const [won, refused] = await race(
      Array.from({ length: 16 }, (_, index) =>
        (nodes[index % 2] ?? authority.agents).enrol({
          possession: { key: testKey(`racer ${index}`).publicKey },
          admission: operator,
        }),
      ),
    );
    expect(won).toBe(1);
    expect(new Set(refused)).toEqual(new Set(['agent_exists']));
    expect(await authority.entries()).toHaveLength(1);
  });

  it('of two processes on one file admit exactly one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'taper-enrolment-'));
    const stores = [0, 1].map(() =>
      openSqliteAuthorityStore({ path: join(folder, 'authority.sqlite') }),
    );
    try {
      const authority = testAuthority();
      const nodes = stores.map((store) => authority.node({ store }));
      const { token } = await (nodes[0] ?? authority.agents).createEnrolment({
        tenant: 'acme',
        name: 'desk',
        by: BY,
      });
      const [won, refused] = await race(
        Array.from({ length: 8 }, (_, index) =>
          (nodes[index % 2] ?? authority.agents).enrol({
            possession: { key: testKey(`racer ${index}`).publicKey },
            admission: { kind: 'enrolment', token },
          }),
        ),
      );
      expect(won).toBe(1);
      expect(new Set(refused)).toEqual(new Set(['enrolment_refused']));
    } finally {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    }
  });
});

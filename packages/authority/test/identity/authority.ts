import { randomBytes } from 'node:crypto';
import { consentToRotation, type JsonObject } from '@taper/core';
import { createTestClock, type TestClock, type TestKey, testKey } from '@taper/testkit';
import { type Agents, type AgentsOptions, createAgents } from '../../src/identity/agents.ts';
import type { Actor } from '../../src/identity/change.ts';
import type { AuthorityStore } from '../../src/port/store.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';

export const ISSUER = 'https://authority.example';
export const TRUST_DOMAIN = 'example.org';
export const identityKey: TestKey = testKey('authority identity');
export const rootKey: TestKey = testKey('authority root');
export const BY: Actor = { kind: 'administrator', id: 'ada' };

export interface TestAuthority {
  readonly agents: Agents;
  readonly store: AuthorityStore;
  readonly clock: TestClock;
  /** What was handed over for the log, in order. */
  entries(): Promise<readonly JsonObject[]>;
  /** Another node on the same store. */
  node(options?: Partial<AgentsOptions>): Agents;
}

/** Agents on a SQLite store in memory, with a clock that stands still. */
export function testAuthority(options: Partial<AgentsOptions> = {}): TestAuthority {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  const clock = createTestClock();
  const node = (more: Partial<AgentsOptions> = {}): Agents =>
    createAgents({
      store,
      issuer: ISSUER,
      trustDomain: TRUST_DOMAIN,
      identity: identityKey.signer,
      root: rootKey.signer,
      clock: clock.now,
      random: (length) => new Uint8Array(randomBytes(length)),
      ...options,
      ...more,
    });
  return {
    agents: node(),
    store,
    clock,
    async entries() {
      const pending = await store.pendingEntries(1000);
      return pending.map(({ body }) => JSON.parse(body));
    },
    node,
  };
}

/** SPIFFE ID of an agent of the tenant `acme`, unless another is named. */
export function idOf(name: string, tenant = 'acme'): string {
  return `spiffe://${TRUST_DOMAIN}/${tenant}/agent/${name}`;
}

/** An agent that an administrator enrolled. */
export async function enrolled(
  { agents }: TestAuthority,
  name: string,
  key: TestKey = testKey(name),
  tenant = 'acme',
): Promise<TestKey> {
  const admission = { kind: 'operator', by: BY, tenant, name } as const;
  await agents.enrol({ possession: { key: key.publicKey }, admission });
  return key;
}

/** What a holder sends to replace its key. */
export async function handOver(
  { clock }: TestAuthority,
  name: string,
  oldKey: TestKey,
  newKey: TestKey,
  signers: { readonly old?: TestKey; readonly fresh?: TestKey } = {},
): Promise<{ acceptance: string; consent: string }> {
  const rotation = {
    issuer: ISSUER,
    subject: idOf(name),
    oldKey: oldKey.publicKey,
    newKey: newKey.publicKey,
    now: clock.now(),
  };
  return {
    consent: await consentToRotation({ ...rotation, signer: (signers.old ?? oldKey).signer }),
    acceptance: await consentToRotation({ ...rotation, signer: (signers.fresh ?? newKey).signer }),
  };
}

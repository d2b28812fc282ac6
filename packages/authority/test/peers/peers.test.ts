import { readAuthorityEntryBody } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuthorityStore, createPeers, type Peers } from '../../src/index.ts';
import { openSqliteAuthorityStore } from '../../src/sqlite/index.ts';

const NOW = 1_800_000_000;
const EVE = 'spiffe://example.org/globex/agent/eve';
const by = { kind: 'administrator', id: 'ada' } as const;

let store: AuthorityStore;
let peers: Peers;

beforeEach(() => {
  store = openSqliteAuthorityStore({ path: ':memory:' });
  peers = createPeers({ store, clock: () => NOW });
});
afterEach(() => store.close());

async function logged(): Promise<unknown[]> {
  const entries = await store.pendingEntries(100);
  return entries.map(({ body }) => readAuthorityEntryBody(body));
}

describe('the list of a tenant', () => {
  test('has an agent once: who is blocked is not allowed any more', async () => {
    await peers.allow({ tenant: 'acme', agent: EVE, reason: 'partner', by });
    await peers.block({ tenant: 'acme', agent: EVE, reason: 'spam', by });
    expect(await peers.list('acme')).toEqual([
      { tenant: 'acme', agent: EVE, rule: 'block', reason: 'spam', addedAt: NOW },
    ]);
    expect(await peers.list('other')).toEqual([]);
  });

  test('puts each change into the hands of the log: who, what, about whom, when', async () => {
    await peers.allow({ tenant: 'acme', agent: EVE, reason: 'partner', by });
    await peers.block({ tenant: 'acme', agent: EVE, reason: 'spam', by });
    await peers.remove({ tenant: 'acme', agent: EVE, by });
    const about = { time: NOW, tenant: 'acme', by, subject: { spiffe_id: EVE } };
    expect(await logged()).toEqual([
      { ...about, event: 'peer.allowed', details: { reason: 'partner' } },
      { ...about, event: 'peer.blocked', details: { reason: 'spam' } },
      { ...about, event: 'peer.removed', details: {} },
    ]);
    expect(await peers.list('acme')).toEqual([]);
  });

  test('loses nobody who is not on it, and logs nothing then', async () => {
    await expect(peers.remove({ tenant: 'acme', agent: EVE, by })).rejects.toMatchObject({
      refusal: 'peer_unknown',
    });
    expect(await logged()).toEqual([]);
  });

  test.each(['', 'eve', 'spiffe://example.org', 'spiffe://Example.org/a', 'https://example.org/a'])(
    'takes no agent named %j',
    async (agent) => {
      await expect(peers.block({ tenant: 'acme', agent, reason: 'x', by })).rejects.toMatchObject({
        refusal: 'request_malformed',
      });
      expect(await logged()).toEqual([]);
    },
  );

  test.each(['', 'a\nb', 'a'.repeat(501), '\ud800'])(
    'takes no reason such as %j',
    async (reason) => {
      await expect(peers.allow({ tenant: 'acme', agent: EVE, reason, by })).rejects.toMatchObject({
        refusal: 'request_malformed',
      });
    },
  );
});

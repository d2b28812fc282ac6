import { deepStrictEqual, ok } from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { AuthorityStore, KeyRecord } from '@taper/authority';
import { describe, expect, test } from 'vitest';
import { createPostgresAuthorityStore, openPostgres } from '../../src/index.ts';
import { testServer } from '../server.ts';

const context = testServer();
const T = 1_800_000_000;
const WAIT = { timeout: 20_000, interval: 50 };

function key(name: string): KeyRecord {
  const x = hash('sha256', name, 'base64url');
  return {
    thumbprint: hash('sha256', `thumbprint of ${name}`, 'base64url'),
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
    purpose: 'agent',
    holder: 'agent',
    state: 'current',
    addedAt: T,
    endsAt: undefined,
  };
}

/** Replaces the key that is current by another one; what was replaced is accepted for a while. */
async function rotate(store: AuthorityStore, name: string): Promise<void> {
  await store.transaction(async (tx) => {
    for (const each of await tx.listKeys('agent', 'agent'))
      if (each.state === 'current')
        await tx.updateKey({ ...each, state: 'overlapping', endsAt: T + 60 });
    await tx.insertKey(key(name));
  });
}

describe('rotation on several nodes', () => {
  test('Q03: loses no key that was acknowledged, and leaves one current, though many rotate at the same time and the database is killed', async () => {
    const { url, database } = await context.openNew();
    const databases = [database, await openPostgres({ url }), await openPostgres({ url })];
    const stores = databases.map((each) => createPostgresAuthorityStore(each));
    const acknowledged: string[] = [];
    let stop = false;
    const clients = Array.from({ length: 6 }, async (_, client) => {
      const store = stores[client % stores.length] as AuthorityStore;
      for (let number = 0; !stop; number += 1) {
        const name = `${client} ${number}`;
        await rotate(store, name).then(
          () => acknowledged.push(name),
          () => undefined,
        );
      }
    });
    for (let round = 0; round < 2; round += 1) {
      const before = acknowledged.length;
      await expect.poll(() => acknowledged.length, WAIT).toBeGreaterThan(before + 20);
      if (round > 0) continue;
      await context.server.kill();
      await context.server.start();
    }
    stop = true;
    await Promise.all(clients);
    const keys = await (stores[1] as AuthorityStore).read((tx) => tx.listKeys('agent', 'agent'));
    const kept = new Set(keys.map(({ thumbprint }) => thumbprint));
    deepStrictEqual(
      acknowledged.filter((name) => !kept.has(key(name).thumbprint)),
      [],
    );
    deepStrictEqual(keys.filter(({ state }) => state === 'current').length, 1);
    ok(keys.every(({ state, endsAt }) => (state === 'current') === (endsAt === undefined)));
    for (const each of databases) await each.close();
  });
});

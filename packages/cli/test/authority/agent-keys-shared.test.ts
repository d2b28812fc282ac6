import { randomBytes } from 'node:crypto';
import { type Agents, type AuthorityStore, createAgents } from '@taper/authority';
import {
  createPostgresAuthorityStore,
  openPostgres,
  type PostgresDatabase,
} from '@taper/store-postgres';
import { testKey } from '@taper/testkit';
import { startPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Nodes of one authority on one PostgreSQL, and workloads of one identity that start at them at the same time. */
let postgres: Awaited<ReturnType<typeof startPostgres>>;
const databases: PostgresDatabase[] = [];
const stores: AuthorityStore[] = [];
const nodes: Agents[] = [];
const NOW = 1_800_000_000;
const DESK = 'spiffe://example.org/acme/agent/desk';
const BY = { kind: 'administrator', id: 'ada' } as const;

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createDatabase();
  for (let count = 0; count < 2; count += 1) {
    const database = await openPostgres({ url });
    databases.push(database);
    const store = createPostgresAuthorityStore(database);
    stores.push(store);
    nodes.push(
      createAgents({
        store,
        issuer: 'https://authority.example',
        trustDomain: 'example.org',
        identity: testKey('authority identity').signer,
        root: testKey('authority root').signer,
        clock: () => NOW,
        random: (length) => new Uint8Array(randomBytes(length)),
        workloads: {
          identifyWorkload: async (token) => ({
            tenant: 'acme',
            name: 'desk',
            issuer: 'https://ci.example',
            subject: 'desk',
            hash: token,
            expiresAt: NOW + 300,
            returning: { overlap: 0 },
          }),
        },
      }),
    );
  }
}, 60_000);

afterAll(async () => {
  for (const store of stores) await store.close();
  for (const database of databases) await database.close();
  await postgres.stop();
}, 60_000);

function start(node: number, name: string, token = name): Promise<unknown> {
  return (nodes[node % nodes.length] as Agents).enrol({
    possession: { key: testKey(name).publicKey },
    admission: { kind: 'workload', token },
  });
}

async function keys(): ReturnType<Agents['find']> {
  return (nodes[0] as Agents).find(DESK);
}

test('workloads that start at two nodes at once leave one current key, and the log says the same', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `racer ${index}`);
  const outcomes = await Promise.allSettled(names.map((name, index) => start(index, name)));
  for (const outcome of outcomes)
    if (outcome.status === 'rejected')
      // Replaced before its document was made, or refused and told so.
      expect(['key_not_current', 'agent_exists', 'agent_state_invalid']).toContain(
        outcome.reason.refusal,
      );
  const { agent, keys: kept } = await keys();
  const current = kept.filter(({ state }) => state === 'current');
  expect(current).toHaveLength(1);
  expect(kept.filter(({ state }) => state === 'former')).toHaveLength(kept.length - 1);
  expect(agent.version).toBe(kept.length);
  const entries = (await (stores[0] as AuthorityStore).pendingEntries(100)).map(
    ({ body }) => JSON.parse(body).details as { readonly key: string; readonly old?: string },
  );
  expect(entries).toHaveLength(kept.length);
  expect(entries.slice(1).map(({ old }) => old)).toEqual(
    entries.slice(0, -1).map(({ key }) => key),
  );
  expect(entries.at(-1)?.key).toBe(current[0]?.thumbprint);
});

test('one token brings one key, at whichever node it is shown', async () => {
  const before = (await keys()).keys.length;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => start(index, `shared ${index}`, 'one token')),
  );
  const won = outcomes.filter(({ status }) => status === 'fulfilled');
  expect(won).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason.refusal).toBe('replayed');
  expect((await keys()).keys).toHaveLength(before + 1);
});

test('a key that is marked while its workload starts leaves no key that nobody decided on', async () => {
  const { keys: before } = await keys();
  const stolen = before.find(({ state }) => state === 'current')?.thumbprint as string;
  const [marking] = await Promise.allSettled([
    (nodes[0] as Agents).markCompromised({ key: stolen, by: BY }),
    start(1, 'last'),
  ]);
  if (marking?.status === 'rejected')
    await (nodes[0] as Agents).markCompromised({ key: stolen, by: BY });
  const { keys: after } = await keys();
  const stateOf = (thumbprint: string): string | undefined =>
    after.find((key) => key.thumbprint === thumbprint)?.state;
  expect(stateOf(stolen)).toBe('compromised');
  // Either it started before, and its key is its own; or after, and was refused.
  expect(['current', undefined]).toContain(stateOf(testKey('last').publicKey.thumbprint));
});

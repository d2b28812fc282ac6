import type { VerifiedChain } from '@taper/core';
import {
  CHAIN_HASH,
  CHAINS_PATH,
  chainHash,
  encodePresentation,
  PRESENTATION_HEADER,
} from '@taper/http';
import { createTestClock } from '@taper/testkit';
import { expect, test } from 'vitest';
import { ChainStore } from '../src/chain-store.ts';
import { createChain, now, present } from './agents.ts';
import { startShop } from './server.ts';
import { createShop } from './shop.ts';

const nameOf = (chain: VerifiedChain): string =>
  chainHash(chain.tokens.map(({ compact }) => compact));
const sizeOf = (chain: VerifiedChain): number =>
  chain.tokens.reduce((sum, { compact }) => sum + compact.length, 0);

test('gives out the tokens that came in, by the hash of exactly those', async () => {
  const store = new ChainStore(1_000_000);
  const chain = await createChain();
  expect(store.add(chain)).toBe(nameOf(chain));
  expect(store.add(chain)).toBe(nameOf(chain));
  expect(store.size).toBe(1);
  expect(store.get(nameOf(chain), now())).toEqual(chain.tokens.map(({ compact }) => compact));
  for (const name of [nameOf(await createChain()), '', 'toString', '__proto__', undefined, 1])
    expect(store.get(name, now())).toBeUndefined();
});

test('forgets a chain in the second in which its leaf expires', async () => {
  const store = new ChainStore(1_000_000);
  const chain = await createChain();
  const { exp } = chain.leaf.claims;
  store.add(chain);
  expect(store.get(nameOf(chain), exp - 1)).toBeDefined();
  expect(store.get(nameOf(chain), exp)).toBeUndefined();
  expect(store.size).toBe(0);
});

test('tells by the clock of the guard when a chain is forgotten', async () => {
  const chain = await createChain();
  const tokens = chain.tokens.map(({ compact }) => compact);
  const clock = createTestClock(now());
  const server = await startShop(createShop({ guard: { clock } }));
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
  await fetch(server.origin + CHAINS_PATH, {
    ...post,
    body: JSON.stringify({ aat_chain: tokens }),
  });
  const call = async (): Promise<number> => {
    const { aat_pop } = await present(chain, 'show_payment', { id: 'p-1' });
    const header = encodePresentation({ [CHAIN_HASH]: chainHash(tokens), aat_pop });
    const headers = { [PRESENTATION_HEADER]: header };
    return (await fetch(`${server.origin}/payments/p-1`, { headers })).status;
  };
  expect(await call()).toBe(200);
  clock.set(chain.leaf.claims.exp);
  expect(await call()).toBe(401);
  await server.close();
});

test('stays within its bound, and forgets what was used least recently', async () => {
  const chains = await Promise.all(Array.from({ length: 12 }, () => createChain()));
  const size = Math.max(...chains.map(sizeOf));
  const store = new ChainStore(size * 8);
  for (const chain of chains.slice(0, 8)) expect(store.add(chain)).toBeDefined();
  expect(store.size).toBe(8);
  store.get(nameOf(chains[0] as VerifiedChain), now());
  for (const chain of chains.slice(8, 11)) store.add(chain);
  expect(store.size).toBe(8);
  expect(store.get(nameOf(chains[0] as VerifiedChain), now())).toBeDefined();
  for (const chain of chains.slice(1, 4)) expect(store.get(nameOf(chain), now())).toBeUndefined();
});

test('does not take a chain larger than an eighth of it', async () => {
  const chain = await createChain();
  expect(new ChainStore(sizeOf(chain) * 8).add(chain)).toBeDefined();
  expect(new ChainStore(sizeOf(chain) * 8 - 1).add(chain)).toBeUndefined();
});

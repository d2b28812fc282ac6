import type { VerifiedChain } from '@taper/core';
import { expect, test } from 'vitest';
import { ChainStore, chainHash } from '../src/chain-store.ts';
import { createChain, now } from './agents.ts';

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

import { describe, expect, test } from 'vitest';
import type { VerifiedToken } from '../src/chain.ts';
import { ChainCache } from '../src/chain-cache.ts';
import { generateKeyPair } from '../src/index.ts';

const anchor = { issuer: 'https://auth.example.com', key: generateKeyPair().publicKey };
const SIGNATURE = 'A'.repeat(86);

/** The cache looks at the text of a token and at nothing else. */
function token(payload: string, signature = SIGNATURE): VerifiedToken {
  return { compact: `header.${payload}.${signature}` } as VerifiedToken;
}

function filled(...tokens: readonly VerifiedToken[]): ChainCache {
  const cache = new ChainCache(1_000_000);
  let prefix: ReturnType<ChainCache['add']> | undefined;
  for (const each of tokens) prefix = cache.add(prefix, each, anchor);
  return cache;
}

function known(cache: ChainCache, ...tokens: readonly VerifiedToken[]): readonly VerifiedToken[] {
  return cache.longestPrefix(tokens.map(({ compact }) => compact))?.tokens ?? [];
}

describe('the cache of verified chains (decisions 1 and 6)', () => {
  const [root, middle, leaf] = [token('root', 'R'.repeat(86)), token('middle'), token('leaf')];
  const cache = filled(root, middle, leaf);

  test('finds the longest beginning that was verified, and no more', () => {
    expect(known(cache, root, middle, leaf)).toEqual([root, middle, leaf]);
    expect(known(cache, root, middle, token('new', 'N'.repeat(86)))).toEqual([root, middle]);
    expect(known(cache, root)).toEqual([root]);
  });

  test('finds nothing below a token that is not there, nor out of its place', () => {
    expect(known(cache, middle, leaf)).toEqual([]);
    expect(known(cache, root, leaf)).toEqual([root]);
    expect(known(cache, token('other', 'O'.repeat(86)), middle)).toEqual([]);
  });

  test('does not take a token for known because its signature is', () => {
    expect(known(cache, token('forged', 'R'.repeat(86)), middle)).toEqual([]);
    expect(known(cache, root, token('Middle'))).toEqual([root]);
    expect(known(cache, root, token('middle', `${SIGNATURE}A`))).toEqual([root]);
  });

  test('keeps only one of two texts with one signature, each below its own parent', () => {
    const both = filled(root, middle, leaf);
    const prefix = both.longestPrefix([root.compact]);
    both.add(prefix, token('usurper'), anchor);
    expect(known(both, root, token('usurper'))).toEqual([root, token('usurper')]);
    expect(known(both, root, middle)).toEqual([root]);
    expect(known(both, token('usurper'))).toEqual([]);
  });

  test('holds no more text than it may, and lets the least recently used go first', () => {
    const tokens = ['a', 'b', 'c'].map((name) => token(name, name.repeat(86)));
    const [a, b, c] = tokens as [VerifiedToken, VerifiedToken, VerifiedToken];
    const small = new ChainCache(2 * a.compact.length);
    small.add(undefined, a, anchor);
    small.add(undefined, b, anchor);
    expect(known(small, a)).toEqual([a]);
    small.add(undefined, c, anchor);
    expect(small.size).toBe(2);
    expect([known(small, a), known(small, b), known(small, c)]).toEqual([[a], [], [c]]);
  });
});

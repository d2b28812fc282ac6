import { openRevokedProof, revokedLeafHash, revokedNodeHash, soughtIds } from '@taper/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProofWriter } from '../../src/revoked-set/prove.ts';
import { createRevokedSet } from '../../src/revoked-set/revoked-set.ts';
import { near } from './arbitrary.ts';
import { named } from './scene.ts';

/** What an adversary knows of a tree of keys: all of it. */
interface Known {
  readonly ids: readonly Buffer[];
  readonly hashes: readonly Uint8Array[];
  /** The hash of the subtree of all ids that begin with these bits. */
  hashAt(bits: string): Uint8Array;
}

/**
 * A proof for the ids that goes down the tree and, one time in six, says something else there than what is true: a subtree is a
 * node, a leaf or nothing, and every hash or id that the adversary knows may stand anywhere.
 */
function forge(
  known: Known,
  ids: readonly Buffer[],
  choose: (below: number) => number,
): Uint8Array {
  const writer = new ProofWriter();
  const lies = (): boolean => choose(6) === 0;
  const any = <Item>(items: readonly Item[]): Item => items[choose(items.length)] as Item;
  const sibling = (prefix: string): void => {
    const hash = lies() ? any([...known.hashes, ...known.ids]) : known.hashAt(prefix);
    const isThere = lies() ? choose(2) === 0 : hash.some((byte) => byte !== 0);
    writer.bit(isThere ? 1 : 0);
    if (isThere) writer.bytes(hash);
  };
  const visit = (sought: readonly Buffer[], prefix: string): void => {
    if (sought.length === 0) {
      sibling(prefix);
      return;
    }
    const within = known.ids.filter((id) => bitsOf(id).startsWith(prefix));
    const kind = lies() ? choose(3) : Math.min(within.length, 2);
    if (kind === 2 && prefix.length < 256) {
      writer.bit(1);
      for (const bit of '01')
        visit(
          sought.filter((id) => bitsOf(id)[prefix.length] === bit),
          prefix + bit,
        );
      return;
    }
    writer.bit(0);
    writer.bit(kind === 0 ? 0 : 1);
    if (kind !== 0) writer.bytes(lies() ? any(known.ids) : (within[0] ?? any(known.ids)));
  };
  writer.bit(0);
  writer.bit(0);
  visit(ids, '');
  writer.bit(0);
  return writer.finish();
}

test('N04: who knows every hash of the tree makes no proof of absence of what is in it', () => {
  let opened = 0;
  // Few bits are shared, so that there is much to be confused in few levels.
  const key = fc.tuple(fc.nat(9), fc.nat(9)).map(([seed, bit]) => near(seed, bit));
  const keys = fc.uniqueArray(key, { minLength: 2, maxLength: 12 });
  const choices = fc.array(fc.nat(999), { minLength: 30, maxLength: 400 });
  fc.assert(
    fc.property(keys, key, choices, (revoked, clean, numbers) => {
      const set = createRevokedSet();
      for (const key of revoked) set.add({ kind: 'key', key });
      const query = { chains: [{ tokens: [named('root')], keys: [revoked[0] as string, clean] }] };
      const sought = soughtIds(query);
      if (sought === undefined) throw new Error('no query');
      let at = 0;
      const choose = (below: number): number => (numbers[at++ % numbers.length] as number) % below;
      const ids = sought.keys.map(({ id }) => Buffer.from(id));
      const opening = openRevokedProof(forge(knownOf(revoked), ids, choose), sought);
      if (opening === undefined || !Buffer.from(opening.root).equals(set.root())) return;
      opened += 1;
      const present = [...opening.present.keys()].map(({ id }) => textOf(id));
      expect(present.toSorted()).toEqual(
        [...new Set([revoked[0] as string, clean])]
          .filter((key) => revoked.includes(key))
          .toSorted(),
      );
    }),
    { numRuns: 3000 },
  );
  // Otherwise the forger would have been too clumsy to prove anything.
  expect(opened).toBeGreaterThan(0);
});

function knownOf(keys: readonly string[]): Known {
  const ids = keys.map((key) => Buffer.from(key, 'base64url'));
  const hashes = new Map<string, Uint8Array>();
  const hashAt = (prefix: string): Uint8Array => {
    const known = hashes.get(prefix);
    if (known !== undefined) return known;
    const within = ids.filter((id) => bitsOf(id).startsWith(prefix));
    const [only] = within;
    let hash = new Uint8Array(32);
    if (within.length > 1)
      hash = new Uint8Array(revokedNodeHash(hashAt(`${prefix}0`), hashAt(`${prefix}1`)));
    else if (only !== undefined) hash = new Uint8Array(revokedLeafHash(only, hash));
    hashes.set(prefix, hash);
    return hash;
  };
  hashAt('');
  return { ids, hashes: [...hashes.values()], hashAt };
}

const spelled = new WeakMap<Buffer, string>();

function bitsOf(bytes: Buffer): string {
  const known = spelled.get(bytes);
  if (known !== undefined) return known;
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  spelled.set(bytes, bits);
  return bits;
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString('base64url');
}

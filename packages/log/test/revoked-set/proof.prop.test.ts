import { openRevokedProof, type RevokedEntry, type RevokedQuery, soughtIds } from '@taper/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRevokedSet, type RevokedSet } from '../../src/revoked-set/revoked-set.ts';
import { hashText, revokedEntry } from './arbitrary.ts';

const entries = () => fc.array(revokedEntry(), { maxLength: 60 });

const query = (): fc.Arbitrary<RevokedQuery> =>
  fc.record({
    chains: fc.array(
      fc
        .array(fc.tuple(hashText(), hashText()), { minLength: 1, maxLength: 4 })
        .chain((hops) => hashText().map((anchor) => chainOf(anchor, hops))),
      { minLength: 1, maxLength: 3 },
    ),
    tenant: fc.option(fc.constantFrom('acme', 'a', 'nobody'), { nil: undefined }),
  });

function chainOf(
  anchor: string,
  hops: readonly (readonly [token: string, holder: string])[],
): RevokedQuery['chains'][number] {
  return { tokens: hops.map(([token]) => token), keys: [anchor, ...hops.map(([, key]) => key)] };
}

test('a proof comes to the root of its set and says of each id what is in the set, present and absent', () => {
  fc.assert(
    fc.property(entries(), query(), (list, asked) => {
      const set = filled(list);
      const sought = soughtIds(asked);
      expect(sought).toBeDefined();
      if (sought === undefined) return;
      const opening = openRevokedProof(set.prove(asked), sought);
      expect(opening?.root).toEqual(set.root());

      const inSet = [...set.entries()];
      for (const family of sought.families) {
        const root = Buffer.from(family.id).toString('base64url');
        for (const token of family.tokens) {
          const text = Buffer.from(token.id).toString('base64url');
          const entry = inSet.find(
            (each) => each.kind === 'token' && each.root === root && each.token === text,
          );
          expect(opening?.present.get(token)).toBe(
            entry?.kind === 'token' ? entry.expiresAt : undefined,
          );
        }
      }
      for (const key of sought.keys) {
        const text = Buffer.from(key.id).toString('base64url');
        const isThere = inSet.some((each) => each.kind === 'key' && each.key === text);
        expect(opening?.present.get(key)).toBe(isThere ? 0 : undefined);
      }
      for (const tenant of sought.tenants) {
        const entry = inSet.find((each) => each.kind === 'tenant' && each.tenant === asked.tenant);
        expect(opening?.present.get(tenant)).toBe(
          entry?.kind === 'tenant' ? entry.issuedBefore : undefined,
        );
      }
    }),
  );
});

test('M18: nothing but what was revoked is found revoked, also where ids share 255 bits', () => {
  fc.assert(
    fc.property(entries(), query(), (list, asked) => {
      const sought = soughtIds(asked);
      if (sought === undefined) return;
      const revoked = new Set(list.flatMap((each) => ('key' in each ? [each.key] : [])));
      const opening = openRevokedProof(filled(list).prove(asked), sought);
      for (const key of sought.keys)
        expect(opening?.present.has(key)).toBe(
          revoked.has(Buffer.from(key.id).toString('base64url')),
        );
    }),
  );
});

test('no change of one bit and no proof of another query or set comes to the same root with another answer', () => {
  fc.assert(
    fc.property(entries(), query(), fc.nat(), (list, asked, at) => {
      const set = filled(list);
      const sought = soughtIds(asked);
      if (sought === undefined) return;
      const proof = Buffer.from(set.prove(asked));
      const bit = at % (proof.length * 8);
      proof[bit >> 3] = (proof[bit >> 3] as number) ^ (0x80 >> (bit & 7));
      const opening = openRevokedProof(proof, sought);
      expect(opening === undefined || !same(opening.root, set.root())).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('a proof is neither longer nor shorter than it is', () => {
  fc.assert(
    fc.property(entries(), query(), fc.nat(), (list, asked, at) => {
      const sought = soughtIds(asked);
      if (sought === undefined) return;
      const proof = filled(list).prove(asked);
      expect(openRevokedProof(proof.subarray(0, at % proof.length), sought)).toBeUndefined();
      expect(openRevokedProof(Buffer.concat([proof, Buffer.of(0)]), sought)).toBeUndefined();
    }),
  );
});

test('any bytes at all are opened or not, without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), query(), (bytes, asked) => {
      const sought = soughtIds(asked);
      if (sought !== undefined) openRevokedProof(bytes, sought);
    }),
    { numRuns: 1000 },
  );
});

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other);
}

function filled(list: readonly RevokedEntry[]): RevokedSet {
  const set = createRevokedSet();
  for (const entry of list) set.add(entry);
  return set;
}

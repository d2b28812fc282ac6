import { isRetained, type RevokedEntry, revokedRootOf } from '@taper/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRevokedSet, type RevokedSet } from '../../src/revoked-set/revoked-set.ts';
import { hashText, revokedEntry, time } from './arbitrary.ts';
import { naiveRoot } from './naive.ts';

const entries = () => fc.array(revokedEntry(), { maxLength: 60 });

test('the root is the one that the specification words, by a second implementation', () => {
  fc.assert(
    fc.property(entries(), (list) => {
      const set = filled(list);
      expect(rootOf(set)).toBe(naiveRoot(list));
      expect([...set.entries()]).toHaveLength(set.size);
    }),
  );
});

test('the root does not depend on the order in which entries came, nor on how often the root was asked for', () => {
  const shuffled = entries().chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      const set = createRevokedSet();
      for (const entry of other) {
        set.add(entry);
        set.root();
      }
      expect(rootOf(set)).toBe(rootOf(filled(list)));
    }),
  );
});

test('what is pruned leaves no trace: the root is that of the entries that are left', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: revokedEntry() },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), time: time() }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const set = createRevokedSet();
      let left: RevokedEntry[] = [];
      for (const each of steps) {
        if (each.kind === 'prune') {
          const before = set.size;
          // The later of two times for one token counts, so only the later one can be pruned.
          const kept = [...filled(left).entries()].filter(
            (entry) => entry.kind !== 'token' || isRetained(entry.expiresAt, each.time),
          );
          expect(set.prune(each.time)).toBe(before - kept.length);
          left = kept;
        } else {
          set.add(each);
          left.push(each);
        }
        expect(rootOf(set)).toBe(naiveRoot(left));
      }
    }),
  );
});

test('a copy of the entries stays what the set was, whatever the set becomes', () => {
  fc.assert(
    fc.property(entries(), entries(), time(), (list, more, until) => {
      const set = filled(list);
      const before = [...set.entries()];
      const copy = set.copyEntries();
      const half = copy[Symbol.iterator]();
      const begun = before.length === 0 ? [] : [half.next().value];
      for (const each of more) set.add(each);
      set.prune(until);
      set.root();
      for (const each of list) set.add(each);
      expect([...begun, ...{ [Symbol.iterator]: () => half }]).toEqual(before);
      // It is read as often as one likes.
      expect([...copy]).toEqual(before);
      expect([...copy]).toEqual(before);
    }),
  );
});

test('the entries, sent one by one in their order, come to the same root in memory that does not grow', () => {
  fc.assert(
    fc.property(entries(), (list) => {
      const set = filled(list);
      expect(text(revokedRootOf(set.entries()))).toBe(rootOf(set));
    }),
  );
});

test('entries out of order, repeated or left out do not come to the root', () => {
  fc.assert(
    fc.property(entries(), fc.nat(), fc.nat(), (list, first, second) => {
      const set = filled(list);
      const sorted = [...set.entries()];
      fc.pre(sorted.length > 1);
      const [one, two] = [first % sorted.length, second % sorted.length];
      const less = sorted.toSpliced(one, 1);
      expect(text(revokedRootOf(less))).not.toBe(rootOf(set));
      const repeated = sorted.toSpliced(one, 0, sorted[one] as RevokedEntry);
      expect(revokedRootOf(repeated)).toBeUndefined();
      fc.pre(one !== two);
      const swapped = sorted
        .with(one, sorted[two] as RevokedEntry)
        .with(two, sorted[one] as RevokedEntry);
      expect(revokedRootOf(swapped)).toBeUndefined();
    }),
  );
});

test('an entry that is there already, or stands there stronger, changes nothing and says so', () => {
  fc.assert(
    fc.property(entries(), revokedEntry(), (list, entry) => {
      const set = filled([...list, entry]);
      const [root, size] = [rootOf(set), set.size];
      expect(set.add(entry)).toBe(false);
      expect([rootOf(set), set.size]).toEqual([root, size]);
    }),
  );
});

test('each different set has a root of its own', () => {
  fc.assert(
    fc.property(entries(), hashText(), (list, key) => {
      const set = filled(list);
      const before = rootOf(set);
      expect(set.add({ kind: 'key', key })).toBe(rootOf(set) !== before);
    }),
  );
});

function filled(list: readonly RevokedEntry[]): RevokedSet {
  const set = createRevokedSet();
  for (const entry of list) set.add(entry);
  return set;
}

function rootOf(set: RevokedSet): string | undefined {
  return text(set.root());
}

function text(root: Uint8Array | undefined): string | undefined {
  return root === undefined ? undefined : Buffer.from(root).toString('base64url');
}

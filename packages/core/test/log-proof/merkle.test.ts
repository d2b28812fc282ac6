import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  createFrontier,
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  subtreeWidths,
  verifyConsistency,
  verifyInclusion,
} from '../../src/index.ts';
import { leafOf, pathOf, proofOf, rootOf, someLeaves } from './plain-tree.ts';

const MAX = 40;
const leaves = someLeaves(MAX + 1);
const roots = leaves.map((_, size) => rootOf(leaves.slice(0, size)));

const root = (size: number): Uint8Array => roots[size] as Uint8Array;
const leaf = (index: number): Uint8Array => leaves[index] as Uint8Array;
const optionInvalid = expect.objectContaining({ code: 'option_invalid' });

function flipped(bytes: Uint8Array, at = 0): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
}

describe('hashes', () => {
  test('N08 the hash of an entry and that of a node are apart: RFC 6962 prefixes 0x00 and 0x01', () => {
    const [left, right] = [leaf(0), leaf(1)];
    const pair = Uint8Array.of(...left, ...right);
    expect(leafHash(pair)).toEqual(leafOf(pair));
    expect(Buffer.from(nodeHash(left, right))).toEqual(
      createHash('sha256').update(Uint8Array.of(1)).update(pair).digest(),
    );
    expect(leafHash(pair)).not.toEqual(nodeHash(left, right));
  });

  test('the empty log has the hash of nothing', () => {
    expect(Buffer.from(EMPTY_ROOT).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('N08 a node is made of two hashes of 32 bytes: the same bytes cut elsewhere are refused', () => {
    const pair = Uint8Array.of(...leaf(0), ...leaf(1));
    for (const cut of [0, 31, 33, 64]) {
      expect(() => nodeHash(pair.subarray(0, cut), pair.subarray(cut))).toThrow(optionInvalid);
    }
  });
});

describe('inclusion', () => {
  test('N04 every leaf of every log up to 40 entries, at its index and no other', () => {
    for (let size = 1; size <= MAX; size++) {
      for (let index = 0; index < size; index++) {
        const proof = pathOf(index, leaves.slice(0, size));
        const claim = { leaf: leaf(index), index, size, proof, root: root(size) };
        expect(verifyInclusion(claim)).toBe(true);
        for (let other = 0; other < size; other++) {
          if (other !== index) expect(verifyInclusion({ ...claim, index: other })).toBe(false);
        }
      }
    }
  });

  // A size says more than the index' path shows: with it changed, the same proof may have the same form. Its root has not.
  test('N04 another size is refused with the root of that size', () => {
    for (let size = 2; size <= MAX; size++) {
      const proof = pathOf(1, leaves.slice(0, size));
      const claim = { leaf: leaf(1), index: 1, proof };
      for (let other = 2; other <= MAX; other++) {
        const verdict = verifyInclusion({ ...claim, size: other, root: root(other) });
        expect(verdict).toBe(other === size);
      }
    }
  });

  test('N04 N16 a proof that is empty, short, long, swapped or changed in one bit is refused', () => {
    const size = 23;
    for (let index = 0; index < size; index++) {
      const proof = pathOf(index, leaves.slice(0, size));
      const claim = { leaf: leaf(index), index, size, proof, root: root(size) };
      const wrong = [
        [],
        proof.slice(1),
        proof.slice(0, -1),
        [...proof, leaf(0)],
        [leaf(0), ...proof],
        [...proof].reverse(),
        ...proof.map((hash, at) => proof.with(at, flipped(hash, at))),
        ...proof.map((hash, at) => proof.with(at, hash.subarray(0, 31))),
      ];
      expect(wrong.map((proof) => verifyInclusion({ ...claim, proof }))).not.toContain(true);
      expect(verifyInclusion({ ...claim, leaf: flipped(claim.leaf) })).toBe(false);
      expect(verifyInclusion({ ...claim, root: flipped(claim.root) })).toBe(false);
      expect(verifyInclusion(claim)).toBe(true);
    }
  });

  test('N08 an inner node is no leaf: its proof is refused one level up', () => {
    const proof = pathOf(0, leaves.slice(0, 4)).slice(1);
    const claim = { leaf: root(2), index: 0, proof, root: root(4) };
    expect(verifyInclusion({ ...claim, size: 4 })).toBe(false);
  });

  test('N14 an index or size that is negative, fractional, beyond 2^53 or no number is refused', () => {
    const claim = { leaf: leaf(0), index: 0, size: 1, proof: [], root: root(1) };
    expect(verifyInclusion(claim)).toBe(true);
    const odd = [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '0', 0n, null];
    for (const value of odd as number[]) {
      expect(verifyInclusion({ ...claim, index: value })).toBe(false);
      expect(verifyInclusion({ ...claim, size: value })).toBe(false);
    }
    expect(verifyInclusion({ ...claim, index: 1 })).toBe(false);
    expect(verifyInclusion({ ...claim, size: 0, root: EMPTY_ROOT })).toBe(false);
  });

  test('N14 sizes beyond 32 bits keep all their digits', () => {
    // The first of 2^40 + 1 leaves, all but the last under one hash at each level.
    const proof = Array.from({ length: 41 }, (_, level) => leaf(level % 5));
    const top = proof.reduce((hash, sibling) => nodeHash(hash, sibling), leaf(7));
    const claim = { leaf: leaf(7), index: 0, proof, root: top };
    expect(verifyInclusion({ ...claim, size: 2 ** 40 + 1 })).toBe(true);
    expect(verifyInclusion({ ...claim, size: 2 ** 40 })).toBe(false);
    expect(verifyInclusion({ ...claim, size: 2 ** 41 + 1 })).toBe(false);
    expect(verifyInclusion({ ...claim, size: 2 ** 40 + 1, index: 2 ** 32 })).toBe(false);
    const last = { leaf: leaf(7), index: 2 ** 40, size: 2 ** 40 + 1, proof: [leaf(3)] };
    expect(verifyInclusion({ ...last, root: nodeHash(leaf(3), leaf(7)) })).toBe(true);
    expect(verifyInclusion({ ...last, index: 0, root: nodeHash(leaf(3), leaf(7)) })).toBe(false);
  });
});

describe('consistency', () => {
  test('N06 holds between any two sizes up to 40, and for no other pair of sizes', () => {
    for (let size = 1; size <= MAX; size++) {
      for (let oldSize = 0; oldSize <= size; oldSize++) {
        const proof = oldSize === 0 ? [] : proofOf(oldSize, leaves.slice(0, size));
        const claim = { oldSize, oldRoot: root(oldSize), size, root: root(size), proof };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, oldRoot: flipped(root(oldSize)) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...proof, leaf(0)] })).toBe(false);
        if (oldSize === 0) continue;
        expect(verifyConsistency({ ...claim, root: flipped(root(size)) })).toBe(false);
        for (let other = 1; other <= size; other++) {
          if (other === oldSize) continue;
          expect(verifyConsistency({ ...claim, oldSize: other, oldRoot: root(other) })).toBe(false);
        }
      }
    }
  });

  test('N06 a log that changed, lost or reordered an old entry is not consistent', () => {
    const old = leaves.slice(0, 11);
    for (const size of [11, 12, 16, 23]) {
      const grown = leaves.slice(0, size);
      const changes = [
        grown.with(4, leaf(40)),
        [...grown.slice(0, 4), ...grown.slice(5), leaf(40)],
        grown.with(4, leaf(5)).with(5, leaf(4)),
      ];
      for (const changed of changes) {
        const claim = { oldSize: 11, oldRoot: rootOf(old), size, root: rootOf(changed) };
        const honest = proofOf(11, changed);
        expect(verifyConsistency({ ...claim, proof: honest })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: proofOf(11, grown) })).toBe(false);
      }
    }
  });

  test('N06 N16 a proof that skips, repeats, reorders or changes a hash is refused', () => {
    for (const [oldSize, size] of [
      [6, 23],
      [8, 23],
      [22, 23],
      [1, 40],
    ] as const) {
      const proof = proofOf(oldSize, leaves.slice(0, size));
      const claim = { oldSize, oldRoot: root(oldSize), size, root: root(size) };
      const wrong = [
        [],
        ...proof.map((_, at) => proof.toSpliced(at, 1)),
        ...proof.map((hash, at) => proof.toSpliced(at, 0, hash)),
        ...proof.map((hash, at) => proof.with(at, flipped(hash, 31))),
        ...proof.map((hash, at) => proof.with(at, hash.subarray(1))),
        [root(oldSize), ...proof],
      ];
      expect(wrong.map((proof) => verifyConsistency({ ...claim, proof }))).not.toContain(true);
      expect(verifyConsistency({ ...claim, proof })).toBe(true);
    }
  });

  test('N04 swapped roots or sizes are refused', () => {
    const proof = proofOf(6, leaves.slice(0, 23));
    const claim = { oldSize: 6, oldRoot: root(6), size: 23, root: root(23), proof };
    expect(verifyConsistency({ ...claim, oldRoot: root(23), root: root(6) })).toBe(false);
    expect(verifyConsistency({ ...claim, oldSize: 23, size: 6 })).toBe(false);
  });

  test('every log begins with the empty one, and only with it', () => {
    const claim = { oldSize: 0, size: 3, root: root(3), proof: [] };
    expect(verifyConsistency({ ...claim, oldRoot: EMPTY_ROOT })).toBe(true);
    expect(verifyConsistency({ ...claim, oldRoot: root(3) })).toBe(false);
    expect(verifyConsistency({ ...claim, oldRoot: new Uint8Array(0) })).toBe(false);
    const empty = { oldSize: 0, oldRoot: EMPTY_ROOT, size: 0, proof: [] };
    expect(verifyConsistency({ ...empty, root: EMPTY_ROOT })).toBe(true);
    expect(verifyConsistency({ ...empty, root: root(3) })).toBe(false);
  });

  test('N14 a size that is negative, fractional, beyond 2^53 or no number is refused', () => {
    const claim = { oldSize: 1, oldRoot: root(1), size: 1, root: root(1), proof: [] };
    expect(verifyConsistency(claim)).toBe(true);
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN, '1', 1n, null] as number[]) {
      expect(verifyConsistency({ ...claim, oldSize: value })).toBe(false);
      expect(verifyConsistency({ ...claim, size: value })).toBe(false);
      expect(verifyConsistency({ ...claim, oldSize: value, size: value })).toBe(false);
    }
  });
});

describe('the frontier', () => {
  test('has the root of every size, and goes on from its hashes', () => {
    const frontier = createFrontier();
    for (let size = 0; size <= MAX; size++) {
      expect(frontier.size).toBe(size);
      expect(frontier.root()).toEqual(root(size));
      const again = createFrontier(size, frontier.hashes());
      expect(again.root()).toEqual(root(size));
      frontier.append(leaf(size));
      again.append(leaf(size));
      expect(again.root()).toEqual(frontier.root());
    }
  });

  test('a copy and the original go their own ways', () => {
    const frontier = createFrontier();
    for (const hash of leaves.slice(0, 5)) frontier.append(hash);
    const copy = frontier.copy();
    copy.append(leaf(5));
    expect([frontier.size, copy.size]).toEqual([5, 6]);
    expect(frontier.root()).toEqual(root(5));
    expect(copy.root()).toEqual(root(6));
  });

  test('is not changed through what it gives out or was given', () => {
    const given = leaf(0).slice();
    const frontier = createFrontier();
    frontier.append(given);
    given.fill(0);
    frontier.root().fill(0);
    frontier.hashes()[0]?.fill(0);
    expect(frontier.root()).toEqual(root(1));
    createFrontier().root().fill(0);
    expect(createFrontier().root()).toEqual(root(0));
  });

  test('takes subtrees for the ranges that subtreeWidths names, and no other', () => {
    for (let from = 0; from <= MAX; from++) {
      for (let to = from; to <= MAX; to++) {
        const widths = subtreeWidths(from, to);
        const frontier = createFrontier();
        for (const hash of leaves.slice(0, from)) frontier.append(hash);
        let at = from;
        for (const width of widths) {
          frontier.append(rootOf(leaves.slice(at, at + width)), width);
          at += width;
        }
        expect(at).toBe(to);
        expect(frontier.root()).toEqual(root(to));
      }
    }
    const frontier = createFrontier();
    frontier.append(leaf(0));
    for (const width of [0, -1, 2, 3, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => frontier.append(leaf(1), width)).toThrow(optionInvalid);
    }
    expect(frontier.root()).toEqual(root(1));
  });

  test('the widths of a range are the largest that fit', () => {
    expect(subtreeWidths(0, 13)).toEqual([8, 4, 1]);
    expect(subtreeWidths(3, 13)).toEqual([1, 4, 4, 1]);
    expect(subtreeWidths(5, 5)).toEqual([]);
    expect(subtreeWidths(0, 2 ** 53 - 1)).toHaveLength(53);
    expect(() => subtreeWidths(5, 4)).toThrow(optionInvalid);
    expect(() => subtreeWidths(-1, 4)).toThrow(optionInvalid);
    expect(() => subtreeWidths(0, 2 ** 53)).toThrow(optionInvalid);
  });

  test('N14 refuses hashes that are not those of its size, and a size that is none', () => {
    const hashes = [leaf(0), leaf(1)];
    expect(createFrontier(3, hashes).size).toBe(3);
    for (const size of [0, 1, 2, 7, -1, 0.5, 2 ** 53]) {
      expect(() => createFrontier(size, hashes)).toThrow(optionInvalid);
    }
    expect(() => createFrontier(1, [leaf(0).subarray(1)])).toThrow(optionInvalid);
    expect(() => createFrontier().append(leaf(0).subarray(1))).toThrow(optionInvalid);
    const full = createFrontier(
      2 ** 53 - 1,
      Array.from({ length: 53 }, () => leaf(0)),
    );
    expect(() => full.append(leaf(1))).toThrow(optionInvalid);
  });
});

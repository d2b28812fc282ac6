import { platform } from '#crypto';
import { TaperError } from '../error.ts';

/** Bytes of every hash of a log: SHA-256. */
export const HASH_LENGTH = 32;

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

const emptyRoot = platform.digest(new Uint8Array(0));

/** The root of a log without entries: SHA-256 of nothing (RFC 6962 section 2.1). Shared: treat as read-only. */
export const EMPTY_ROOT: Uint8Array = new Uint8Array(emptyRoot);

/** The hash of one entry: SHA-256(0x00 || entry), 32 bytes (RFC 6962 section 2.1). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + entry.length);
  input[0] = LEAF_PREFIX;
  input.set(entry, 1);
  return platform.digest(input);
}

/** Written in full before each digest, which is synchronous. */
const nodeInput = new Uint8Array(1 + 2 * HASH_LENGTH);
nodeInput[0] = NODE_PREFIX;

/**
 * The hash of an inner node: SHA-256(0x01 || left || right), 32 bytes (RFC 6962 section 2.1).
 *
 * @throws TaperError `option_invalid` unless both are 32 bytes: with other lengths, two pairs would have one hash.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (!isHash(left) || !isHash(right)) {
    throw new TaperError('option_invalid', 'A node of a Merkle tree has two hashes of 32 bytes.');
  }
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_LENGTH);
  return platform.digest(nodeInput);
}

/** Whether the value is 32 bytes. */
export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_LENGTH;
}

/** Whether the value can be a size or an index of a log here: a whole number from 0 to 2^53 − 1. */
export function isLogNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether two byte strings are the same. Not in constant time: nothing of a log is secret. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** What {@link verifyInclusion} is asked. */
export interface InclusionClaim {
  /** The {@link leafHash} of the entry. */
  readonly leaf: Uint8Array;
  /** Zero-based. */
  readonly index: number;
  /** Entries of the log. */
  readonly size: number;
  /** From the leaf's sibling up to the child of the root. */
  readonly proof: readonly Uint8Array[];
  /** The root of the log at that size, from a verified checkpoint. */
  readonly root: Uint8Array;
}

/** Whether the leaf stands at that index of the log with that size and root (RFC 9162 section 2.1.3.2). Never throws. */
export function verifyInclusion({ leaf, index, size, proof, root }: InclusionClaim): boolean {
  if (!isLogNumber(index) || !isLogNumber(size) || index >= size) return false;
  if (!isHash(leaf) || !isHash(root) || !Array.isArray(proof)) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0 || !isHash(sibling)) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && sameBytes(hash, root);
}

/** What {@link verifyConsistency} is asked. */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  /** As in RFC 9162 section 2.1.4.1; empty for equal sizes and for an old size of 0. */
  readonly proof: readonly Uint8Array[];
}

/**
 * Whether the newer log begins with all entries of the older (RFC 9162 section 2.1.4.2). Never throws. Every log begins with
 * the empty one, whose root must be {@link EMPTY_ROOT}.
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { oldSize, oldRoot, size, root, proof } = claim;
  if (!isLogNumber(oldSize) || !isLogNumber(size) || oldSize > size) return false;
  if (!Array.isArray(proof)) return false;
  if (!(oldRoot instanceof Uint8Array) || !(root instanceof Uint8Array)) return false;
  if (oldSize === 0 && !sameBytes(oldRoot, emptyRoot)) return false;
  if (oldSize === size) return proof.length === 0 && sameBytes(oldRoot, root);
  if (!isHash(oldRoot) || !isHash(root)) return false;
  if (oldSize === 0) return proof.length === 0;

  let node = oldSize - 1;
  let last = size - 1;
  while (isOdd(node)) {
    node = half(node);
    last = half(last);
  }
  // An old tree that is perfect is itself the first node, and the proof leaves it out.
  const isPerfect = node === 0;
  const first = isPerfect ? oldRoot : proof[0];
  if (!isHash(first)) return false;
  let oldHash = first;
  let hash = first;
  for (let at = isPerfect ? 0 : 1; at < proof.length; at++) {
    const sibling = proof[at];
    if (last === 0 || !isHash(sibling)) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && sameBytes(oldHash, oldRoot) && sameBytes(hash, root);
}

/** Shifts and masks would cut a number to 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

import { platform } from '#crypto';
import { HASH_LENGTH } from '../log-proof/merkle.ts';

/** The subtree without entries. Nobody knows bytes with this SHA-256, so it is neither leaf nor node. */
export const EMPTY_SUBTREE: Uint8Array = new Uint8Array(HASH_LENGTH);

const ROOT_LABEL = new TextEncoder().encode('taper-revoked-set-v1');

/** Written in full before each use; nothing between that and the digest gives way to other code. */
const input = new Uint8Array(1 + 2 * HASH_LENGTH);
const rootInput = new Uint8Array(ROOT_LABEL.length + 3 * HASH_LENGTH);
rootInput.set(ROOT_LABEL);

/** The subtree of one entry, at whatever depth: SHA-256 of 0x00, id and value, each of the two 32 bytes. */
export function revokedLeafHash(id: Uint8Array, value: Uint8Array): Uint8Array {
  return hashPair(0, id, value);
}

/** The subtree of two entries or more: SHA-256 of 0x01 and the hashes of its halves, that of the ids whose next bit is 0 first. */
export function revokedNodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hashPair(1, left, right);
}

function hashPair(label: 0 | 1, first: Uint8Array, second: Uint8Array): Uint8Array {
  input[0] = label;
  input.set(first, 1);
  input.set(second, 1 + HASH_LENGTH);
  return platform.digest(input);
}

/** What an epoch record commits to: the roots of the three trees under one label. */
export function revokedSetRoot(
  tokens: Uint8Array,
  keys: Uint8Array,
  tenants: Uint8Array,
): Uint8Array {
  const start = ROOT_LABEL.length;
  rootInput.set(tokens, start);
  rootInput.set(keys, start + HASH_LENGTH);
  rootInput.set(tenants, start + 2 * HASH_LENGTH);
  return platform.digest(rootInput);
}

/** A time as the value of a leaf: big-endian in the last 8 of 32 bytes. Seconds since the epoch, 0 to 2^53 − 1. */
export function timeValue(time: number): Uint8Array {
  const value = new Uint8Array(HASH_LENGTH);
  for (let at = HASH_LENGTH - 1, rest = time; rest > 0; at--, rest = Math.floor(rest / 256))
    value[at] = rest % 256;
  return value;
}

/** The value of the leaf of a key: a key is revoked for good, and that is all there is to say. */
export const KEY_VALUE: Uint8Array = new Uint8Array(HASH_LENGTH);

/** The id of a tenant: SHA-256 of its name in UTF-8. */
export function tenantId(name: string): Uint8Array {
  return platform.digest(new TextEncoder().encode(name));
}

/** The 32 bytes of a token's hash or a key's thumbprint; `undefined` when the text is not their one spelling (strict base64url). */
export function readHash(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length !== 43) return undefined;
  return platform.decodeBase64url(text);
}

/** Bit of an id that chooses the half at a depth, the most significant bit of the first byte at depth 0. */
export function bitAt(id: Uint8Array, depth: number): 0 | 1 {
  return (((id[depth >> 3] as number) >> (7 - (depth & 7))) & 1) as 0 | 1;
}

/** How many leading bits two ids share: 256 when they are the same. */
export function sharedBits(first: Uint8Array, second: Uint8Array): number {
  for (let at = 0; at < HASH_LENGTH; at++) {
    const difference = (first[at] as number) ^ (second[at] as number);
    if (difference !== 0) return at * 8 + Math.clz32(difference) - 24;
  }
  return HASH_LENGTH * 8;
}

/** Order of ids as bytes, which is that of the leaves from left to right. */
export function compareIds(first: Uint8Array, second: Uint8Array): number {
  for (let at = 0; at < HASH_LENGTH; at++) {
    const difference = (first[at] as number) - (second[at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

import { createHash } from 'node:crypto';

// RFC 6962 section 2.1, as its recursive definitions stand there: slow, and nothing in common with what is tested.

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function leafOf(entry: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(0), entry);
}

/** MTH(D[n]), over hashes of leaves. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = splitOf(leaves.length);
  return sha256(Uint8Array.of(1), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

/** PATH(m, D[n]), section 2.1.1. */
export function pathOf(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = splitOf(leaves.length);
  return m < k
    ? [...pathOf(m, leaves.slice(0, k)), rootOf(leaves.slice(k))]
    : [...pathOf(m - k, leaves.slice(k)), rootOf(leaves.slice(0, k))];
}

/** PROOF(m, D[n]), section 2.1.2. */
export function proofOf(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  const subProof = (at: number, part: readonly Uint8Array[], whole: boolean): Uint8Array[] => {
    if (at === part.length) return whole ? [] : [rootOf(part)];
    const k = splitOf(part.length);
    return at <= k
      ? [...subProof(at, part.slice(0, k), whole), rootOf(part.slice(k))]
      : [...subProof(at - k, part.slice(k), false), rootOf(part.slice(0, k))];
  };
  return subProof(m, leaves, true);
}

/** The largest power of two below n. */
function splitOf(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

/** Hashes of `count` entries, each its index as text. */
export function someLeaves(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => leafOf(new TextEncoder().encode(`${index}`)));
}

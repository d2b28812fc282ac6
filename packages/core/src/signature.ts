import type { Algorithm } from './crypto/port.ts';
import { isCanonicalPoint, isSmallOrderPoint } from './edwards.ts';
import { TaperError } from './error.ts';

/** Why a signature does not count. `signature_malformed`: not in the one form that Taper accepts, whatever key and message. `signature_invalid`: does not verify. */
export type SignatureProblem = 'signature_malformed' | 'signature_invalid';

/** Length in bytes of every signature that Taper accepts. */
const LENGTH = 64;

/** The order of the Ed25519 base point (RFC 8032 section 5.1), 32 bytes, little-endian. */
const ED25519_ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** The order n of P-256 (FIPS 186-5, SP 800-186) and its half rounded down, 32 bytes, big-endian. */
const P256_ORDER = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
const P256_HALF_ORDER = fromHex('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8');

/**
 * Checks the form of a signature before any backend sees it, so that all of them give one verdict and a
 * signature has one form (`spec/stricter-choices.md`). Returns `undefined` when the bytes may go to a backend.
 *
 * Ed25519: 64 bytes R || S, S below the group order, R canonical and not of small order.
 * ES256: 64 bytes r || s (RFC 7518 section 3.4, never DER), 1 ≤ r < n, 1 ≤ s ≤ n/2.
 */
export function precheckSignature(
  alg: Algorithm,
  signature: Uint8Array,
): 'signature_malformed' | undefined {
  if (!(signature instanceof Uint8Array) || signature.length !== LENGTH)
    return 'signature_malformed';
  switch (alg) {
    case 'Ed25519':
      return isEd25519Form(signature) ? undefined : 'signature_malformed';
    case 'ES256':
      return isEs256Form(signature) ? undefined : 'signature_malformed';
    default:
      return 'signature_malformed';
  }
}

/**
 * The one form of a fresh signature that {@link precheckSignature} accepts: ES256 with s above n/2 becomes
 * n − s, which verifies alike; Ed25519 is returned as it is.
 *
 * @throws TaperError `signing_failed` when the signer gave anything but 64 bytes.
 */
export function canonicalSignature(alg: Algorithm, signature: Uint8Array): Uint8Array {
  if (!(signature instanceof Uint8Array) || signature.length !== LENGTH) {
    throw new TaperError('signing_failed', `A signer returned no ${alg} signature of 64 bytes.`, {
      hint: 'Return R || S for Ed25519 and r || s for ES256; a KMS or token device that answers in DER needs converting.',
    });
  }
  if (alg !== 'ES256' || compareBigEndian(signature, 32, P256_HALF_ORDER) <= 0) return signature;
  const low = Uint8Array.from(signature);
  let borrow = 0;
  for (let i = 31; i >= 0; i--) {
    const digit = (P256_ORDER[i] as number) - (signature[32 + i] as number) - borrow;
    low[32 + i] = digit;
    borrow = digit < 0 ? 1 : 0;
  }
  return low;
}

function isEd25519Form(signature: Uint8Array): boolean {
  return (
    isBelowEd25519Order(signature) && isCanonicalPoint(signature) && !isSmallOrderPoint(signature)
  );
}

/** Whether S, the last 32 bytes, is below the order: with S + order, the same signature would have a second form. */
function isBelowEd25519Order(signature: Uint8Array): boolean {
  const top = signature[63] as number;
  if (top !== 0x10) return top < 0x10;
  for (let i = 30; i >= 0; i--) {
    const difference = (signature[32 + i] as number) - (ED25519_ORDER[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function isEs256Form(signature: Uint8Array): boolean {
  return (
    compareBigEndian(signature, 0, P256_ORDER) < 0 &&
    compareBigEndian(signature, 32, P256_HALF_ORDER) <= 0 &&
    !isZero(signature, 0) &&
    !isZero(signature, 32)
  );
}

function compareBigEndian(bytes: Uint8Array, offset: number, bound: Uint8Array): number {
  for (let i = 0; i < 32; i++) {
    const difference = (bytes[offset + i] as number) - (bound[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isZero(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 32; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

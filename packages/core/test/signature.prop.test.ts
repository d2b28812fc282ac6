import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../src/json.ts';
import { readPublicKey } from '../src/key.ts';
import { canonicalSignature, precheckSignature } from '../src/signature.ts';

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const bigEndian = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const littleEndian = (value: bigint): Buffer => bigEndian(value).reverse();

/** 256-bit integers, many of them near the bounds that matter. */
function integersNear(...bounds: bigint[]): fc.Arbitrary<bigint> {
  const near = bounds.flatMap((bound) => [
    fc.bigInt({ min: -300n, max: 300n }).map((distance) => bound + distance),
    fc.nat({ max: 255 }).map((bit) => bound ^ (1n << BigInt(bit))),
  ]);
  return fc
    .oneof(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), ...near)
    .filter((value) => value >= 0n && value < 2n ** 256n);
}

test('Ed25519: what passes is S < L with y of R below p; the rest is malformed', () => {
  fc.assert(
    fc.property(integersNear(L, 2n * L, 2n ** 252n), integersNear(P), (s, r) => {
      const y = r & (2n ** 255n - 1n);
      fc.pre(y > 1n && y !== P - 1n); // small order has tests of its own
      const problem = precheckSignature(
        'Ed25519',
        Buffer.concat([littleEndian(r), littleEndian(s)]),
      );
      expect(problem === undefined).toBe(s < L && y < P);
    }),
    { numRuns: 2000 },
  );
});

test('ES256: what passes is 1 ≤ r < n and 1 ≤ s ≤ n/2; the rest is malformed', () => {
  fc.assert(
    fc.property(integersNear(0n, N), integersNear(0n, N / 2n, N), (r, s) => {
      const problem = precheckSignature('ES256', Buffer.concat([bigEndian(r), bigEndian(s)]));
      expect(problem === undefined).toBe(r > 0n && r < N && s > 0n && 2n * s < N);
    }),
    { numRuns: 2000 },
  );
});

test('ES256: the canonical form of any signature in range passes, and is its own canonical form', () => {
  fc.assert(
    fc.property(integersNear(1n, N), integersNear(1n, N / 2n, N), (r, s) => {
      fc.pre(r > 0n && r < N && s > 0n && s < N);
      const canonical = canonicalSignature('ES256', Buffer.concat([bigEndian(r), bigEndian(s)]));
      expect(precheckSignature('ES256', canonical)).toBe(undefined);
      expect(canonicalSignature('ES256', canonical)).toBe(canonical);
      const made = BigInt(`0x${Buffer.from(canonical.subarray(32)).toString('hex')}`);
      expect([s, N - s]).toContain(made);
    }),
    { numRuns: 2000 },
  );
});

test('readPublicKey never throws, whatever the JSON', () => {
  const member = fc.constantFrom('kty', 'crv', 'x', 'y', 'use', 'key_ops', 'alg', 'd', '__proto__');
  const value = fc.oneof(
    fc.jsonValue() as fc.Arbitrary<JsonValue>,
    fc.constantFrom<JsonValue>('OKP', 'EC', 'Ed25519', 'P-256', 'sig', 'A'.repeat(43)),
  );
  fc.assert(
    fc.property(fc.oneof(value, fc.dictionary(member, value) as fc.Arbitrary<JsonValue>), (jwk) => {
      const key = readPublicKey(jwk);
      expect(typeof key === 'string' || key.thumbprint.length === 43).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('any 32 bytes that read as an Ed25519 key read back as the same bytes: one key, one text (A04)', () => {
  fc.assert(
    fc.property(integersNear(0n, P, P + 2n ** 255n), (encoded) => {
      const x = littleEndian(encoded).toString('base64url');
      const key = readPublicKey({ kty: 'OKP', crv: 'Ed25519', x });
      const y = encoded & (2n ** 255n - 1n);
      if (y >= P || y <= 1n || y === P - 1n) {
        expect(key).toBe('weak');
      } else if (typeof key !== 'string') {
        expect(key.jwk.x).toBe(x);
        expect(Buffer.from(key.raw).toString('base64url')).toBe(x);
      } else {
        expect(key).toBe('not a refusal');
      }
    }),
    { numRuns: 2000 },
  );
});

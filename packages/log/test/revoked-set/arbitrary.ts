import { hash } from 'node:crypto';
import type { RevokedEntry } from '@taper/core';
import fc from 'fast-check';

/** 32 bytes as base64url; half of them share up to 255 bits with their like, as nobody could find them. */
export function hashText(): fc.Arbitrary<string> {
  const spread = fc.nat(40).map((n) => hash('sha256', `hash ${n}`, 'base64url'));
  const close = fc.tuple(fc.nat(3), fc.nat(255)).map(([seed, bit]) => near(seed, bit));
  return fc.oneof(spread, close);
}

/** The hash of a seed with one bit flipped: it shares `bit` bits with it. */
export function near(seed: number, bit: number): string {
  const bytes = hash('sha256', `hash ${seed}`, 'buffer');
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (0x80 >> (bit & 7));
  return bytes.toString('base64url');
}

export function time(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(200_000), fc.constant(Number.MAX_SAFE_INTEGER));
}

export function revokedEntry(): fc.Arbitrary<RevokedEntry> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('token' as const),
      root: hashText(),
      token: hashText(),
      expiresAt: time(),
    }),
    fc.record({ kind: fc.constant('key' as const), key: hashText() }),
    fc.record({
      kind: fc.constant('tenant' as const),
      tenant: fc.constantFrom('acme', 'globex', 'ünïcode', ...'abcdefgh'),
      issuedBefore: time(),
    }),
  );
}

/** The y coordinates, little-endian, of the eight points of small order; each stands for both signs of x. */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '0100000000000000000000000000000000000000000000000000000000000000', // the identity
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
].map((hex) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)),
);

/**
 * Whether the 32 bytes at `offset` encode y below p = 2^255 − 19, as RFC 8032 section 5.1.3 step 1 demands.
 * Some libraries reduce y instead, which gives a point a second encoding.
 */
export function isCanonicalPoint(bytes: Uint8Array, offset = 0): boolean {
  if ((bytes[offset] as number) < 0xed) return true;
  if (((bytes[offset + 31] as number) & 0x7f) !== 0x7f) return true;
  for (let i = offset + 30; i > offset; i--) if (bytes[i] !== 0xff) return true;
  return false;
}

/** Whether the 32 bytes at `offset`, canonically encoded, are one of the eight points of small order; the sign of x does not matter. */
export function isSmallOrderPoint(bytes: Uint8Array, offset = 0): boolean {
  const first = bytes[offset];
  for (const y of SMALL_ORDER_Y) {
    if (first === y[0] && sameMagnitude(bytes, offset, y)) return true;
  }
  return false;
}

function sameMagnitude(bytes: Uint8Array, offset: number, y: Uint8Array): boolean {
  for (let i = 1; i < 31; i++) if (bytes[offset + i] !== y[i]) return false;
  return ((bytes[offset + 31] as number) & 0x7f) === y[31];
}

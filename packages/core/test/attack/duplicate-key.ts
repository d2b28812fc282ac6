import { hash } from 'node:crypto';
import type { PublicKey } from '../../src/index.ts';

/**
 * ECDSA lets anybody find a second key under which a signature verifies for the same message: the two points that have
 * r as their x coordinate belong to two keys. P-256, with the letters of SEC 1 section 4.1.6.
 */
export function keyUnderWhichItAlsoVerifies(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): { kty: 'EC'; crv: 'P-256'; x: string; y: string } {
  const r = number(signature.subarray(0, 32));
  const s = number(signature.subarray(32));
  const e = number(hash('sha256', message, 'buffer'));
  const y = power(mod(r ** 3n - 3n * r + B, P), (P + 1n) / 4n, P);
  for (const R of [
    { x: r, y },
    { x: r, y: P - y },
  ]) {
    const Q = multiply(
      add(multiply(R, s), multiply(G, mod(-e, N))),
      power(r, N - 2n, N),
    ) as AffinePoint;
    const jwk = { kty: 'EC', crv: 'P-256', x: text(Q.x), y: text(Q.y) } as const;
    if (jwk.x !== key.jwk.x) return jwk;
  }
  throw new Error('both points belong to the key itself');
}

interface AffinePoint {
  readonly x: bigint;
  readonly y: bigint;
}

/** `undefined` is the point at infinity. */
type Point = AffinePoint | undefined;

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const G: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, mod(base, modulus)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square, modulus);
    square = mod(square * square, modulus);
  }
  return result;
}

function add(left: Point, right: Point): Point {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.x === right.x && mod(left.y + right.y, P) === 0n) return undefined;
  const [rise, run] =
    left.x === right.x
      ? [3n * left.x * left.x - 3n, 2n * left.y]
      : [right.y - left.y, right.x - left.x];
  const slope = mod(rise * power(run, P - 2n, P), P);
  const x = mod(slope * slope - left.x - right.x, P);
  return { x, y: mod(slope * (left.x - x) - left.y, P) };
}

function multiply(point: Point, scalar: bigint): Point {
  let [result, doubled]: [Point, Point] = [undefined, point];
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function text(coordinate: bigint): string {
  return Buffer.from(coordinate.toString(16).padStart(64, '0'), 'hex').toString('base64url');
}

import { createECDH, createHmac, hash } from 'node:crypto';

/** The order of P-256 (FIPS 186-5). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * Signs with ECDSA over P-256 and SHA-256, with the nonce of RFC 6979: the same signature every time, which OpenSSL does
 * not promise. r || s, 64 bytes, s as it comes out. Leaks timing; for test keys only.
 */
export function signEs256(privateKey: Uint8Array, input: Uint8Array): Uint8Array {
  const digest = hash('sha256', input, 'buffer');
  const d = toNumber(privateKey);
  const curve = createECDH('prime256v1');
  for (const nonce of nonces(privateKey, digest)) {
    curve.setPrivateKey(nonce);
    const r = toNumber(curve.getPublicKey().subarray(1, 33)) % ORDER;
    const s = modulo(inverse(toNumber(nonce)) * (toNumber(digest) + r * d));
    if (r !== 0n && s !== 0n) return Buffer.concat([toBytes(r), toBytes(s)]);
  }
  throw new Error('unreachable: nonces never end');
}

/** The other signature that verifies wherever this one does: (r, n − s). */
export function otherS(signature: Uint8Array): Uint8Array {
  const s = toNumber(signature.subarray(32));
  return Buffer.concat([signature.subarray(0, 32), toBytes(ORDER - s)]);
}

/** The one of the two that has its s in the lower half. */
export function lowS(signature: Uint8Array): Uint8Array {
  return toNumber(signature.subarray(32)) > ORDER / 2n ? otherS(signature) : signature;
}

/** A private key made of 32 bytes: any number from 1 to n − 1. */
export function es256PrivateKey(seed: Uint8Array): Uint8Array {
  return toBytes((toNumber(seed) % (ORDER - 1n)) + 1n);
}

/** RFC 6979 section 3.2. */
function* nonces(privateKey: Uint8Array, digest: Uint8Array): Generator<Uint8Array> {
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
    const hmac = createHmac('sha256', key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  };
  const seed = [privateKey, toBytes(toNumber(digest) % ORDER)];
  let key: Uint8Array = new Uint8Array(32);
  let value: Uint8Array = new Uint8Array(32).fill(1);
  for (const mark of [0, 1]) {
    key = mac(key, value, Uint8Array.of(mark), ...seed);
    value = mac(key, value);
  }
  for (;;) {
    value = mac(key, value);
    const candidate = toNumber(value);
    if (candidate > 0n && candidate < ORDER) yield value;
    key = mac(key, value, Uint8Array.of(0));
    value = mac(key, value);
  }
}

function inverse(number: bigint): bigint {
  let [previous, current] = [ORDER, modulo(number)];
  let [before, factor] = [0n, 1n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [before, factor] = [factor, before - quotient * factor];
  }
  return modulo(before);
}

function modulo(number: bigint): bigint {
  const rest = number % ORDER;
  return rest < 0n ? rest + ORDER : rest;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

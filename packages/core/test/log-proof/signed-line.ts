import { createHash } from 'node:crypto';
import type { TestKey } from '@taper/testkit';

// C2SP signed-note and tlog-cosignature, written down once more: nothing in common with what is tested.

function material(key: TestKey, type: number): Buffer {
  return Buffer.concat([Buffer.of(type), Buffer.from(key.publicKey.jwk.x, 'base64url')]);
}

function keyId(name: string, bytes: Uint8Array): Buffer {
  const digest = createHash('sha256').update(`${name}\n`).update(bytes).digest();
  return digest.subarray(0, 4);
}

export function vkeyOf(name: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  return `${name}+${keyId(name, bytes).toString('hex')}+${base64}`;
}

/** The vkey of a log (type 1) or of a witness (type 4). */
export function vkey(key: TestKey, name: string, type: number): string {
  return vkeyOf(name, material(key, type));
}

export function line(name: string, id: Uint8Array, signature: Uint8Array): string {
  return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** A line of type 1. `signed` is what the key signs in the place of the body. */
export function logLine(key: TestKey, name: string, body: string, signed = body): string {
  return line(name, keyId(name, material(key, 1)), key.sign(Buffer.from(signed)));
}

/** A line of type 4. `signed` is what the key signs in the place of what it should. */
export function witnessLine(
  key: TestKey,
  name: string,
  body: string,
  time: number | bigint,
  signed = `cosignature/v1\ntime ${time}\n${body}`,
): string {
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(BigInt(time));
  const signature = Buffer.concat([stamp, key.sign(Buffer.from(signed))]);
  return line(name, keyId(name, material(key, 4)), signature);
}

/** The same line with its last bytes changed by `change`. */
export function relined(given: string, change: (bytes: Buffer) => Uint8Array): string {
  const space = given.lastIndexOf(' ');
  const bytes = change(Buffer.from(given.slice(space + 1), 'base64'));
  return `${given.slice(0, space + 1)}${Buffer.from(bytes).toString('base64')}\n`;
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * A line of type 1 whose R is the neutral element: S = k·a, RFC 8032 with r = 0. It betrays the key, and backends differ in
 * whether they accept it.
 */
export function smallOrderLine(key: TestKey, name: string, body: string): string {
  const scalar = createHash('sha512')
    .update(Buffer.from(String(key.privateJwk['d']), 'base64url'))
    .digest()
    .subarray(0, 32);
  scalar[0] = (scalar[0] as number) & 248;
  scalar[31] = ((scalar[31] as number) & 127) | 64;
  const neutral = Buffer.of(1, ...new Uint8Array(31));
  const k = createHash('sha512').update(neutral).update(key.publicKey.raw).update(body).digest();
  const s = (littleEndian(k) * littleEndian(scalar)) % ORDER;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return line(name, keyId(name, material(key, 1)), Buffer.concat([neutral, bytes]));
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

import { createHash } from 'node:crypto';
import type { TestKey } from '@taper/testkit';

// C2SP signed-note and tlog-cosignature, written down once more: nothing in common with what is tested.

function material(key: TestKey, type: number): Buffer {
  return Buffer.concat([Buffer.of(type), Buffer.from(key.publicKey.jwk.x, 'base64url')]);
}

export function keyId(name: string, bytes: Uint8Array): Buffer {
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

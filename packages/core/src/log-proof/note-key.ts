import { platform } from '#crypto';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { TaperError } from '../error.ts';
import { isPublicKey, keyBytes, type PublicKey, readPublicKey } from '../key.ts';

/**
 * What a key signs, by the type bytes of C2SP signed-note. 1: the text of a note. 4: a checkpoint with a time, as a cosignature
 * (tlog-cosignature). Other types are read as unknown signatures.
 */
export type NoteKeyType = 1 | 4;

/** A key that signs notes: a name, an Ed25519 public key, and what it signs. */
export interface NoteKey {
  /** Not empty, no Unicode space, no `+`. For a log it should be the origin. */
  readonly name: string;
  /** The key ID: the first four bytes, big-endian, of SHA-256(name || 0x0A || type || key). A hint for finding the key, not a commitment. */
  readonly id: number;
  readonly type: NoteKeyType;
  readonly key: PublicKey;
  /** The verifier key (*vkey*): `<name>+<id in hex>+<base64 of type and key>`. */
  readonly text: string;
}

/** Bytes of the key in a vkey: one of type and 32 of Ed25519. */
const MATERIAL_LENGTH = 33;

const UTF8 = new TextEncoder();
const NOT_IN_NAME = /[\p{White_Space}+]/u;

/** Whether a note can be signed under this name (C2SP signed-note): not empty, no Unicode space, no `+`, no control character. */
export function isNoteKeyName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.isWellFormed() && !NOT_IN_NAME.test(name);
}

/**
 * The note key of a public key.
 *
 * @throws TaperError `option_invalid` when the name cannot be one, or the key is not a checked Ed25519 key.
 */
export function noteKey(name: string, key: PublicKey, type: NoteKeyType): NoteKey {
  if (!isNoteKeyName(name)) {
    throw new TaperError('option_invalid', 'This cannot be the name of a note key.', {
      hint: 'Use a URL without its scheme, such as log.example.com/audit: no space, no plus sign.',
    });
  }
  if (!isPublicKey(key) || key.alg !== 'Ed25519') {
    throw new TaperError('option_invalid', 'Notes are signed with Ed25519 keys.');
  }
  if (type !== 1 && type !== 4) {
    throw new TaperError('option_invalid', 'The type of a note key is 1 (log) or 4 (witness).');
  }
  const material = new Uint8Array(MATERIAL_LENGTH);
  material[0] = type;
  material.set(keyBytes(key), 1);
  const id = keyIdOf(name, material);
  const text = `${name}+${hexOfId(id)}+${encodeBase64(material)}`;
  return Object.freeze({ name, id, type, key, text });
}

/**
 * Reads a verifier key (C2SP signed-note). `undefined` when it is malformed, its key ID is not that of its name and key, its type
 * is neither 1 nor 4, or its key is weak. Never throws.
 */
export function parseNoteKey(vkey: string): NoteKey | undefined {
  if (typeof vkey !== 'string') return undefined;
  const first = vkey.indexOf('+');
  const second = vkey.indexOf('+', first + 1);
  if (first === -1 || second === -1) return undefined;
  const name = vkey.slice(0, first);
  const hex = vkey.slice(first + 1, second);
  const base64 = vkey.slice(second + 1); // in which plus signs are digits
  if (!isNoteKeyName(name) || !/^[0-9a-f]{8}$/.test(hex)) return undefined;
  const material = base64.length > 64 ? undefined : decodeBase64(base64);
  if (material?.length !== MATERIAL_LENGTH) return undefined;
  const type = material[0];
  if (type !== 1 && type !== 4) return undefined;
  if (hexOfId(keyIdOf(name, material)) !== hex) return undefined;
  const x = platform.encodeBase64url(material.subarray(1));
  const key = readPublicKey({ kty: 'OKP', crv: 'Ed25519', x });
  return typeof key === 'string' ? undefined : noteKey(name, key, type);
}

function keyIdOf(name: string, material: Uint8Array): number {
  const prefix = UTF8.encode(`${name}\n`);
  const input = new Uint8Array(prefix.length + material.length);
  input.set(prefix);
  input.set(material, prefix.length);
  const digest = platform.digest(input);
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

function hexOfId(id: number): string {
  return id.toString(16).padStart(8, '0');
}

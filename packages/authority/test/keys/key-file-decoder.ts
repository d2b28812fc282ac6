import { createCipheriv, createDecipheriv, scryptSync } from 'node:crypto';
import { canonicalize } from '@taper/core';

/** A key file as docs/keys.md describes it, read and written by means of the document alone. */
export interface KeyFileJson {
  type: string;
  version: number;
  public: Record<string, string>;
  kdf: { name: string; n: number; r: number; p: number; salt: string };
  cipher: { name: string; nonce: string };
  ciphertext?: string;
}

function contextOf(file: KeyFileJson, passphrase: string) {
  const { n, r, p, salt } = file.kdf;
  const key = scryptSync(passphrase, Buffer.from(salt, 'base64url'), 32, {
    N: n,
    r,
    p,
    maxmem: 2 ** 30,
  });
  const { ciphertext: _, ...clear } = file;
  return {
    key,
    nonce: Buffer.from(file.cipher.nonce, 'base64url'),
    data: Buffer.from(`taper-key-v1:${canonicalize(clear)}`),
  };
}

/** PKCS #8 of the private key. */
export function unsealByHand(file: KeyFileJson, passphrase: string): Buffer {
  const { key, nonce, data } = contextOf(file, passphrase);
  const bytes = Buffer.from(file.ciphertext ?? '', 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(data);
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
}

/** The file with other content sealed in it, authentically. */
export function sealByHand(file: KeyFileJson, passphrase: string, pkcs8: Uint8Array): KeyFileJson {
  const { key, nonce, data } = contextOf(file, passphrase);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(data);
  const bytes = Buffer.concat([cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]);
  return { ...file, ciphertext: bytes.toString('base64url') };
}

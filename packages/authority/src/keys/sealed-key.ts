import { createCipheriv, createDecipheriv, type KeyObject, randomBytes, scrypt } from 'node:crypto';
import { type JsonObject, KeyStoreError } from '@taper/core';
import {
  associatedData,
  MAX_KEY_FILE,
  readKeyFile,
  type ScryptCost,
  type SealedKey,
  writeKeyFile,
} from './key-file-format.ts';
import { type PassphraseSource, takePassphrase } from './passphrase.ts';
import { readPrivateFile } from './private-file.ts';

const TAG = 16;

/** What stands in a key file. @throws {KeyStoreError} `missing`, `permissions`, `unreadable`, `malformed`, `version`, `parameters`. */
export async function loadSealed(path: string): Promise<SealedKey> {
  const bytes = await readPrivateFile(path, MAX_KEY_FILE);
  return readKeyFile(bytes.toString('utf8'), path);
}

/** The text of a key file. */
export async function sealKey(
  privateKey: KeyObject,
  jwk: JsonObject,
  cost: ScryptCost,
  passphrase: Uint8Array,
): Promise<string> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const clear = { public: jwk, cost, salt, nonce };
  const key = await deriveKey(passphrase, salt, cost);
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  try {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
    cipher.setAAD(associatedData(clear));
    const ciphertext = Buffer.concat([cipher.update(der), cipher.final(), cipher.getAuthTag()]);
    return writeKeyFile({ ...clear, ciphertext });
  } finally {
    key.fill(0);
    der.fill(0);
  }
}

/**
 * The private key of a key file.
 * @param read makes it of its PKCS #8; `undefined` unless it is the private half of the key that the file names.
 * @throws {KeyStoreError} `passphrase`, `key_mismatch`.
 */
export async function unsealKey(
  sealed: SealedKey,
  path: string,
  source: PassphraseSource,
  read: (der: Buffer) => KeyObject | undefined,
): Promise<KeyObject> {
  const passphrase = await takePassphrase(source, 'open');
  let key: Buffer | undefined;
  let der: Buffer | undefined;
  try {
    key = await deriveKey(passphrase, sealed.salt, sealed.cost);
    der = decrypt(sealed, key, path);
    const privateKey = read(der);
    if (privateKey !== undefined) return privateKey;
    throw new KeyStoreError('key_mismatch', `${path} holds another key than it names.`, {
      hint: 'Restore it from its backup.',
    });
  } finally {
    passphrase.fill(0);
    key?.fill(0);
    der?.fill(0);
  }
}

function decrypt(sealed: SealedKey, key: Uint8Array, path: string): Buffer {
  const { nonce, ciphertext } = sealed;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  decipher.setAAD(associatedData(sealed));
  decipher.setAuthTag(ciphertext.subarray(-TAG));
  const clear = decipher.update(ciphertext.subarray(0, -TAG));
  try {
    decipher.final();
    return clear;
  } catch {
    clear.fill(0);
    throw new KeyStoreError(
      'passphrase',
      `The passphrase does not open ${path}, or the file was changed.`,
      {
        hint: 'Check that passphrase and key file belong together, or restore both from their backup.',
      },
    );
  }
}

/** In the thread pool. Memory is what the cost says, and bounded by `isAdmissibleCost`. */
function deriveKey(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { n, r, p }: ScryptCost,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: n, r, p, maxmem: 128 * n * r + 128 * r * p + 2 ** 20 };
    scrypt(passphrase, salt, 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(new KeyStoreError('unreadable', 'A key could not be derived.', { cause: error }));
    });
  });
}

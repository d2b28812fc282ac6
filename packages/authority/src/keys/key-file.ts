import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scrypt,
  sign as signBytes,
} from 'node:crypto';
import {
  type Algorithm,
  importPublicKey,
  KeyStoreError,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyingSigner,
} from '@taper/core';
import {
  associatedData,
  DEFAULT_COST,
  isAdmissibleCost,
  MAX_KEY_FILE,
  readKeyFile,
  type ScryptCost,
  type SealedKey,
  writeKeyFile,
} from './key-file-format.ts';
import { type PassphraseSource, takePassphrase } from './passphrase.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

export interface OpenKeyFileOptions {
  readonly path: string;
  readonly passphrase: PassphraseSource;
}

export interface CreateKeyFileOptions extends OpenKeyFileOptions {
  /** Default `Ed25519`. */
  readonly alg?: Algorithm;
  /** Default n = 2^17, r = 8, p = 1: 128 MiB. */
  readonly cost?: ScryptCost;
}

const TAG = 16;

/**
 * Makes a key and seals it in a new file (docs/keys.md), mode 0600. The key is never a string, and what held it is wiped; one copy
 * stays in OpenSSL's memory for as long as the signer is used.
 *
 * @returns the signer, which verifies what it signs.
 * @throws {KeyStoreError} `exists`, `unwritable`, `passphrase`; TaperError `option_invalid`.
 */
export async function createKeyFile(options: CreateKeyFileOptions): Promise<Signer> {
  requireKnownOptions(options, ['path', 'passphrase', 'alg', 'cost']);
  const { path, alg = 'Ed25519', cost = DEFAULT_COST } = options;
  if (!isAdmissibleCost(cost)) {
    throw new TaperError('option_invalid', 'This cost of scrypt is not accepted.', {
      hint: 'Leave it out, or use n = 2^14 to 2^18, r = 8, p = 1 to 4.',
    });
  }
  const privateKey = generatePrivateKey(alg);
  const passphrase = await takePassphrase(options.passphrase, 'seal');
  try {
    const publicKey = publicHalf(privateKey);
    await writePrivateFile(path, await seal(privateKey, publicKey, cost, passphrase), false);
    return signerOf(privateKey, publicKey);
  } finally {
    passphrase.fill(0);
  }
}

/**
 * Opens a key file.
 *
 * @returns the signer, which verifies what it signs.
 * @throws {KeyStoreError} `missing`, `permissions`, `unreadable`, `malformed`, `version`, `parameters`; `passphrase` when it is
 * wrong or anything in the file was changed; `key_mismatch` when the key is not the one that the file names.
 */
export async function openKeyFile(options: OpenKeyFileOptions): Promise<Signer> {
  requireKnownOptions(options, ['path', 'passphrase']);
  const { sealed, privateKey } = await unseal(options.path, options.passphrase);
  return signerOf(privateKey, sealed.publicKey);
}

/** The public half that a key file names. No passphrase is needed, and so it is only as authentic as the file. @throws as {@link openKeyFile}. */
export async function unsafeKeyFilePublicKey(path: string): Promise<PublicKey> {
  return (await load(path)).publicKey;
}

/**
 * Seals the same key under another passphrase, in one step: whatever happens, the file opens with the old one or the new one.
 * @throws as {@link openKeyFile}; `unwritable`.
 */
export async function changeKeyFilePassphrase(
  options: OpenKeyFileOptions & { readonly newPassphrase: PassphraseSource },
): Promise<void> {
  requireKnownOptions(options, ['path', 'passphrase', 'newPassphrase']);
  const { sealed, privateKey } = await unseal(options.path, options.passphrase);
  const passphrase = await takePassphrase(options.newPassphrase, 'seal');
  try {
    const text = await seal(privateKey, sealed.publicKey, sealed.cost, passphrase);
    await writePrivateFile(options.path, text, true);
  } finally {
    passphrase.fill(0);
  }
}

async function load(path: string): Promise<SealedKey> {
  const bytes = await readPrivateFile(path, MAX_KEY_FILE);
  return readKeyFile(bytes.toString('utf8'), path);
}

async function seal(
  privateKey: KeyObject,
  publicKey: PublicKey,
  cost: ScryptCost,
  passphrase: Uint8Array,
): Promise<string> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const clear = { publicKey, cost, salt, nonce };
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

async function unseal(
  path: string,
  source: PassphraseSource,
): Promise<{ sealed: SealedKey; privateKey: KeyObject }> {
  const sealed = await load(path);
  const passphrase = await takePassphrase(source, 'open');
  let key: Buffer | undefined;
  let der: Buffer | undefined;
  try {
    key = await deriveKey(passphrase, sealed.salt, sealed.cost);
    der = decrypt(sealed, key, path);
    const privateKey = readPkcs8(der, sealed.publicKey);
    if (privateKey === undefined) {
      throw new KeyStoreError('key_mismatch', `${path} holds another key than it names.`, {
        hint: 'Restore it from its backup.',
      });
    }
    return { sealed, privateKey };
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

function generatePrivateKey(alg: Algorithm): KeyObject {
  if (alg === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  throw new TaperError('option_invalid', 'No key can be made for this algorithm.', {
    hint: 'Use Ed25519 or ES256.',
  });
}

/** `undefined` unless it is the private half of this key. */
function readPkcs8(der: Buffer, { thumbprint }: PublicKey): KeyObject | undefined {
  try {
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return publicHalf(privateKey).thumbprint === thumbprint ? privateKey : undefined;
  } catch {
    return undefined;
  }
}

function publicHalf(privateKey: KeyObject): PublicKey {
  return importPublicKey(createPublicKey(privateKey).export({ format: 'jwk' }));
}

function signerOf(privateKey: KeyObject, publicKey: PublicKey): Signer {
  const sign =
    publicKey.alg === 'Ed25519'
      ? (input: Uint8Array) => signBytes(null, input, privateKey)
      : (input: Uint8Array) =>
          signBytes('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return verifyingSigner(Object.freeze({ publicKey, sign }));
}

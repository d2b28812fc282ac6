import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto';
import {
  type Algorithm,
  importPublicKey,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyingSigner,
} from '@taper/core';
import {
  DEFAULT_COST,
  isAdmissibleCost,
  malformed,
  type ScryptCost,
  type SealedKey,
} from './key-file-format.ts';
import { type PassphraseSource, takePassphrase } from './passphrase.ts';
import { writePrivateFile } from './private-file.ts';
import { loadSealed, sealKey, unsealKey } from './sealed-key.ts';

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
    const text = await sealKey(privateKey, { ...publicKey.jwk }, cost, passphrase);
    await writePrivateFile(path, text, false);
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
  const { publicKey, privateKey } = await unseal(options.path, options.passphrase);
  return signerOf(privateKey, publicKey);
}

/** The public half that a key file names. No passphrase is needed, and so it is only as authentic as the file. @throws as {@link openKeyFile}. */
export async function unsafeKeyFilePublicKey(path: string): Promise<PublicKey> {
  return publicKeyIn(await loadSealed(path), path);
}

/**
 * Seals the same key under another passphrase, in one step: whatever happens, the file opens with the old one or the new one.
 * @throws as {@link openKeyFile}; `unwritable`.
 */
export async function changeKeyFilePassphrase(
  options: OpenKeyFileOptions & { readonly newPassphrase: PassphraseSource },
): Promise<void> {
  requireKnownOptions(options, ['path', 'passphrase', 'newPassphrase']);
  const { publicKey, cost, privateKey } = await unseal(options.path, options.passphrase);
  const passphrase = await takePassphrase(options.newPassphrase, 'seal');
  try {
    const text = await sealKey(privateKey, { ...publicKey.jwk }, cost, passphrase);
    await writePrivateFile(options.path, text, true);
  } finally {
    passphrase.fill(0);
  }
}

async function unseal(
  path: string,
  source: PassphraseSource,
): Promise<{ publicKey: PublicKey; privateKey: KeyObject; cost: ScryptCost }> {
  const sealed = await loadSealed(path);
  const publicKey = publicKeyIn(sealed, path);
  const privateKey = await unsealKey(sealed, path, source, (der) => readPkcs8(der, publicKey));
  return { publicKey, privateKey, cost: sealed.cost };
}

function publicKeyIn({ public: jwk }: SealedKey, path: string): PublicKey {
  try {
    return importPublicKey(jwk);
  } catch (cause) {
    if (cause instanceof TaperError) throw malformed(path, cause);
    throw cause;
  }
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

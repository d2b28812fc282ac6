import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto';
import {
  checkHybridKey,
  type HybridKey,
  type HybridSigner,
  type JsonObject,
  requireKnownOptions,
  TaperError,
} from '@taper/core';
import type { CreateKeyFileOptions, OpenKeyFileOptions } from './key-file.ts';
import { DEFAULT_COST, isAdmissibleCost, malformed, type SealedKey } from './key-file-format.ts';
import { takePassphrase } from './passphrase.ts';
import { writePrivateFile } from './private-file.ts';
import { loadSealed, sealKey, unsealKey } from './sealed-key.ts';

/** What begins every text that a second root key signs (spec/hybrid-roots.md section 2). */
const DOMAIN = new TextEncoder().encode('taper-hybrid-root-v1:');

/**
 * Makes the second key of a hybrid root, ML-DSA-65, and seals it in a new file as `createKeyFile` does.
 * @returns a signer that signs roots and nothing else.
 * @throws {KeyStoreError} `exists`, `unwritable`, `passphrase`; TaperError `option_invalid`, also where the platform has no ML-DSA.
 */
export async function createHybridKeyFile(
  options: Omit<CreateKeyFileOptions, 'alg'>,
): Promise<HybridSigner> {
  requireKnownOptions(options, ['path', 'passphrase', 'cost']);
  const { path, cost = DEFAULT_COST } = options;
  if (!isAdmissibleCost(cost))
    throw new TaperError('option_invalid', 'This cost of scrypt is not accepted.', {
      hint: 'Leave it out, or use n = 2^14 to 2^18, r = 8, p = 1 to 4.',
    });
  const { privateKey } = generateKeyPairSync('ml-dsa-65');
  const passphrase = await takePassphrase(options.passphrase, 'seal');
  try {
    await writePrivateFile(
      path,
      await sealKey(privateKey, publicHalf(privateKey), cost, passphrase),
      false,
    );
    return signerOf(privateKey);
  } finally {
    passphrase.fill(0);
  }
}

/** Opens such a file. @throws as `openKeyFile`. */
export async function openHybridKeyFile(options: OpenKeyFileOptions): Promise<HybridSigner> {
  requireKnownOptions(options, ['path', 'passphrase']);
  const { path, passphrase } = options;
  const sealed = await loadSealed(path);
  const { key } = hybridKeyIn(sealed, path);
  return signerOf(
    await unsealKey(sealed, path, passphrase, (der) => {
      const privateKey = readPkcs8(der);
      return privateKey !== undefined && publicHalf(privateKey)['pub'] === key
        ? privateKey
        : undefined;
    }),
  );
}

function hybridKeyIn({ public: jwk }: SealedKey, path: string): HybridKey {
  const { kty, alg, pub, ...rest } = jwk;
  if (kty !== 'AKP' || alg !== 'ML-DSA-65' || Object.keys(rest).length > 0) throw malformed(path);
  try {
    return checkHybridKey({ alg, key: pub as string });
  } catch (cause) {
    throw malformed(path, cause);
  }
}

function readPkcs8(der: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
}

/** A JWK of type AKP, without anything that is private. */
function publicHalf(privateKey: KeyObject): JsonObject {
  const { kty, alg, pub } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { kty, alg, pub } as JsonObject;
}

/** That the signature verifies is checked by whoever issues the root. */
function signerOf(privateKey: KeyObject): HybridSigner {
  const key = checkHybridKey({ alg: 'ML-DSA-65', key: publicHalf(privateKey)['pub'] as string });
  return Object.freeze({
    key,
    sign(input: Uint8Array): Uint8Array {
      if (!DOMAIN.every((byte, at) => input[at] === byte))
        throw new TaperError('signing_failed', 'This is nothing that a second root key signs.', {
          hint: 'It signs root tokens, beside the first one, and nothing else.',
        });
      return signBytes(null, input, privateKey);
    },
  });
}

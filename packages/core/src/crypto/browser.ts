import { decodeBase64url, encodeBase64url, isStrictBase64url } from '../base64url.ts';
import { TaperError } from '../error.ts';
import type { HybridKey, HybridSigner } from '../hybrid/key.ts';
import { importPublicKey, keyBytes, type PublicKey } from '../key.ts';
import { mismatchedPrivateKey, type PrivateJwk, readPrivateJwk } from '../private-key.ts';
import { sha256 } from '../sha256.ts';
import { canonicalSignature } from '../signature.ts';
import type { Algorithm, HybridPrivateJwk, PlatformCrypto, Signer } from './port.ts';

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const ALGORITHMS: Readonly<Record<Algorithm, { name: 'Ed25519' } | typeof ES256>> = {
  Ed25519: { name: 'Ed25519' },
  ES256,
};

const cryptoKeys = new WeakMap<PublicKey, Promise<CryptoKey>>();

function cryptoKeyOf(key: PublicKey): Promise<CryptoKey> {
  let imported = cryptoKeys.get(key);
  if (imported === undefined) {
    imported = crypto.subtle.importKey('raw', owned(keyBytes(key)), ALGORITHMS[key.alg], true, [
      'verify',
    ]);
    cryptoKeys.set(key, imported);
  }
  return imported;
}

/** WebCrypto's types ask for bytes that are not shared memory; its implementations refuse shared memory themselves. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

async function verifyAsync(
  key: PublicKey,
  input: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const imported = await cryptoKeyOf(key);
    return await crypto.subtle.verify(
      ALGORITHMS[key.alg],
      imported,
      owned(signature),
      owned(input),
    );
  } catch {
    return false; // for instance x coordinates that are on no curve
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** WebCrypto, for browsers and the edge. Signatures verify asynchronously only. */
export const platform: PlatformCrypto = Object.freeze<PlatformCrypto>({
  name: 'webcrypto',
  sha256: (bytes) => encodeBase64url(sha256(bytes)),
  digest: sha256,
  decodeBase64url: (text) => (isStrictBase64url(text) ? decodeBase64url(text) : undefined),
  encodeBase64url,
  asciiBytes: (text) => {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  },
  decodeUtf8: (bytes) => {
    try {
      return utf8.decode(owned(bytes));
    } catch {
      return undefined;
    }
  },
  verify: undefined,
  verifyAsync,
  verifyMlDsa65: undefined,
});

/**
 * A signer for a private JWK or for a `CryptoKeyPair`, whose private key may be non-extractable (from
 * {@link generateKeyPair}, or kept in IndexedDB). A JWK is imported as non-extractable.
 *
 * @throws TaperError `key_invalid` when the key is malformed, not for signing, or its halves do not belong together; `key_weak`.
 */
export async function createSigner(privateJwkOrPair: unknown): Promise<Signer> {
  const { publicKey, privateKey } = isCryptoKeyPair(privateJwkOrPair)
    ? await readCryptoKeyPair(privateJwkOrPair)
    : await importPrivateJwk(privateJwkOrPair);
  const { alg } = publicKey;
  const sign = async (input: Uint8Array): Promise<Uint8Array> => {
    let signature: ArrayBuffer;
    try {
      signature = await crypto.subtle.sign(ALGORITHMS[alg], privateKey, owned(input));
    } catch (cause) {
      throw new TaperError('signing_failed', 'Signing failed.', { cause });
    }
    return canonicalSignature(alg, new Uint8Array(signature));
  };
  await proveThatHalvesMatch(publicKey, sign);
  return Object.freeze({ publicKey, sign });
}

/**
 * A fresh key pair. With `extractable: false` the private key never leaves WebCrypto: the result holds a
 * `keyPair` for {@link createSigner}. Otherwise it holds a `privateJwk`, as on Node, which is secret.
 */
export async function generateKeyPair(
  alg: Algorithm | undefined,
  options: { extractable: false },
): Promise<{ keyPair: CryptoKeyPair; publicKey: PublicKey }>;
export async function generateKeyPair(
  alg?: Algorithm,
  options?: { extractable?: true },
): Promise<{ privateJwk: PrivateJwk; publicKey: PublicKey }>;
export async function generateKeyPair(
  alg: Algorithm = 'Ed25519',
  options: { extractable?: boolean } = {},
): Promise<{ keyPair?: CryptoKeyPair; privateJwk?: PrivateJwk; publicKey: PublicKey }> {
  if (alg !== 'Ed25519' && alg !== 'ES256') {
    throw new TaperError('option_invalid', 'No key can be made for this algorithm.', {
      hint: 'Use Ed25519 or ES256.',
    });
  }
  const extractable = options.extractable ?? true;
  const keyPair = (await crypto.subtle.generateKey(ALGORITHMS[alg], extractable, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  if (!extractable) return { keyPair, publicKey: await exportPublicKey(keyPair.publicKey) };
  // `alg` of the export is left out: WebCrypto implementations have disagreed about its value for Ed25519.
  const { alg: _, ...exported } = await crypto.subtle.exportKey('jwk', keyPair.privateKey);
  const { publicKey, privateJwk } = readPrivateJwk(exported);
  return { privateJwk, publicKey };
}

function isCryptoKeyPair(value: unknown): value is CryptoKeyPair {
  if (typeof value !== 'object' || value === null) return false;
  const { publicKey, privateKey } = value as Partial<CryptoKeyPair>;
  return publicKey instanceof CryptoKey && privateKey instanceof CryptoKey;
}

async function readCryptoKeyPair(
  pair: CryptoKeyPair,
): Promise<{ publicKey: PublicKey; privateKey: CryptoKey }> {
  return { publicKey: await exportPublicKey(pair.publicKey), privateKey: pair.privateKey };
}

async function exportPublicKey(key: CryptoKey): Promise<PublicKey> {
  let exported: JsonWebKey;
  try {
    exported = await crypto.subtle.exportKey('jwk', key);
  } catch (cause) {
    throw new TaperError('key_invalid', 'The public key cannot be exported.', {
      hint: 'Import or generate the public half as extractable.',
      cause,
    });
  }
  const { kty, crv, x, y } = exported;
  return importPublicKey(kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x });
}

async function importPrivateJwk(
  jwk: unknown,
): Promise<{ publicKey: PublicKey; privateKey: CryptoKey }> {
  const { publicKey, privateJwk } = readPrivateJwk(jwk);
  const algorithm = ALGORITHMS[publicKey.alg];
  try {
    const privateKey = await crypto.subtle.importKey('jwk', privateJwk, algorithm, false, ['sign']);
    return { publicKey, privateKey };
  } catch {
    throw mismatchedPrivateKey();
  }
}

/**
 * WebCrypto does not derive public keys, and implementations differ in whether they compare `d` with `x`.
 * So one signature over fixed bytes must verify. It is dropped: made under a foreign public key it could betray `d`.
 */
async function proveThatHalvesMatch(
  publicKey: PublicKey,
  sign: (input: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const probe = platform.asciiBytes('taper: do the two halves of this key belong together?');
  const belong = await sign(probe).then(
    (signature) => verifyAsync(publicKey, probe, signature),
    () => false,
  );
  if (!belong) throw mismatchedPrivateKey();
}

/** Browsers make no post-quantum signatures yet. @throws TaperError `option_invalid`, always. */
export function createHybridSigner(_privateJwk: unknown): HybridSigner {
  throw withoutMlDsa();
}

/** As {@link createHybridSigner}. @throws TaperError `option_invalid`, always. */
export function generateHybridKeyPair(): { privateJwk: HybridPrivateJwk; key: HybridKey } {
  throw withoutMlDsa();
}

function withoutMlDsa(): TaperError {
  return new TaperError('option_invalid', 'This platform has no ML-DSA-65.', {
    hint: 'Hybrid roots are issued and verified on Node 24.',
  });
}

import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { createRequire } from 'node:module';
import { TaperError } from '../error.ts';
import { checkHybridKey, type HybridKey, type HybridSigner } from '../hybrid/key.ts';
import { keyBytes, type PublicKey } from '../key.ts';
import { mismatchedPrivateKey, type PrivateJwk, readPrivateJwk } from '../private-key.ts';
import { canonicalSignature } from '../signature.ts';
import type {
  Algorithm,
  HybridPrivateJwk,
  PlatformCrypto,
  SignatureVerifier,
  Signer,
} from './port.ts';

const keyObjects = new WeakMap<PublicKey, KeyObject>();

function keyObjectOf(key: PublicKey): KeyObject {
  let object = keyObjects.get(key);
  if (object === undefined) {
    object = createPublicKey({ key: key.jwk, format: 'jwk' });
    keyObjects.set(key, object);
  }
  return object;
}

function verifyWithOpenSsl(key: PublicKey, input: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (key.alg === 'Ed25519') return verifyBytes(null, input, keyObjectOf(key), signature);
    return verifyBytes(
      'sha256',
      input,
      { key: keyObjectOf(key), dsaEncoding: 'ieee-p1363' },
      signature,
    );
  } catch {
    return false; // for instance x coordinates that OpenSSL finds on no curve
  }
}

/** The part of `sodium-native` that is used; it ships no types. */
interface Sodium {
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  crypto_sign_seed_keypair(key: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
  /** Memory that is locked, guarded, and wiped when it is freed. */
  sodium_malloc(length: number): Buffer;
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
}

/** `undefined` when the optional peer is absent, does not load, or fails its known answers. */
function loadSodium(): Sodium | undefined {
  try {
    const library = createRequire(import.meta.url)('sodium-native') as Sodium;
    return knowsItsAnswers(library) ? library : undefined;
  } catch {
    return undefined;
  }
}

function sodiumVerifier(library: Sodium): SignatureVerifier {
  return (key, input, signature) => {
    if (key.alg !== 'Ed25519') return verifyWithOpenSsl(key, input, signature);
    try {
      // sodium-native would read 64 bytes of a longer buffer
      return (
        signature.length === 64 &&
        library.crypto_sign_verify_detached(signature, input, keyBytes(key)) === true
      );
    } catch {
      return false;
    }
  };
}

/** The function that signs with an Ed25519 key, whose seed it wipes; the key is kept in memory that libsodium guards. */
function sodiumSigner(library: Sodium, seed: Uint8Array): (input: Uint8Array) => Uint8Array {
  const secretKey = library.sodium_malloc(64);
  library.crypto_sign_seed_keypair(Buffer.alloc(32), secretKey, seed);
  seed.fill(0);
  return (input) => {
    const signature = new Uint8Array(64);
    library.crypto_sign_detached(signature, input, secretKey);
    return signature;
  };
}

/**
 * RFC 8032 section 7.1, test 2: verified, refused with one bit of signature, message or key changed, and signed.
 */
function knowsItsAnswers(sodium: Sodium): boolean {
  const seed = Buffer.from(
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    'hex',
  );
  const key = Buffer.from(
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    'hex',
  );
  const message = Buffer.from('72', 'hex');
  const signature = Buffer.from(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    'hex',
  );
  const verify = sodium.crypto_sign_verify_detached;
  return (
    verify(signature, message, key) === true &&
    verify(flipFirstBit(signature), message, key) === false &&
    verify(signature, flipFirstBit(message), key) === false &&
    verify(signature, message, flipFirstBit(key)) === false &&
    signature.equals(sodiumSigner(sodium, seed)(message))
  );
}

function flipFirstBit(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[0] = (changed[0] as number) ^ 1;
  return changed;
}

/** The key is read each time: roots are cached, and there is one for each chain. */
function verifyMlDsa65(pub: string, input: Uint8Array, signature: Uint8Array): boolean {
  try {
    const jwk = { kty: 'AKP', alg: 'ML-DSA-65', pub };
    return verifyBytes(null, input, createPublicKey({ key: jwk, format: 'jwk' }), signature);
  } catch {
    return false; // for instance a Node whose OpenSSL is older than 3.5
  }
}

function platformWith(name: string, verify: SignatureVerifier): PlatformCrypto {
  return Object.freeze<PlatformCrypto>({
    name,
    sha256: (bytes) => hash('sha256', bytes, 'base64url'),
    digest: (bytes) => {
      // By way of a string, which takes less than half the time; not as a Buffer, whose slice() is no copy.
      const text = hash('sha256', bytes, 'binary');
      const digest = new Uint8Array(32);
      for (let at = 0; at < 32; at++) digest[at] = text.charCodeAt(at);
      return digest;
    },
    decodeBase64url: (text) => {
      // Buffer skips what it does not know and drops trailing bits, so only a text that comes back unchanged was strict.
      const bytes = Buffer.from(text, 'base64url');
      return bytes.toString('base64url') === text ? bytes : undefined;
    },
    encodeBase64url: (bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url'),
    asciiBytes: (text) => Buffer.from(text, 'latin1'),
    decodeUtf8: (bytes) => {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (isAscii(buffer)) return buffer.toString('latin1');
      return isUtf8(buffer) ? buffer.toString('utf8') : undefined;
    },
    verify,
    verifyAsync: async (key, input, signature) => verify(key, input, signature),
    verifyMlDsa65,
  });
}

/** Everything through OpenSSL. */
export const nodePlatform: PlatformCrypto = platformWith('node:crypto', verifyWithOpenSsl);

const sodium = loadSodium();

/** Ed25519 through libsodium, all else through OpenSSL; `undefined` where `sodium-native` is not installed or not sound. */
export const sodiumPlatform: PlatformCrypto | undefined =
  sodium === undefined ? undefined : platformWith('sodium-native', sodiumVerifier(sodium));

/** The quickest implementation that this machine has. */
export const platform: PlatformCrypto = sodiumPlatform ?? nodePlatform;

/**
 * A signer for a private JWK (`kty`, `crv`, `x`, `y` for P-256, `d`). Signs synchronously, Ed25519 through libsodium where it
 * is installed. The private key stays in a key object, or in memory that libsodium guards; nothing reachable from the signer refers to it.
 *
 * @throws TaperError `key_invalid` when the JWK is malformed, not for signing, or `d` is of another key; `key_weak`.
 */
export function createSigner(privateJwk: unknown): Signer {
  const { publicKey, privateJwk: jwk } = readPrivateJwk(privateJwk);
  const privateKey = importPrivateKey(jwk);
  if (privateKey === undefined) throw mismatchedPrivateKey();
  const { alg } = publicKey;
  const signEd25519 =
    sodium === undefined || alg !== 'Ed25519'
      ? (input: Uint8Array) => signBytes(null, input, privateKey)
      : sodiumSigner(sodium, Buffer.from(jwk.d, 'base64url'));
  const sign = (input: Uint8Array): Uint8Array => {
    try {
      if (alg === 'Ed25519') return signEd25519(input);
      const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return canonicalSignature(alg, signBytes('sha256', input, options));
    } catch (cause) {
      throw new TaperError('signing_failed', 'Signing failed.', { cause });
    }
  };
  return Object.freeze({ publicKey, sign });
}

/** `undefined` when `d` is out of range or not of the public members. The public half is derived from `d`, never taken on trust. */
function importPrivateKey(jwk: PrivateJwk): KeyObject | undefined {
  try {
    if (jwk.kty === 'EC') {
      const scalar = createECDH('prime256v1');
      scalar.setPrivateKey(jwk.d, 'base64url');
      const point = scalar.getPublicKey();
      if (point.subarray(1, 33).toString('base64url') !== jwk.x) return undefined;
      if (point.subarray(33).toString('base64url') !== jwk.y) return undefined;
      return createPrivateKey({ key: jwk, format: 'jwk' });
    }
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    return createPublicKey(privateKey).export({ format: 'jwk' }).x === jwk.x
      ? privateKey
      : undefined;
  } catch {
    return undefined;
  }
}

/** A fresh key pair from the operating system's randomness. `privateJwk` is secret: seal it or hand it to {@link createSigner} and drop it. */
export function generateKeyPair(alg: Algorithm = 'Ed25519'): {
  privateJwk: PrivateJwk;
  publicKey: PublicKey;
} {
  if (alg !== 'Ed25519' && alg !== 'ES256') {
    throw new TaperError('option_invalid', 'No key can be made for this algorithm.', {
      hint: 'Use Ed25519 or ES256.',
    });
  }
  const { privateKey } =
    alg === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { publicKey, privateJwk } = readPrivateJwk(privateKey.export({ format: 'jwk' }));
  return { privateJwk, publicKey };
}

/**
 * A signer of second signatures for a private JWK (`kty` AKP, `alg` ML-DSA-65, `pub`, `priv`). The private key stays in a key object.
 * @throws TaperError `key_invalid` when the JWK is malformed, or its halves do not belong together.
 */
export function createHybridSigner(privateJwk: unknown): HybridSigner {
  try {
    const { kty, alg, pub, priv } = privateJwk as HybridPrivateJwk;
    const jwk = { kty, alg, pub, priv };
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const own = createPublicKey(privateKey).export({ format: 'jwk' });
    if (kty !== 'AKP' || alg !== 'ML-DSA-65' || own['pub'] !== pub) throw new Error('other key');
    const key = checkHybridKey({ alg, key: pub });
    return Object.freeze({ key, sign: (input: Uint8Array) => signBytes(null, input, privateKey) });
  } catch {
    // Without its cause, which may show the key.
    throw new TaperError('key_invalid', 'This is no private ML-DSA-65 key.', {
      hint: 'Expected a JWK with kty AKP, alg ML-DSA-65, pub and priv (base64url of the 32-byte seed).',
    });
  }
}

/** A fresh ML-DSA-65 key pair. `privateJwk` is secret. @throws TaperError `option_invalid` where this Node has no ML-DSA. */
export function generateHybridKeyPair(): { privateJwk: HybridPrivateJwk; key: HybridKey } {
  try {
    const { privateKey } = generateKeyPairSync('ml-dsa-65');
    const privateJwk = privateKey.export({ format: 'jwk' }) as unknown as HybridPrivateJwk;
    return { privateJwk, key: checkHybridKey({ alg: privateJwk.alg, key: privateJwk.pub }) };
  } catch (cause) {
    throw new TaperError('option_invalid', 'This Node has no ML-DSA-65.', {
      hint: 'Use Node 24 with OpenSSL 3.5 or later.',
      cause,
    });
  }
}

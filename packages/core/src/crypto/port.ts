import type { PublicKey } from '../key.ts';

/** Signature algorithms that Taper makes and accepts (RFC 9864 and RFC 7518 names). Nothing else is ever accepted. */
export type Algorithm = 'Ed25519' | 'ES256';

/**
 * Checks one signature. Callers have already refused weak keys, wrong lengths and malleable forms
 * (`signature.ts`), so every implementation gives the same verdict.
 *
 * `key` has passed `importPublicKey`; `input` is the JWS Signing Input as bytes; `signature` is 64 bytes:
 * R || S for Ed25519 (RFC 8032), r || s for ES256 (RFC 7518 section 3.4).
 */
export type SignatureVerifier = (
  key: PublicKey,
  input: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** As {@link SignatureVerifier}, where the platform is asynchronous (WebCrypto). */
export type AsyncSignatureVerifier = (
  key: PublicKey,
  input: Uint8Array,
  signature: Uint8Array,
) => Promise<boolean>;

/**
 * A private key that can sign: in memory, in a KMS, in a token device. Taper never sees the key itself.
 */
export interface Signer {
  /** The public half; what verifiers will use. */
  readonly publicKey: PublicKey;
  /** Signs the bytes as they are. Returns 64 bytes: R || S (Ed25519) or r || s (ES256, any S; Taper makes it canonical). */
  sign(input: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A private ML-DSA-65 key as a JWK. `priv` is the seed: base64url of 32 bytes, secret. */
export interface HybridPrivateJwk {
  readonly kty: 'AKP';
  readonly alg: 'ML-DSA-65';
  readonly pub: string;
  readonly priv: string;
}

/** What core needs of the platform. `#crypto` resolves to the Node or the browser implementation. */
export interface PlatformCrypto {
  /** Which implementation answers, for reports: `sodium-native`, `node:crypto`, `webcrypto`. */
  readonly name: string;
  /** SHA-256 (FIPS 180-4) of the bytes, as 43 characters of base64url: the form in which AAT writes every digest. Synchronous everywhere. */
  sha256(bytes: Uint8Array): string;
  /** SHA-256 of the bytes, as 32 bytes. Synchronous everywhere. */
  digest(bytes: Uint8Array): Uint8Array;
  /** Decodes strict base64url (`base64url.ts`); `undefined` for any other text: padding, white space, other alphabets, non-zero trailing bits. */
  decodeBase64url(text: string): Uint8Array | undefined;
  /** Encodes without padding. */
  encodeBase64url(bytes: Uint8Array): string;
  /** ASCII text to bytes. The caller guarantees ASCII. */
  asciiBytes(text: string): Uint8Array;
  /** UTF-8 to text; `undefined` when the bytes are not UTF-8. A byte order mark is kept, not dropped. */
  decodeUtf8(bytes: Uint8Array): string | undefined;
  /** Synchronous verification, or `undefined` where the platform has none. */
  readonly verify: SignatureVerifier | undefined;
  readonly verifyAsync: AsyncSignatureVerifier;
  /** Checks an ML-DSA-65 signature with an empty context (FIPS 204); `undefined` where the platform has none. `key`: base64url of the public key. Never throws. */
  readonly verifyMlDsa65:
    | ((key: string, input: Uint8Array, signature: Uint8Array) => boolean)
    | undefined;
}

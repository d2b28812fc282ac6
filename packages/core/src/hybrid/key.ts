import { platform } from '#crypto';
import { TaperError } from '../error.ts';

/** The algorithm of second signatures (FIPS 204). */
const HYBRID_ALGORITHM = 'ML-DSA-65';

/** Bytes of an ML-DSA-65 public key and of a signature (FIPS 204 table 2). */
const PUBLIC_KEY_BYTES = 1952;
export const HYBRID_SIGNATURE_BYTES = 3309;

/** The second key of a trust anchor, whose signature roots must carry beside the first (spec/hybrid-roots.md). */
export interface HybridKey {
  readonly alg: typeof HYBRID_ALGORITHM;
  /** 1952 bytes, or base64url of them: `pub` of a JWK of type AKP. */
  readonly key: Uint8Array | string;
}

/** The private half of a {@link HybridKey}. */
export interface HybridSigner {
  readonly key: HybridKey;
  /** Signs the bytes as they are, with an empty context. Returns 3309 bytes. */
  sign(input: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A {@link HybridKey} that has the right form, as base64url. */
export interface CheckedHybridKey extends HybridKey {
  readonly key: string;
}

/**
 * Checks the form of a second key, and copies it.
 * @throws {TaperError} `key_invalid`.
 */
export function checkHybridKey(given: HybridKey): CheckedHybridKey {
  const { alg, key, ...rest } = given ?? {};
  if (alg === HYBRID_ALGORITHM && Object.keys(rest).length === 0) {
    const bytes = typeof key === 'string' ? platform.decodeBase64url(key) : key;
    if (bytes instanceof Uint8Array && bytes.length === PUBLIC_KEY_BYTES)
      return Object.freeze({ alg, key: platform.encodeBase64url(bytes) });
  }
  throw new TaperError('key_invalid', 'This is no second key of a trust anchor.', {
    hint: `Expected {"alg": "${HYBRID_ALGORITHM}", "key": …} with ${PUBLIC_KEY_BYTES} bytes, or base64url of them.`,
  });
}

import { isStrictBase64url } from './base64url.ts';
import { TaperError } from './error.ts';
import { importPublicKey, type PublicJwk, type PublicKey } from './key.ts';

/** A private JWK with its required members and nothing else; `d` is base64url of 32 bytes (RFC 8037, RFC 7518 section 6.2.2). */
export type PrivateJwk = PublicJwk & { readonly d: string };

/** A private JWK whose form has been checked. That `d` belongs to the public half is for the platform to find out. */
interface ReadPrivateJwk {
  readonly publicKey: PublicKey;
  readonly privateJwk: PrivateJwk;
}

/**
 * Checks the form of a private JWK for signing: the public half as `importPublicKey` does, `d`, and the members
 * that would forbid signing (`use`, `key_ops`, `alg`).
 *
 * @throws TaperError `key_invalid` or `key_weak`. No message or cause carries any part of `d`.
 */
export function readPrivateJwk(jwk: unknown): ReadPrivateJwk {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) {
    throw invalid(
      'The private key is no JWK.',
      'Expected an object with kty, crv, x, d, and y for P-256.',
    );
  }
  const { kty, crv, x, y, d, use, alg, key_ops: operations } = jwk as Record<string, unknown>;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('sign'))) {
    throw invalid(
      'The key_ops of the private key do not allow signing.',
      'Use a key with key_ops ["sign"], or leave key_ops out.',
    );
  }
  const claimed = kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x };
  const publicKey = importPublicKey({ ...claimed, use, alg });
  if (typeof d !== 'string' || d.length !== 43 || !isStrictBase64url(d)) {
    throw invalid(
      'The JWK has no usable private member d.',
      'Expected d as base64url of exactly 32 bytes, without padding.',
    );
  }
  return { publicKey, privateJwk: { ...publicKey.jwk, d } };
}

/** The error of a private JWK whose `d` is of another key than its public members, or out of range. */
export function mismatchedPrivateKey(): TaperError {
  return invalid(
    'The private member d does not belong to the public members of the JWK.',
    'Export the key again; do not assemble a JWK from parts of two keys.',
  );
}

function invalid(message: string, hint: string): TaperError {
  return new TaperError('key_invalid', message, { hint });
}

import { platform } from '#crypto';
import type { SignatureCheck } from './jws.ts';
import type { PublicKey } from './key.ts';
import { precheckSignature } from './signature.ts';

/**
 * Which of several keys signed a text, the first that did; `undefined` where none did, or the signature is none. Yields each check to a driver.
 * @param signature base64url of 64 bytes.
 */
export function* signedBy(
  keys: readonly PublicKey[],
  text: string,
  signature: string,
): Generator<SignatureCheck, PublicKey | undefined, boolean> {
  const bytes = platform.decodeBase64url(signature);
  if (bytes === undefined) return undefined;
  const input = UTF8.encode(text);
  for (const key of keys) {
    if (precheckSignature(key.alg, bytes) !== undefined) continue;
    if ((yield { key, input, signature: bytes }) === true) return key;
  }
  return undefined;
}

const UTF8 = new TextEncoder();

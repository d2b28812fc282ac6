import {
  canonicalSignature,
  type PublicKey,
  platform,
  precheckSignature,
  type Signer,
  TaperError,
} from '@taper/core';

/** Signs, and lets out no signature that does not verify. @throws {TaperError} `signing_failed`. */
export async function signText(signer: Signer, text: Uint8Array): Promise<Uint8Array> {
  const { publicKey } = signer;
  let signature: Uint8Array;
  try {
    // A copy of its own: signers may use their memory again.
    signature = Uint8Array.from(canonicalSignature(publicKey.alg, await signer.sign(text)));
  } catch (cause) {
    throw new TaperError('signing_failed', 'The signer failed.', { cause });
  }
  if (!isSignedBy(publicKey, text, signature))
    throw new TaperError(
      'signing_failed',
      'The signature does not verify under the key that the signer names.',
    );
  return signature;
}

/** Whether the signature has its one form and is of this key over this text. */
export function isSignedBy(key: PublicKey, text: Uint8Array, signature: Uint8Array): boolean {
  return (
    precheckSignature(key.alg, signature) === undefined &&
    platform.verify?.(key, text, signature) === true
  );
}

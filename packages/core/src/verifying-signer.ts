import { platform } from '#crypto';
import type { Signer } from './crypto/port.ts';
import { TaperError } from './error.ts';
import { isPublicKey, type PublicKey } from './key.ts';
import { canonicalSignature, precheckSignature } from './signature.ts';

/** How many ES256 signatures are remembered, to notice a nonce that is used twice. */
const REMEMBERED_NONCES = 4096;

/** Those that verify already: a driver's signer is not checked twice. */
const verifying = new WeakSet<Signer>();

/**
 * A signer whose signatures are verified before anyone sees them: a faulty one can give the private key away, and one of another
 * key makes tokens that nobody accepts. It asks the signer behind it once and never another one; it never tries again.
 *
 * Of an ES256 key it also remembers the last 4096 values of r: one that comes back with another s means that the signer used a
 * nonce twice, from which the private key follows. That signature is not released, and neither is any that follows.
 *
 * @throws TaperError `option_invalid` when the public key was not made by `importPublicKey`. Signing throws `signing_failed`.
 */
export function verifyingSigner(signer: Signer): Signer {
  if (verifying.has(signer)) return signer;
  const { publicKey } = signer;
  if (!isPublicKey(publicKey)) {
    throw new TaperError('option_invalid', 'The public key of the signer is not a checked key.', {
      hint: 'Make it with importPublicKey.',
    });
  }
  const nonces = publicKey.alg === 'ES256' ? new NonceMemory() : undefined;
  const release = (signature: Uint8Array, valid: boolean): Uint8Array => {
    if (!valid) throw notOfThisKey(publicKey);
    nonces?.remember(signature);
    return signature;
  };
  const made: Signer = Object.freeze({
    publicKey,
    sign(input: Uint8Array): Uint8Array | Promise<Uint8Array> {
      nonces?.requireSound();
      const given = ask(signer, input);
      if (!(given instanceof Promise) && platform.verify !== undefined) {
        const signature = readSignature(publicKey, given);
        return release(signature, platform.verify(publicKey, input, signature));
      }
      // The caller may use its bytes again while it waits.
      const asked = Uint8Array.from(input);
      return Promise.resolve(given).then(async (answer) => {
        const signature = readSignature(publicKey, answer);
        return release(signature, await platform.verifyAsync(publicKey, asked, signature));
      }, failed);
    },
  });
  verifying.add(made);
  return made;
}

function ask(signer: Signer, input: Uint8Array): Uint8Array | Promise<Uint8Array> {
  try {
    return signer.sign(input);
  } catch (cause) {
    return failed(cause);
  }
}

/** A copy: the bytes that were verified are the bytes that are released, whatever the signer does with its own. */
function readSignature({ alg }: PublicKey, given: Uint8Array): Uint8Array {
  const signature = canonicalSignature(alg, given);
  if (precheckSignature(alg, signature) === undefined) return Uint8Array.from(signature);
  throw new TaperError('signing_failed', 'A signer returned what cannot be a signature.', {
    hint: 'It is not released. Have the key device or service examined.',
  });
}

function failed(cause: unknown): never {
  if (cause instanceof TaperError) throw cause;
  throw new TaperError('signing_failed', 'A signer failed.', { cause });
}

function notOfThisKey({ thumbprint }: PublicKey): TaperError {
  return new TaperError(
    'signing_failed',
    `A signer returned a signature that does not verify under key ${thumbprint}; it is not released.`,
    {
      hint: 'Either the configured name leads to another key by now, or the signer is faulty: stop using it, and have it examined.',
    },
  );
}

class NonceMemory {
  readonly #seen = new Map<string, string>();
  #reused = false;

  /** @throws TaperError `signing_failed` once a nonce was seen twice. */
  requireSound(): void {
    if (!this.#reused) return;
    throw new TaperError('signing_failed', 'This signer has used a nonce twice.', {
      hint: 'Its private key can be computed from what it signed: treat the key as compromised, and replace the signer.',
    });
  }

  remember(signature: Uint8Array): void {
    const r = platform.encodeBase64url(signature.subarray(0, 32));
    const s = platform.encodeBase64url(signature.subarray(32));
    const before = this.#seen.get(r);
    this.#reused ||= before !== undefined && before !== s;
    this.requireSound();
    this.#seen.set(r, s);
    if (this.#seen.size <= REMEMBERED_NONCES) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      break;
    }
  }
}

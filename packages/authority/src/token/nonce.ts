import { createHmac, timingSafeEqual } from 'node:crypto';
import { platform, TaperError } from '@taper/core';
import type { AuthorityStore } from '../port/store.ts';

/** Seconds for which a nonce is accepted. */
export const NONCE_LIFETIME = 300;

/** Seconds that the clock of another node may be ahead. */
const SKEW = 30;

/** Bytes of the time (big-endian), of what is random, of the HMAC and of the secret. */
const TIME = 8;
const RANDOM = 16;
const MAC = 32;
const SECRET = 32;

const SETTING = 'nonce_key';

/** Makes nonces for DPoP proofs (RFC 9449 section 8) and knows its own, and those of every node with the same secret, without keeping any. */
export interface Nonces {
  /** A fresh one: base64url of time, random bytes, and their HMAC-SHA-256. */
  issue(): string;
  /** Whether it was made with this secret, and no longer than {@link NONCE_LIFETIME} ago. */
  accepts(nonce: string): boolean;
}

export interface NonceOptions {
  /** 32 random bytes that all nodes share. */
  readonly secret: Uint8Array;
  /** Seconds since the epoch. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** @throws {TaperError} `option_invalid` for a secret of another length. */
export function createNonces({ secret, clock, random }: NonceOptions): Nonces {
  if (secret.length !== SECRET)
    throw new TaperError('option_invalid', 'The secret of nonces must be 32 bytes.');
  const macOf = (bytes: Uint8Array): Buffer =>
    createHmac('sha256', secret).update('taper dpop nonce v1\n').update(bytes).digest();
  return Object.freeze({
    issue(): string {
      const bytes = Buffer.alloc(TIME + RANDOM);
      bytes.writeBigUInt64BE(BigInt(clock()));
      bytes.set(random(RANDOM), TIME);
      return platform.encodeBase64url(Buffer.concat([bytes, macOf(bytes)]));
    },
    accepts(nonce: string): boolean {
      if (nonce.length > 2 * (TIME + RANDOM + MAC)) return false;
      const decoded = platform.decodeBase64url(nonce);
      if (decoded?.length !== TIME + RANDOM + MAC) return false;
      const bytes = Buffer.from(decoded);
      const signed = bytes.subarray(0, TIME + RANDOM);
      if (!timingSafeEqual(macOf(signed), bytes.subarray(TIME + RANDOM))) return false;
      const issuedAt = Number(signed.readBigUInt64BE());
      const now = clock();
      return issuedAt <= now + SKEW && now < issuedAt + NONCE_LIFETIME;
    },
  });
}

/** The secret that all nodes on a store share; made by whoever asks first. @throws as the store does, and `store_unusable` where it is damaged. */
export async function loadNonceSecret(
  store: AuthorityStore,
  random: (length: number) => Uint8Array,
): Promise<Uint8Array> {
  const fresh = platform.encodeBase64url(random(SECRET));
  const kept = await store.transaction(async (tx) => {
    const found = await tx.findSetting(SETTING);
    if (found === undefined) await tx.putSetting(SETTING, fresh);
    return found ?? fresh;
  });
  const secret = platform.decodeBase64url(kept);
  if (secret?.length !== SECRET) {
    throw new TaperError('store_unusable', `The setting \`${SETTING}\` is damaged.`, {
      hint: 'Delete the setting; a new one is made at the next start, and clients fetch a new nonce.',
    });
  }
  return secret;
}

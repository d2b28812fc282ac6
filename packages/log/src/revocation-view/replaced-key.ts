import type { JsonObject } from '@taper/core';

/** The event by which an authority says that a key was replaced (spec/rotation.md section 6). */
export const KEY_ROTATED = 'agent.key_rotated';

/** A key that may act no longer, from a time on. */
export interface ReplacedKey {
  /** RFC 7638 thumbprint. */
  readonly key: string;
  /** Seconds since the epoch: the first at which it may not act. */
  readonly oldUntil: number;
}

/** base64url of 32 bytes. */
const HASH = /^[A-Za-z0-9_-]{43}$/;

/** What the details of such an entry say of the old key; `undefined` where they do not. */
export function readReplacedKey(details: JsonObject): ReplacedKey | undefined {
  const { old: key, old_until: oldUntil } = details;
  if (typeof key !== 'string' || !HASH.test(key)) return undefined;
  if (!Number.isSafeInteger(oldUntil) || (oldUntil as number) < 0) return undefined;
  return { key, oldUntil: oldUntil as number };
}

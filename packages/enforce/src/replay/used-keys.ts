import { TaperError } from '@taper/core';
import type { UsedKey } from '../port/replay-store.ts';

const MAX_KEYS = 16;

/** base64url of 32 bytes. */
const KEY = /^[A-Za-z0-9_-]{43}$/;

/**
 * Refuses what no replay store can remember rightly: a wrong form, one key twice, or a key that has expired already.
 * @throws {TaperError} `option_invalid`.
 */
export function checkUsedKeys(keys: readonly UsedKey[], now: number): void {
  if (!Number.isSafeInteger(now)) throw invalid('`now` must be whole seconds since the epoch.');
  if (!Array.isArray(keys) || keys.length < 1 || keys.length > MAX_KEYS) {
    throw invalid(`From 1 to ${MAX_KEYS} keys can be accepted at once.`);
  }
  for (const { key, expiresAt } of keys) {
    if (typeof key !== 'string' || !KEY.test(key))
      throw invalid('A key must be 43 base64url characters.');
    if (!Number.isSafeInteger(expiresAt) || expiresAt < now)
      throw invalid('`expiresAt` of a key must be whole seconds, and not in the past.');
  }
  if (keys.length > 1 && new Set(keys.map(({ key }) => key)).size < keys.length)
    throw invalid('A key is named twice.');
}

/** A key so old that it may have been used and forgotten cannot be told from one that was never used. */
export function perhapsForgotten(): TaperError {
  return new TaperError(
    'store_unavailable',
    'A key expires no later than one that has been forgotten, so it may have been used before.',
    {
      hint: 'The clock of this process is more than a minute behind that of another one that shares the store, or has stepped back: synchronize the clocks.',
    },
  );
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}

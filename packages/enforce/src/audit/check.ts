import { isPublicKey, type PublicKey, TaperError } from '@taper/core';

/** @throws {TaperError} `option_invalid` for what is no checked key: a look-alike would verify nothing, or anything. */
export function requireKey(key: unknown): asserts key is PublicKey {
  if (isPublicKey(key)) return;
  throw new TaperError('option_invalid', 'An audit log needs a key that has been checked.', {
    hint: 'Make it with importPublicKey.',
  });
}

/** 43 characters of base64url: a SHA-256. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value);
}

export function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

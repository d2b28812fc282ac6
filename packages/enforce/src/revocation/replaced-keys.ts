import { TaperError } from '@taper/core';
import type { RevocationQuery, RevocationVerdict } from '../port/revocation-view.ts';

/** A key that was replaced by another, and acts no longer from a time on (spec/rotation.md section 6). */
export interface ReplacedKey {
  /** RFC 7638 thumbprint. */
  readonly key: string;
  /** The statement's `old_until`: the first second, since the epoch, at which the key may not act. */
  readonly until: number;
}

/** Keys that were replaced. None is ever forgotten: a key that comes again has still been replaced. */
export interface ReplacedKeys {
  readonly size: number;
  has(key: string): boolean;
  /** Of two times for one key the earlier counts. */
  add(replaced: ReplacedKey): void;
  /** The first acting key that signed, or calls now, when its time was over. */
  find(
    query: RevocationQuery,
    now: number,
  ): Extract<RevocationVerdict, { verdict: 'rotated' }> | undefined;
}

export function createReplacedKeys(): ReplacedKeys {
  const ends = new Map<string, number>();
  return {
    get size() {
      return ends.size;
    },
    has: (key) => ends.has(key),
    add({ key, until }) {
      ends.set(key, Math.min(until, ends.get(key) ?? until));
    },
    find({ acting }, now) {
      if (ends.size === 0) return undefined;
      const index = acting.findIndex(({ key, at = now }) => {
        const end = ends.get(key);
        return end !== undefined && !(at < end); // what cannot be compared is not earlier
      });
      return index === -1 ? undefined : { verdict: 'rotated', index };
    },
  };
}

/** base64url of 32 bytes. */
const HASH = /^[A-Za-z0-9_-]{43}$/;

/** @throws {TaperError} `option_invalid` for what is no key, or no time. */
export function readReplacedKey({ key, until }: ReplacedKey): ReplacedKey {
  if (typeof key !== 'string' || !HASH.test(key))
    throw new TaperError('option_invalid', '`key` is no thumbprint of a key.');
  if (!Number.isSafeInteger(until) || until < 0)
    throw new TaperError('option_invalid', '`until` must be whole seconds since the epoch.');
  return { key, until };
}

import { TaperError } from '@taper/core';

/**
 * `accepted`: the key was not there and now is. `replayed`: it was there. `full`: it was not there and cannot be remembered,
 * so it must not be accepted.
 */
export type ReplayVerdict = 'accepted' | 'replayed' | 'full';

/**
 * Remembers which proofs were used (draft section 7.3 and step 7i). A port: all processes of one enforcement point share one store.
 *
 * - A key is `accepted` at most once until `expiresAt` has passed, also when two calls race.
 * - After `expiresAt` the key may be forgotten. It lies so far behind the proof's own window that callers whose clocks
 *   differ by up to a minute may share a store.
 * - A store that is full refuses; it never forgets a live key to make room.
 * - An exception, a late or an unknown answer refuses the call with `replay_store_unavailable`.
 */
export interface ReplayStore {
  /**
   * @param key identifies holder and proof: 43 base64url characters.
   * @param expiresAt last second, since the epoch, for which the key must be remembered.
   * @param now seconds since the epoch, as this caller sees it.
   */
  accept(key: string, expiresAt: number, now: number): ReplayVerdict | Promise<ReplayVerdict>;
}

/** Keys that a memory store holds unless told otherwise: two and a half minutes at 6,600 calls a second, in about 100 MB. */
export const DEFAULT_REPLAY_CAPACITY = 1_000_000;

/** Keys are forgotten up to this many seconds late. */
const SECONDS_PER_SET = 30;

/**
 * A {@link ReplayStore} in the memory of one process, for one process. It is empty after a restart: until the proof window
 * has passed, a restarted process may accept a proof again. Whoever may call at all can fill it, and calls are then
 * refused until keys expire: limit the rate in front of it.
 *
 * @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 on.
 */
export function createMemoryReplayStore(options: { readonly capacity?: number } = {}): ReplayStore {
  const capacity = options.capacity ?? DEFAULT_REPLAY_CAPACITY;
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new TaperError('option_invalid', '`capacity` must be a whole number, 1 or more.');
  }
  /** Keys by the time of their expiry, rounded up, so that they are forgotten a set at a time. There are never many sets. */
  const keysByExpiry = new Map<number, Set<string>>();

  return {
    accept(key, expiresAt, now) {
      let held = 0;
      for (const [expiry, keys] of keysByExpiry) {
        if (expiry < now) {
          keysByExpiry.delete(expiry);
          continue;
        }
        if (keys.has(key)) return 'replayed';
        held += keys.size;
      }
      if (held >= capacity) return 'full';
      const expiry = Math.ceil(expiresAt / SECONDS_PER_SET) * SECONDS_PER_SET;
      const sameExpiry = keysByExpiry.get(expiry);
      if (sameExpiry === undefined) keysByExpiry.set(expiry, new Set([key]));
      else sameExpiry.add(key);
      return 'accepted';
    },
  };
}

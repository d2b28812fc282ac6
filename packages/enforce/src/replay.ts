/**
 * `accepted`: the key was not there and now is. `replayed`: it was there. `full`: it was not there and cannot be remembered,
 * so it must not be accepted.
 */
export type ReplayVerdict = 'accepted' | 'replayed' | 'full';

/**
 * Remembers which proofs were used (draft section 7.3 and step 7i). A port: all processes of one enforcement point share one store.
 *
 * - A key is `accepted` at most once until `expiresAt` has passed, also when two calls race.
 * - After `expiresAt` the key may be forgotten; no proof that old passes the window any more.
 * - A store that is full refuses; it never forgets a live key to make room.
 * - An exception, a late or an unknown answer refuses the call with `replay_store_unavailable`.
 */
export interface ReplayStore {
  /**
   * @param key identifies holder and proof: 43 base64url characters.
   * @param expiresAt last second, since the epoch, in which the proof can still be presented.
   * @param now seconds since the epoch, as the enforcement point sees it.
   */
  accept(key: string, expiresAt: number, now: number): ReplayVerdict | Promise<ReplayVerdict>;
}

/** Keys that a memory store holds unless told otherwise: about a minute at 16,000 calls a second. */
export const DEFAULT_REPLAY_CAPACITY = 1_000_000;

/** A {@link ReplayStore} in the memory of one process, for one process. Empty after a restart: until the proof window has passed, a restarted process may accept a proof again. */
export function createMemoryReplayStore(options: { readonly capacity?: number } = {}): ReplayStore {
  const capacity = options.capacity ?? DEFAULT_REPLAY_CAPACITY;
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw new RangeError('`capacity` must be a whole number, 1 or more.');
  const keys = new Set<string>();
  const byExpiry = new Map<number, string[]>();

  const forgetExpired = (now: number): void => {
    for (const [second, expired] of byExpiry) {
      if (second >= now) continue;
      for (const key of expired) keys.delete(key);
      byExpiry.delete(second);
    }
  };

  return {
    accept(key, expiresAt, now) {
      forgetExpired(now);
      if (keys.has(key)) return 'replayed';
      if (keys.size >= capacity) return 'full';
      keys.add(key);
      const sameSecond = byExpiry.get(expiresAt);
      if (sameSecond === undefined) byExpiry.set(expiresAt, [key]);
      else sameSecond.push(key);
      return 'accepted';
    },
  };
}

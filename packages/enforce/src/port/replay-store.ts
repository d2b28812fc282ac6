/**
 * `accepted`: none of the keys was there and now all are. `replayed`: one of them was there, and nothing has changed.
 * `full`: they cannot all be remembered, so nothing was accepted.
 */
export type ReplayVerdict = 'accepted' | 'replayed' | 'full';

/** One use of something that serves once. */
export interface UsedKey {
  /** What was used, as 43 base64url characters: a hash, from which nothing can be read. */
  readonly key: string;
  /** Last second, since the epoch, for which the key must be remembered. */
  readonly expiresAt: number;
}

/**
 * Remembers what was used: proofs (draft section 7.3 and step 7i), approved actions, and what has asked for approval.
 * A port: all processes of one enforcement point share one store.
 *
 * - The keys of one call are accepted together or not at all, also when two calls race: of two that share a key, exactly one passes.
 * - A key that two callers hold at the same second is accepted at most once until `expiresAt` has passed.
 * - After `expiresAt` a key may be forgotten. It lies so far behind the window of what it stands for that callers whose clocks
 *   differ by up to a minute may share a store.
 * - A key that expires no later than one which has been forgotten, and is not there, may have been used before: it is refused by an
 *   exception. So no clock, however wrong, has a key accepted twice.
 * - A key of another form, one named twice, and one that has expired already are refused by an exception.
 * - A store that is full refuses; it never forgets a live key to make room.
 * - An exception, a late or an unknown answer refuses the call with `replay_store_unavailable`.
 */
export interface ReplayStore {
  /**
   * @param keys from 1 to 16, all different.
   * @param now seconds since the epoch, as this caller sees it.
   */
  accept(keys: readonly UsedKey[], now: number): ReplayVerdict | Promise<ReplayVerdict>;
  /**
   * Forgets keys that the same call has just had accepted, because the call was refused after all and nothing ran.
   * Best effort: where it fails, what was used stays used.
   */
  forget(keys: readonly UsedKey[]): void | Promise<void>;
}

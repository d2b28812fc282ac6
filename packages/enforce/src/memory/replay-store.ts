import { TaperError } from '@taper/core';
import type { ReplayStore, UsedKey } from '../port/replay-store.ts';
import { checkUsedKeys, perhapsForgotten } from '../replay/used-keys.ts';

/** Keys that a store holds unless told otherwise: two and a half minutes at 6,600 calls a second; about 100 MB in memory. */
export const DEFAULT_REPLAY_CAPACITY = 1_000_000;

/** V8 refuses to put more into one set. */
const MAX_CAPACITY = 16_000_000;

/** Seconds up to which a key counts as short-lived, as those of proofs are. */
const SHORT_LIFE = 600;

/** Seconds by which keys may be forgotten late: in one set with their neighbours, so that there are never many sets. */
const SECONDS_PER_SET = { short: 30, long: 3600 } as const;

/**
 * A {@link ReplayStore} in the memory of one process, for one process. It is empty after a restart: until the proof window
 * has passed, a restarted process may accept a proof again. Whoever may call at all can fill it, and calls are then
 * refused until keys expire: limit the rate in front of it.
 *
 * @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 to 16,000,000.
 */
export function createMemoryReplayStore(options: { readonly capacity?: number } = {}): ReplayStore {
  const capacity = options.capacity ?? DEFAULT_REPLAY_CAPACITY;
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY) {
    throw new TaperError(
      'option_invalid',
      `\`capacity\` must be a whole number, 1 to ${MAX_CAPACITY}.`,
    );
  }
  /** Keys by the time of their expiry, rounded up, so that they are forgotten a set at a time, whatever it holds. */
  const keysByExpiry = new Map<number, Set<string>>();
  /** Whatever expires no later may have been forgotten, whoever's clock made it so. */
  let forgottenTo = Number.NEGATIVE_INFINITY;

  return {
    accept(used, now) {
      checkUsedKeys(used, now);
      let held = 0;
      for (const [expiry, keys] of keysByExpiry) {
        if (expiry < now) {
          keysByExpiry.delete(expiry);
          if (keys.size > 0) forgottenTo = Math.max(forgottenTo, expiry);
          continue;
        }
        if (used.some(({ key }) => keys.has(key))) return 'replayed';
        held += keys.size;
      }
      if (used.some(({ expiresAt }) => expiresAt <= forgottenTo)) throw perhapsForgotten();
      if (held + used.length > capacity) return 'full';
      for (const each of used) {
        const expiry = expiryOfSet(each, now);
        const sameExpiry = keysByExpiry.get(expiry);
        if (sameExpiry === undefined) keysByExpiry.set(expiry, new Set([each.key]));
        else sameExpiry.add(each.key);
      }
      return 'accepted';
    },
    forget(used) {
      for (const keys of keysByExpiry.values()) for (const { key } of used) keys.delete(key);
    },
  };
}

function expiryOfSet({ expiresAt }: UsedKey, now: number): number {
  const width = expiresAt - now > SHORT_LIFE ? SECONDS_PER_SET.long : SECONDS_PER_SET.short;
  return Math.ceil(expiresAt / width) * width;
}

import { type DocumentFetch, FetchError } from './fetch-document.ts';
import { type IssuerKeys, readKeySet } from './key-set.ts';

/** Seconds between two attempts to fetch a set, whatever tokens arrive and whether the last one worked. */
const MIN_INTERVAL = 60;
/** Seconds after which a set is fetched again, so that a key that was taken out of it stops being accepted. */
const MAX_AGE = 600;
/** Seconds for which a set goes on when it cannot be fetched. */
const MAX_STALE = 86_400;

/** The keys of an issuer as far as they are known now. */
export type KeyAnswer =
  | { readonly keys: IssuerKeys }
  /** There are none, or none that is fresh enough. `retryAfter` in seconds. */
  | { readonly keys: undefined; readonly reason: string; readonly retryAfter: number };

/** Where the keys of an issuer come from. */
export interface KeySource {
  /**
   * The keys, fetched again where they are old, or where `kid` is not among them and the last attempt was a minute ago. Never throws.
   */
  keysFor(kid: string | undefined, now: number): Promise<KeyAnswer>;
}

/** Keys that the operator wrote down. */
export function pinnedKeys(keys: IssuerKeys): KeySource {
  const answer: KeyAnswer = { keys };
  return { keysFor: async () => answer };
}

/** Keys that are fetched from a URL which the operator configured, and remembered. */
export function fetchedKeys(url: string, fetch: DocumentFetch): KeySource {
  let keys: IssuerKeys | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let reason = 'not_fetched';
  let underWay: Promise<void> | undefined;

  async function refresh(now: number): Promise<void> {
    attemptedAt = now;
    try {
      const read = readKeySet(await fetch(url));
      if (read === undefined) throw new FetchError('no_key_set');
      keys = read;
      fetchedAt = now;
    } catch (error) {
      reason = error instanceof FetchError ? error.reason : 'unreachable';
    }
  }

  function isDue(kid: string | undefined, now: number): boolean {
    // A clock that was set back does not stop it for as long as it was wrong.
    if (now >= attemptedAt && now - attemptedAt < MIN_INTERVAL) return false;
    return keys === undefined || !isYoung(fetchedAt, now, MAX_AGE) || !keys.has(kid);
  }

  return {
    async keysFor(kid, now) {
      // Who is sure of a key does not wait because somebody else named one that is not there.
      if (keys?.has(kid) && isYoung(fetchedAt, now, MAX_AGE)) return { keys };
      if (underWay === undefined && isDue(kid, now))
        underWay = refresh(now).finally(() => {
          underWay = undefined;
        });
      await underWay;
      const retryAfter = Math.max(1, attemptedAt + MIN_INTERVAL - now);
      if (keys === undefined || !isYoung(fetchedAt, now, MAX_STALE))
        return { keys: undefined, reason, retryAfter };
      // The issuer may have a key that is newer than what could be asked for: the token is not wrong for that.
      if (!keys.has(kid) && attemptedAt < now)
        return { keys: undefined, reason: 'key_unknown', retryAfter };
      if (!keys.has(kid) && fetchedAt < attemptedAt) return { keys: undefined, reason, retryAfter };
      return { keys };
    },
  };
}

function isYoung(since: number, now: number, seconds: number): boolean {
  return Math.abs(now - since) < seconds;
}

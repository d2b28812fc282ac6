import type { RevocationView } from '../port/revocation-view.ts';
import {
  checkRevocationOptions,
  createRevocationSet,
  DEFAULT_REVOCATION_CAPACITY,
  isPast,
  type Revocation,
  readRevocation,
  viewFull,
} from '../revocation/entry.ts';
import {
  createReplacedKeys,
  type ReplacedKey,
  readReplacedKey,
} from '../revocation/replaced-keys.ts';

export interface MemoryRevocationView extends RevocationView {
  /**
   * Revokes at once, for this process. Revoking again never weakens what was revoked.
   *
   * @param now seconds since the epoch; what expired more than a day before is forgotten.
   * @throws {TaperError} `option_invalid`; `store_unavailable` when the view is full. Nothing is revoked then.
   */
  revoke(revocation: Revocation, now: number): void;
  /**
   * Has a key that was replaced act no longer from a time on, as its rotation statement says. Of two times for one key the earlier counts.
   *
   * @throws {TaperError} `option_invalid`; `store_unavailable` when the view is full. Nothing has changed then.
   */
  replace(replaced: ReplacedKey): void;
}

export interface RevocationViewOptions {
  /** Origins of the revocation logs whose every entry is told to this view by `revoke`. A chain that names another one is refused. Default: none. */
  readonly logs?: readonly string[];
  /** Most revocations that it holds, and most keys that were replaced. Default 1,000,000. */
  readonly capacity?: number;
}

/**
 * A {@link RevocationView} in the memory of one process, which knows what that process was told: by `revoke`, and by `replace` of keys that were rotated. It is empty after a restart.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createMemoryRevocationView(
  options: RevocationViewOptions = {},
): MemoryRevocationView {
  const { logs = [], capacity = DEFAULT_REVOCATION_CAPACITY } = options;
  checkRevocationOptions(capacity, logs);
  const followed = new Set(logs);
  const revoked = createRevocationSet();
  const replaced = createReplacedKeys();
  const listeners = new Set<() => void>();
  return {
    check(query, now) {
      const found = revoked.find(query) ?? replaced.find(query, now);
      if (found !== undefined) return found;
      if (query.logs.some((log) => !followed.has(log))) return { verdict: 'unknown_log' };
      return { verdict: 'good', asOf: now };
    },
    revoke(revocation, now) {
      const entry = readRevocation(revocation);
      if (revoked.size >= capacity && !revoked.has(entry)) {
        for (const each of revoked.entries()) if (isPast(each, now)) revoked.remove(each);
        if (revoked.size >= capacity) throw viewFull();
      }
      revoked.add(entry);
      for (const listener of listeners) listener();
    },
    replace(given) {
      const entry = readReplacedKey(given);
      if (replaced.size >= capacity && !replaced.has(entry.key)) throw viewFull();
      replaced.add(entry);
      for (const listener of listeners) listener();
    },
    onRevoked(listener) {
      const own = (): void => listener(); // so that a function which listens twice ends once each
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

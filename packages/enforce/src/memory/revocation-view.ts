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

export interface MemoryRevocationView extends RevocationView {
  /**
   * Revokes at once, for this process. Revoking again never weakens what was revoked.
   *
   * @param now seconds since the epoch; what expired more than a day before is forgotten.
   * @throws {TaperError} `option_invalid`; `store_unavailable` when the view is full. Nothing is revoked then.
   */
  revoke(revocation: Revocation, now: number): void;
}

export interface RevocationViewOptions {
  /** Origins of the revocation logs whose every entry is told to this view by `revoke`. A chain that names another one is refused. Default: none. */
  readonly logs?: readonly string[];
  /** Most revocations that it holds. Default 1,000,000. */
  readonly capacity?: number;
}

/**
 * A {@link RevocationView} in the memory of one process, which knows what that process was told. It is empty after a restart.
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
  const listeners = new Set<() => void>();
  return {
    check(query, now) {
      const found = revoked.find(query);
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
    onRevoked(listener) {
      const own = (): void => listener(); // so that a function which listens twice ends once each
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

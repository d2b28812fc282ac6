import type { StoredView, ViewPosition, ViewStore } from '../port/view-store.ts';
import { requireAdvance } from '../revocation-view/position.ts';
import { createRevokedTable, REVOCATION_RETENTION } from '../revocation-view/revoked-table.ts';

/** A {@link ViewStore} in memory: it outlives a follower, and not the process. */
export function createMemoryViewStore(): ViewStore {
  const revoked = createRevokedTable();
  let known: ViewPosition | undefined;
  return {
    load(): StoredView | undefined {
      return known === undefined ? undefined : { position: known, revoked: revoked.entries() };
    },
    save({ position, revoked: added, forgetUntil }): void {
      requireAdvance(known, position);
      for (const each of added) revoked.add(each);
      revoked.prune(forgetUntil + REVOCATION_RETENTION);
      known = position;
    },
  };
}

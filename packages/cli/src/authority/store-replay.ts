import type { AuthorityStore } from '@taper/authority';
import type { ReplayStore } from '@taper/enforce';

/** Thrown to undo a transaction in which a key was found used. */
class Replayed extends Error {}

/** Remembers used proofs in the authority's own store: all nodes share it, and a restart forgets nothing. */
export function storeReplay(store: AuthorityStore): ReplayStore {
  return {
    async accept(keys, now) {
      try {
        await store.transaction(async (tx) => {
          for (const { key, expiresAt } of keys)
            if (!(await tx.useOnce(key, expiresAt, now))) throw new Replayed();
        });
        return 'accepted';
      } catch (cause) {
        if (cause instanceof Replayed) return 'replayed';
        throw cause;
      }
    },
    // What was used stays used: the caller signs a new proof.
    forget: () => undefined,
  };
}

import type { AuthorityStore } from '@taper/authority';
import type { ReplayStore } from '@taper/enforce';

/** Thrown to undo a transaction in which a key was found used. */
class Replayed extends Error {}

/** Setting with the second up to which nothing that expires is accepted. */
const VOID_UNTIL = 'administration_void_until';

/** Seconds after it was signed for which an enforcement point has a proof remembered. */
const RETENTION = 120;

/** Refuses in this store what was signed before `now`: it may have been used where the store does not know of it. */
export async function voidProofs(store: AuthorityStore, now: number): Promise<void> {
  await store.transaction((tx) => tx.putSetting(VOID_UNTIL, String(now - 1 + RETENTION)));
}

/** Remembers used proofs in the authority's own store: all nodes share it, and a restart forgets nothing. */
export function storeReplay(store: AuthorityStore): ReplayStore {
  return {
    async accept(keys, now) {
      try {
        await store.transaction(async (tx) => {
          const voidUntil = Number((await tx.findSetting(VOID_UNTIL)) ?? 0);
          for (const { key, expiresAt } of keys)
            if (!(expiresAt > voidUntil && (await tx.useOnce(key, expiresAt, now))))
              throw new Replayed();
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

import type { AuthorityStore } from '../port/store.ts';

/**
 * A store that says so when a transaction is done that handed over an entry for the log, so that it need not wait for the pump's next
 * look.
 *
 * @param handedOver such as `notify` of a pump. What it throws is thrown to nobody: the transaction is done.
 */
export function notifyingStore(store: AuthorityStore, handedOver: () => void): AuthorityStore {
  return Object.freeze({
    ...store,
    async transaction<Result>(
      work: Parameters<typeof store.transaction<Result>>[0],
    ): Promise<Result> {
      let hasEntry = false;
      const result = await store.transaction<Result>((tx) => {
        hasEntry = false;
        return work({
          ...tx,
          appendEntry(body) {
            hasEntry = true;
            return tx.appendEntry(body);
          },
        });
      });
      if (hasEntry) tell(handedOver);
      return result;
    },
  });
}

function tell(handedOver: () => void): void {
  try {
    handedOver();
  } catch {
    // The pump looks by itself, a little later.
  }
}

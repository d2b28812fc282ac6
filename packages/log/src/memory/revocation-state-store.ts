import type { RevocationStateStore } from '../port/revocation-state-store.ts';

/** A {@link RevocationStateStore} in the memory of one process. */
export function createMemoryRevocationStateStore(): RevocationStateStore {
  let saved: readonly string[] | undefined;
  return {
    async load() {
      const lines = saved;
      return (
        lines &&
        (async function* () {
          yield* lines;
        })()
      );
    },
    async save(lines) {
      saved = [...lines];
    },
  };
}

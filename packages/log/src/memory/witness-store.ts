import { checkRecord, refuseRollback } from '../witness/record.ts';
import type { WitnessedCheckpoint, WitnessStore } from '../witness/store.ts';

/**
 * A {@link WitnessStore} in the memory of one process. It forgets everything at a restart, and would then cosign any history:
 * for tests, and for witnesses that live as long as what they watch.
 */
export function createMemoryWitnessStore(): WitnessStore {
  const records = new Map<string, WitnessedCheckpoint>();
  return {
    read: (origin) => records.get(origin),
    replace(expectedSize, next) {
      checkRecord(expectedSize, next);
      const held = records.get(next.origin);
      if ((held?.size ?? 0) !== expectedSize) return 'conflict';
      if (held !== undefined) refuseRollback(held, next);
      records.set(next.origin, Object.freeze({ ...next, root: next.root.slice() }));
      return 'replaced';
    },
  };
}

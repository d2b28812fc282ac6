import {
  type CheckpointStore,
  isSameCheckpoint,
  requireForward,
  type StoredCheckpoint,
} from '../port/checkpoint-store.ts';

/** A {@link CheckpointStore} that is gone with the process: for tests, and for logs that others keep. */
export function createMemoryCheckpointStore(): CheckpointStore {
  let stored: StoredCheckpoint | undefined;
  return Object.freeze<CheckpointStore>({
    async read() {
      return stored && copyOf(stored);
    },
    async replace(expected, next) {
      if (!isSameCheckpoint(stored, expected)) return 'conflict';
      requireForward(stored, next);
      stored = copyOf(next);
      return 'replaced';
    },
  });
}

function copyOf({ origin, size, root, note }: StoredCheckpoint): StoredCheckpoint {
  return { origin, size, root: new Uint8Array(root), note };
}

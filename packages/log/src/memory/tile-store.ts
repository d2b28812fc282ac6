import { LogError } from '../port/log-error.ts';
import type { TileStore } from '../port/tile-store.ts';
import { sameBytes } from '../tile/hashes.ts';

/** A {@link TileStore} that is gone with the process: for tests, and for logs that others keep. */
export function createMemoryTileStore(): TileStore {
  const files = new Map<string, Uint8Array>();
  let records: readonly Uint8Array[] = [];
  return Object.freeze<TileStore>({
    async read(path) {
      const bytes = files.get(path);
      return bytes && new Uint8Array(bytes);
    },
    async write(added) {
      for (const { path, bytes } of added) {
        const there = files.get(path);
        if (there !== undefined && !sameBytes(there, bytes)) {
          throw new LogError('log_forked', path, `${path} holds other bytes.`, {
            hint: 'Tiles never change. Two logs have been written to one place.',
          });
        }
      }
      for (const { path, bytes } of added) files.set(path, new Uint8Array(bytes));
    },
    async dropPartials(paths) {
      for (const path of paths)
        for (let width = 1; width < 256; width++) files.delete(`${path}.p/${width}`);
    },
    async stage(record) {
      if (records.length === 0)
        throw new LogError('log_forked', 'journal', 'There is no record to go on from.');
      records = [...records, new Uint8Array(record)];
    },
    async restage(record) {
      records = [new Uint8Array(record)];
    },
    async staged() {
      return { records: records.map((record) => new Uint8Array(record)), unreadable: 0 };
    },
  });
}

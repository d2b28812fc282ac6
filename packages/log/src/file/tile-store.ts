import { dirname, join, resolve } from 'node:path';
import { TaperError } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileFile, TileSource, TileStore } from '../port/tile-store.ts';
import { sameBytes } from '../tile/hashes.ts';
import { parseTilePath } from '../tile/path.ts';
import { codeOf, type Disk, type DiskFile, localDisk } from './disk.ts';
import { Journal } from './journal.ts';
import { createTurns } from './turns.ts';

/** A {@link TileStore} in a folder, for one process at a time. */
export interface FileTileStore extends TileStore {
  readonly folder: string;
  /** Waits for what is being written, and lets another process open the folder. */
  close(): Promise<void>;
}

/** Files that are written at the same time. */
const AT_ONCE = 8;

/**
 * Opens a folder for the tiles of one log, or makes it (mode 0700; the folder above must be there). In it: `tile/`, which any web server can serve, `journal` and `lock`. It must lie on a local disk.
 *
 * @throws {LogError} `log_unavailable` while another process, or another store of this one, has it open, or when it cannot be made.
 */
export async function openFileTileStore(
  folder: string,
  disk: Disk = localDisk,
): Promise<FileTileStore> {
  const place = resolve(folder);
  await makeStoreFolder(disk, place);
  const { release } = disk.lock(join(place, 'lock'));
  const inTurn = createTurns(place);
  const journal = new Journal(disk, join(place, 'journal'));
  /** Folders whose name is known to be durable. */
  const known = new Set([place]);

  async function makeFolders(path: string): Promise<void> {
    if (known.has(path)) return;
    const above = dirname(path);
    await makeFolders(above);
    await disk.makeFolder(path);
    // Also when it was there: whoever made it may have failed right after.
    await disk.syncFolder(above);
    known.add(path);
  }

  async function writeFile({ path, bytes }: TileFile): Promise<void> {
    const target = join(place, requireTilePath(path));
    const there = await disk.read(target);
    if (there !== undefined && !sameBytes(there, bytes)) {
      throw new LogError('log_forked', path, `${path} holds other bytes.`, {
        hint: 'Tiles never change: two logs were written to this folder, or somebody changed the file.',
      });
    }
    const next = `${target}.next`;
    const file = await disk.open(next, 'empty');
    await finish(file, async () => {
      await file.write(bytes, 0);
      await file.sync();
    });
    await disk.rename(next, target);
  }

  return Object.freeze<FileTileStore>({
    folder: place,
    ...createFileTileSource(place, disk),
    write: (files) =>
      inTurn(async () => {
        const folders = new Set(
          files.map(({ path }) => dirname(join(place, requireTilePath(path)))),
        );
        for (const each of folders) await makeFolders(each);
        for (let at = 0; at < files.length; at += AT_ONCE)
          await settleAll(files.slice(at, at + AT_ONCE).map(writeFile));
        for (const each of folders) await disk.syncFolder(each);
      }),
    dropPartials: (paths) =>
      inTurn(async () => {
        for (const path of paths) {
          const partials = `${join(place, requireTilePath(path))}.p`;
          known.delete(partials);
          await disk.removeFolder(partials);
        }
      }),
    stage: (record) => inTurn(() => journal.append(record)),
    restage: (record) => inTurn(() => journal.replace(record)),
    staged: () => inTurn(() => journal.records()),
    close: () => inTurn.close(() => journal.close().finally(release)),
  });
}

/** Reads the tiles in a folder, also while a writer has it. Paths that no tile has are answered with `undefined`. */
export function createFileTileSource(folder: string, disk: Disk = localDisk): TileSource {
  return Object.freeze<TileSource>({
    async read(path) {
      if (parseTilePath(path) === undefined) return undefined;
      try {
        return await disk.read(join(folder, path));
      } catch (cause) {
        // A folder where a file should be, or the other way round, is no tile.
        if (['ENOTDIR', 'EISDIR', 'ELOOP'].includes(codeOf(cause) ?? '')) return undefined;
        throw new LogError('log_unavailable', path, `${path} cannot be read.`, { cause });
      }
    },
  });
}

/** Makes a folder in one that is there, durably. @throws {LogError} `log_unavailable`. */
export async function makeStoreFolder(disk: Disk, path: string): Promise<void> {
  try {
    await disk.makeFolder(path);
    await disk.syncFolder(dirname(path));
    await disk.syncFolder(path);
  } catch (cause) {
    throw new LogError('log_unavailable', path, `The folder ${path} cannot be made or read.`, {
      hint: 'The folder above it must exist on a local disk and be writable for the user that runs this process.',
      cause,
    });
  }
}

function requireTilePath(path: string): string {
  if (parseTilePath(path) === undefined)
    throw new TaperError('option_invalid', 'There is no tile of this name.');
  return path;
}

/** Closes the file, whatever happens to it. */
export async function finish(file: DiskFile, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } finally {
    await file.close();
  }
}

/** Waits for all of them, then throws what the first that failed threw. */
async function settleAll(acts: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(acts))
    if (result.status === 'rejected') throw result.reason;
}

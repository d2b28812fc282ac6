import type { Disk, DiskFile } from '../src/file/disk.ts';

/** What changes a disk, by the names of {@link Disk} and {@link DiskFile}. */
export type Change =
  | 'open'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'makeFolder'
  | 'syncFolder'
  | 'removeFolder';

/**
 * What happens to a change. `fail`: it is not done, and says so. `persist`: it is done, and says that it was not. `torn`: a write
 * stops half-way; as `fail` for all else.
 */
export type Fault = 'fail' | 'persist' | 'torn';

/** Asked before each change; may also end the process. `after` is called when it was done. */
export interface FaultPlan {
  before(change: Change, path: string): Fault | undefined;
  after?(change: Change, path: string): void;
}

/** A disk whose changes fail as planned. */
export function createFaultyDisk(disk: Disk, plan: FaultPlan): Disk {
  async function change<Result>(
    name: Change,
    path: string,
    act: () => Promise<Result>,
    tear?: () => Promise<unknown>,
  ): Promise<Result> {
    const fault = plan.before(name, path);
    if (fault === 'torn') await tear?.();
    if (fault === 'fail' || fault === 'torn') throw failure(name);
    const result = await act();
    plan.after?.(name, path);
    if (fault === 'persist') throw failure(name);
    return result;
  }

  function faultyFile(path: string, file: DiskFile): DiskFile {
    return {
      length: () => file.length(),
      isNamed: (other) => file.isNamed(other),
      read: () => file.read(),
      close: () => file.close(),
      write: (bytes, position) =>
        change(
          'write',
          path,
          () => file.write(bytes, position),
          () => file.write(bytes.subarray(0, Math.floor(bytes.length / 2)), position),
        ),
      truncate: (length) => change('truncate', path, () => file.truncate(length)),
      sync: () => change('sync', path, () => file.sync()),
    };
  }

  async function open(path: string, how: 'empty' | 'old'): Promise<DiskFile | undefined> {
    if (how === 'old') {
      const file = await disk.open(path, how);
      return file && faultyFile(path, file);
    }
    let file: DiskFile | undefined;
    try {
      return faultyFile(
        path,
        await change('open', path, async () => (file = await disk.open(path, how))),
      );
    } catch (error) {
      await file?.close();
      throw error;
    }
  }

  return {
    read: (path) => disk.read(path),
    lock: (path) => disk.lock(path),
    open: open as Disk['open'],
    rename: (from, to) => change('rename', to, () => disk.rename(from, to)),
    makeFolder: (path) => change('makeFolder', path, () => disk.makeFolder(path)),
    syncFolder: (path) => change('syncFolder', path, () => disk.syncFolder(path)),
    removeFolder: (path) => change('removeFolder', path, () => disk.removeFolder(path)),
  };
}

function failure(change: Change): Error {
  return Object.assign(new Error(`the disk failed to ${change}`), { code: 'EIO' });
}

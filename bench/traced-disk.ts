import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, type DiskFile, localDisk } from '@taper/log/file';

/** What a log has asked of the disk, in order: so many bytes, or a sync of a file or a folder. */
export type DiskStep = number | 'file' | 'folder';

/** The file system of this machine, and what was asked of it. */
export function traceDisk(): { readonly disk: Disk; take(): readonly DiskStep[] } {
  let steps: DiskStep[] = [];
  const traced = <File extends DiskFile | undefined>(file: File): File =>
    (file && {
      length: () => file.length(),
      isNamed: (path) => file.isNamed(path),
      read: () => file.read(),
      write(bytes, position) {
        steps.push(bytes.length);
        return file.write(bytes, position);
      },
      truncate: (length) => file.truncate(length),
      sync() {
        steps.push('file');
        return file.sync();
      },
      close: () => file.close(),
    }) as File;
  const open = async (path: string, how: 'empty' | 'old'): Promise<DiskFile | undefined> =>
    traced(await localDisk.open(path, how as 'old'));
  return {
    disk: {
      ...localDisk,
      open: open as Disk['open'],
      syncFolder(path) {
        steps.push('folder');
        return localDisk.syncFolder(path);
      },
    },
    take() {
      const taken = steps;
      steps = [];
      return taken;
    },
  };
}

/**
 * The same bytes and the same syncs in the same order, into one plain file of a folder, without anything in between.
 * @returns seconds.
 */
export function replaySteps(folder: string, steps: readonly DiskStep[]): number {
  const bytes = Buffer.alloc(Math.max(1, ...steps.map((step) => Number(step) || 0)), 'x');
  const file = openSync(join(folder, 'plain'), 'w');
  const above = openSync(folder, 'r');
  const start = performance.now();
  for (const step of steps) {
    if (step === 'file') fdatasyncSync(file);
    else if (step === 'folder') fsyncSync(above);
    else writeSync(file, bytes, 0, step);
  }
  const took = (performance.now() - start) / 1000;
  closeSync(file);
  closeSync(above);
  return took;
}

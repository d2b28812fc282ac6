import { type FileHandle, open } from 'node:fs/promises';
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
  const openTraced = async (path: string, how: 'empty' | 'old'): Promise<DiskFile | undefined> =>
    traced(await localDisk.open(path, how as 'old'));
  return {
    disk: {
      ...localDisk,
      open: openTraced as Disk['open'],
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

/** Files that a log syncs at the same time. */
const AT_ONCE = 8;

/**
 * The same bytes, the same syncs, in the same order and as many at the same time, into plain files of a folder and with nothing in between.
 * @returns seconds.
 */
export async function replaySteps(folder: string, steps: readonly DiskStep[]): Promise<number> {
  const bytes = Buffer.alloc(Math.max(1, ...steps.map((step) => Number(step) || 0)), 'x');
  const files: FileHandle[] = [];
  for (let made = 0; made < AT_ONCE; made += 1)
    files.push(await open(join(folder, `plain-${made}`), 'w'));
  const above = await open(folder, 'r');
  const start = performance.now();
  for (let at = 0; at < steps.length; ) {
    const kind = typeof steps[at];
    const step = steps[at];
    const same = (each: DiskStep | undefined): boolean =>
      kind === 'number' ? typeof each === 'number' : each === step;
    let end = at + 1;
    while (end - at < AT_ONCE && same(steps[end])) end += 1;
    const run = steps.slice(at, end);
    at = end;
    if (step === 'folder') for (const _ of run) await above.sync();
    else
      await Promise.all(
        run.map((each, place) => {
          const file = files[place] as FileHandle;
          return each === 'file' ? file.datasync() : file.write(bytes, 0, Number(each));
        }),
      );
  }
  const took = (performance.now() - start) / 1000;
  for (const file of [...files, above]) await file.close();
  return took;
}

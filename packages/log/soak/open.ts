import { join } from 'node:path';
import { testKey } from '@taper/testkit';
import { openFileCheckpointStore } from '../src/file/checkpoint-store.ts';
import type { Disk } from '../src/file/disk.ts';
import { openFileTileStore } from '../src/file/tile-store.ts';
import type { Log } from '../src/writer/log.ts';
import { openLog } from '../src/writer/open-log.ts';

export const ORIGIN = 'log.example/soak';

/** A log in two folders, with its stores. Made when it is not there. */
export async function openLogIn(
  folder: string,
  disk: Disk,
): Promise<{ readonly log: Log; close(): Promise<void> }> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closing.toReversed()) await each();
  };
  try {
    const tiles = await openFileTileStore(join(folder, 'tiles'), disk);
    closing.push(() => tiles.close());
    const checkpoints = await openFileCheckpointStore(join(folder, 'checkpoint'), disk);
    closing.push(() => checkpoints.close());
    const { signer } = testKey('soak log');
    const limits = { stagedEntries: 300, groupEntries: 100 };
    const log = await openLog({ origin: ORIGIN, signer, tiles, checkpoints, create: true, limits });
    closing.push(() => log.close());
    return { log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

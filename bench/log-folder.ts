import { randomFillSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Log, openLog } from '@taper/log';
import { type Disk, localDisk, openFileCheckpointStore, openFileTileStore } from '@taper/log/file';
import { signerAt } from './scene.ts';

/** A log on the disk. */
export interface LogFolder {
  readonly log: Log;
  /** Lets go of log and stores. */
  close(): Promise<void>;
}

/** Opens the log in a folder, or makes one. */
export async function openLogFolder(folder: string, disk: Disk = localDisk): Promise<LogFolder> {
  mkdirSync(folder, { recursive: true });
  const tiles = await openFileTileStore(join(folder, 'tiles'), disk);
  const checkpoints = await openFileCheckpointStore(join(folder, 'checkpoint'), disk);
  const signer = signerAt(0);
  const origin = 'log.example.com/bench';
  const log = await openLog({ origin, signer, tiles, checkpoints, create: true });
  return {
    log,
    async close() {
      await log.close();
      await tiles.close();
      await checkpoints.close();
    },
  };
}

/** Entries that differ. */
export function newEntries(count: number, bytes: number): readonly Uint8Array[] {
  const all = randomFillSync(new Uint8Array(count * bytes));
  return Array.from({ length: count }, (_none, at) => all.subarray(at * bytes, (at + 1) * bytes));
}

import { hash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseCheckpoint, writeCheckpoint } from '@taper/core';
import type { FileLock } from '@taper/sqlite-file';
import {
  type CheckpointStore,
  isSameCheckpoint,
  requireForward,
  type StoredCheckpoint,
} from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import { type Disk, localDisk } from './disk.ts';
import { finish, makeStoreFolder } from './tile-store.ts';
import { createTurns } from './turns.ts';

/** A {@link CheckpointStore} in a folder of its own, for one process at a time. */
export interface FileCheckpointStore extends CheckpointStore {
  readonly folder: string;
  /** Waits for what is being written, and lets another process open the folder. */
  close(): Promise<void>;
}

const FIRST_LINE = 'taper-log-state 1';

/**
 * Opens a folder for the checkpoint of one log, or makes it (mode 0700; the folder above must be there). In it: `state` and
 * `lock`. It must lie on a local disk: another one than the tiles, if possible, and one that is not restored from backups.
 *
 * @throws {LogError} `log_unavailable` while another process, or another store of this one, has it open, or when it cannot be made.
 */
export async function openFileCheckpointStore(
  folder: string,
  disk: Disk = localDisk,
): Promise<FileCheckpointStore> {
  const place = resolve(folder);
  const path = join(place, 'state');
  await makeStoreFolder(disk, place);
  const lock = disk.lock(join(place, 'lock'));
  const inTurn = createTurns(place);
  return Object.freeze<FileCheckpointStore>({
    folder: place,
    read: () => inTurn(() => readState(disk, path)),
    replace: (expected, next) =>
      inTurn(async () => {
        const stored = await readState(disk, path);
        if (!isSameCheckpoint(stored, expected)) return 'conflict';
        requireForward(stored, next);
        requireLock(lock, place);
        const file = await disk.open(`${path}.next`, 'empty');
        await finish(file, async () => {
          await file.write(new TextEncoder().encode(writeState(next)), 0);
          await file.sync();
        });
        await disk.rename(`${path}.next`, path);
        await disk.syncFolder(place);
        // Whoever came in since has read what is there now; whoever came in before may be writing another history.
        requireLock(lock, place);
        return 'replaced';
      }),
    close: () => inTurn.close(async () => lock.release()),
  });
}

/** @throws {LogError} `log_forked`. */
function requireLock(lock: FileLock, place: string): void {
  if (lock.isHeld()) return;
  throw new LogError('log_forked', place, `The lock in ${place} was taken away.`, {
    hint: 'Its file was deleted or replaced, so another writer may be at work. The lock is never stale: the system gives it back. Restart this one.',
  });
}

/**
 * What a {@link FileCheckpointStore} holds, also while a writer has it: for whoever serves or checks a log beside its writer.
 * @throws {LogError} `log_corrupt` when the file is damaged; `log_unavailable`.
 */
export async function readFileCheckpoint(
  folder: string,
  disk: Disk = localDisk,
): Promise<StoredCheckpoint | undefined> {
  const place = resolve(folder);
  return createTurns(place)(() => readState(disk, join(place, 'state')));
}

async function readState(disk: Disk, path: string): Promise<StoredCheckpoint | undefined> {
  const bytes = await disk.read(path);
  if (bytes === undefined) return undefined;
  const state = parseState(new TextDecoder().decode(bytes));
  if (state !== undefined) return state;
  throw new LogError('log_corrupt', path, `${path} was changed by something else than this log.`, {
    hint: 'It is a few lines of text with a hash of them. The checkpoint that was served last says how far the log had come at least.',
  });
}

/** A line of the format, the SHA-256 of all behind it in base64url, origin, size and root as in a checkpoint, and the note, if there is one, behind an empty line. */
function writeState({ note, ...checkpoint }: StoredCheckpoint): string {
  const body = `${writeCheckpoint(checkpoint)}${note === undefined ? '' : `\n${note}`}`;
  return `${FIRST_LINE}\n${hash('sha256', body, 'base64url')}\n${body}`;
}

function parseState(text: string): StoredCheckpoint | undefined {
  const [first, digest = ''] = text.split('\n', 2);
  const body = text.slice(FIRST_LINE.length + digest.length + 2);
  if (first !== FIRST_LINE || hash('sha256', body, 'base64url') !== digest) return undefined;
  const end = body.indexOf('\n\n');
  const checkpoint = parseCheckpoint(end === -1 ? body : body.slice(0, end + 1));
  if (checkpoint === undefined) return undefined;
  const { origin, size, root } = checkpoint;
  return { origin, size, root, note: end === -1 ? undefined : body.slice(end + 2) };
}

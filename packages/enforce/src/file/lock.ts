import { TaperError } from '@taper/core';
import { type FileLock, takeFileLock } from '@taper/sqlite-file';

/** @throws {TaperError} `store_unavailable` when somebody has it; `store_unusable` when the file cannot be made. */
export function lockFile(path: string): FileLock {
  let lock: FileLock | undefined;
  try {
    lock = takeFileLock(path);
  } catch (cause) {
    throw new TaperError('store_unusable', `${path} cannot be made.`, {
      hint: 'Its folder must exist on a local disk and be writable for the user that runs this process.',
      cause,
    });
  }
  if (lock !== undefined) return lock;
  throw new TaperError('store_unavailable', `${path} is held by another writer.`, {
    hint: 'One process writes to an audit file at a time: stop the other, or give each a file of its own.',
  });
}

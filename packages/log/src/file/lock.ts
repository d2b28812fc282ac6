import { type FileLock, takeFileLock } from '@taper/sqlite-file';
import { LogError } from '../port/log-error.ts';

/** @throws {LogError} `log_unavailable` when somebody has it, or the file cannot be made. */
export function lockFile(path: string): FileLock {
  let lock: FileLock | undefined;
  try {
    lock = takeFileLock(path);
  } catch (cause) {
    throw new LogError('log_unavailable', path, `${path} cannot be made.`, {
      hint: 'Its folder must lie on a local disk and be writable for the user that runs this process.',
      cause,
    });
  }
  if (lock !== undefined) return lock;
  throw new LogError('log_unavailable', path, `${path} is held by another writer.`, {
    hint: 'A log has one writer at a time: stop the other one. Readers need no lock.',
  });
}

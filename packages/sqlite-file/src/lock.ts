import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './error.ts';

/** A lock that one holder can have. */
export interface FileLock {
  release(): void;
  /** Whether its file still has its name. Who deletes or replaces the file lets somebody else in. */
  isHeld(): boolean;
}

/**
 * Takes a lock that one holder can have, across processes, and that the operating system gives back when its holder dies,
 * however it dies. Node has no file locks of its own; an exclusive transaction on an empty SQLite database is one.
 *
 * @returns `undefined` when somebody has it.
 * @throws what SQLite or the file system does where the file cannot be made, or is something else.
 */
export function takeFileLock(path: string): FileLock | undefined {
  makeFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  const held = identityOf(path);
  return {
    release: () => database.close(),
    isHeld: () => held !== undefined && identityOf(path) === held,
  };
}

/** Device and number of a file, without opening it. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}

/**
 * Makes the file when it is not there. It is not opened when it is: a POSIX lock that this process has on a file is gone as soon as
 * the process closes any descriptor of that file.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
}

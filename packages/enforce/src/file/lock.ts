import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';

/**
 * Takes a lock that one holder can have, across processes, and that the operating system gives back when its holder dies,
 * however it dies. Node has no file locks of its own; an exclusive transaction on an empty SQLite database is one.
 *
 * @returns what gives it back.
 * @throws {TaperError} `store_unavailable` when somebody has it; `store_unusable` when the file cannot be made.
 */
export function lockFile(path: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    makeFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    const busy = (cause as { errcode?: number }).errcode === 5; // SQLITE_BUSY
    throw new TaperError(
      busy ? 'store_unavailable' : 'store_unusable',
      busy ? `${path} is held by another writer.` : `${path} cannot be made.`,
      {
        hint: busy
          ? 'One process writes to an audit file at a time: stop the other, or give each a file of its own.'
          : 'Its folder must exist on a local disk and be writable for the user that runs this process.',
        cause,
      },
    );
  }
  return () => database.close();
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

import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from '../port/log-error.ts';

/** `SQLITE_BUSY`. */
const BUSY = 5;

/** A lock that one holder can have. */
export interface Lock {
  release(): void;
  /** Whether its file still has its name. Who deletes or replaces the file lets somebody else in. */
  isHeld(): boolean;
}

/**
 * Takes a lock that one holder can have, across processes, and that the operating system gives back when its holder dies,
 * however it dies. Node has no file locks of its own; an exclusive transaction on an empty SQLite database is one.
 *
 * @throws {LogError} `log_unavailable` when somebody has it, or the file cannot be made.
 */
export function lockFile(path: string): Lock {
  let database: DatabaseSync | undefined;
  try {
    makeFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    const busy = (cause as { errcode?: number }).errcode === BUSY;
    throw new LogError(
      'log_unavailable',
      path,
      busy ? `${path} is held by another writer.` : `${path} cannot be made.`,
      {
        hint: busy
          ? 'A log has one writer at a time: stop the other one. Readers need no lock.'
          : 'Its folder must lie on a local disk and be writable for the user that runs this process.',
        cause,
      },
    );
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

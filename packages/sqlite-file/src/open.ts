import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { isBusy, storeFileError } from './error.ts';
import type { StoreFileKind } from './kind.ts';
import { exclusively } from './transaction.ts';

/** Bytes to which the write-ahead log is cut when it has grown beyond. */
const JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024;

/** Milliseconds between two attempts at what SQLite does not wait for itself. */
const PAUSE = 5;

export interface StoreFileOptions {
  /** Milliseconds to wait, blocking, for other processes. It stays the connection's `busy_timeout`. */
  readonly lockTimeout: number;
  /**
   * Makes the tables of a file that is new, or looks at those of one that is not: in one transaction with all that marks the file as
   * ours, while nobody else writes.
   */
  readonly prepare: (db: DatabaseSync, isNew: boolean) => void;
}

/**
 * Opens the file of a store, or makes it: mode 0600, on a local disk, write-ahead log, every commit on the disk before it counts. Any number
 * of processes may open it, also at the same time while there is none; nothing is changed in a file that is not ours.
 *
 * @throws {TaperError} `store_unusable` for a file that is no database, is damaged, belongs to something else, has another version, belongs to
 * another user or can be reached by others; `store_unavailable` when it stays locked; `option_invalid` for what is no path of a file; what `prepare` throws.
 */
export function openStoreFile(
  kind: StoreFileKind,
  path: string,
  { lockTimeout, prepare }: StoreFileOptions,
): DatabaseSync {
  if (typeof path !== 'string' || path === '' || path === ':memory:' || path.startsWith('file:'))
    throw new TaperError('option_invalid', `A ${kind.noun} needs the path of a file.`);
  makePrivateFile(kind, path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: lockTimeout });
    prepareFile(kind, db, path, { lockTimeout, prepare });
    return db;
  } catch (error) {
    db?.close();
    throw storeFileError(kind, path, error);
  }
}

/** SQLite gives its log the mode of the database file. */
function makePrivateFile(kind: StoreFileKind, path: string): void {
  requireFolder(kind, path);
  refuseRemains(kind, path);
  const { noun } = kind;
  try {
    closeSync(openSync(path, 'ax', 0o600));
    chmodSync(path, 0o600);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      requirePrivateFile(kind, path);
      return;
    }
    throw new TaperError('store_unusable', `The ${noun} ${path} cannot be made.`, {
      hint: 'Its folder must exist and be writable for the user that runs this process.',
      cause,
    });
  }
}

/** In this order: whoever makes the file at the same time has it before there is a log beside it. */
function refuseRemains({ noun, danger }: StoreFileKind, path: string): void {
  const remains = ['-wal', '-journal'].map((end) => path + end).find((each) => existsSync(each));
  if (remains === undefined || existsSync(path)) return;
  throw new TaperError('store_unusable', `${remains} is there, and the ${noun} is not.`, {
    hint: `SQLite would write it over a new ${noun}, and whoever put it there can ${danger}. Restore both from a backup, or move it away.`,
  });
}

/** Whoever may write to the folder can put another file in the place of this one; unless it is sticky, as /tmp is. */
function requireFolder({ noun, danger }: StoreFileKind, path: string): void {
  if (process.platform === 'win32') return;
  const folder = dirname(resolve(path));
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & 0o002) === 0 || (found.mode & 0o1000) !== 0) return;
  throw new TaperError(
    'store_unusable',
    `The folder of the ${noun} ${path} is open to all users.`,
    {
      hint: `Whoever can write to it can ${danger}: chmod o-w ${folder}`,
    },
  );
}

function requirePrivateFile({ noun, danger }: StoreFileKind, path: string): void {
  const found = statSync(path);
  if (!found.isFile()) throw new TaperError('store_unusable', `The ${noun} ${path} is not a file.`);
  if (process.platform === 'win32') return;
  if ((found.mode & 0o077) !== 0)
    throw new TaperError('store_unusable', `The ${noun} ${path} is open to other users.`, {
      hint: `Whoever can write to it can ${danger}: chmod 600 ${path}`,
    });
  if (found.uid !== process.getuid?.() && found.uid !== 0)
    throw new TaperError('store_unusable', `The ${noun} ${path} belongs to another user.`, {
      hint: `Its owner can ${danger}. Run this as the user that owns it, or give it to the one that runs this.`,
    });
}

function prepareFile(
  kind: StoreFileKind,
  db: DatabaseSync,
  path: string,
  { lockTimeout, prepare }: StoreFileOptions,
): void {
  requireOurs(kind, db, path);
  db.exec('PRAGMA trusted_schema = OFF');
  useWriteAheadLog(kind, db, path, lockTimeout);
  // Every commit waits for the disk; on a Mac for the disk's own cache, too.
  db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  db.exec(`PRAGMA journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
  exclusively(db, () => {
    const isNew = requireOurs(kind, db, path) === 'new';
    if (isNew) {
      db.exec(`PRAGMA application_id = ${kind.applicationId}`);
      if (kind.version !== undefined) db.exec(`PRAGMA user_version = ${kind.version}`);
    }
    prepare(db, isNew);
  });
}

/** @throws {TaperError} `store_unusable` for the database of another application, or of another version. */
function requireOurs(
  { noun, applicationId, version }: StoreFileKind,
  db: DatabaseSync,
  path: string,
): 'new' | 'ours' {
  // In this order: another process may make the file in between, and what it made then says whose it is.
  const isEmpty = numberOf(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  const application = numberOf(db, 'PRAGMA application_id');
  if (application === 0 && isEmpty) return 'new';
  if (application !== applicationId)
    throw new TaperError('store_unusable', `The database ${path} belongs to another application.`, {
      hint: `Name another file. A ${noun} makes its file itself when there is none.`,
    });
  if (version !== undefined && numberOf(db, 'PRAGMA user_version') !== version)
    throw new TaperError(
      'store_unusable',
      `The ${noun} ${path} has another version than this one of Taper.`,
      {
        hint: 'Run the version of Taper that made it, or name another file.',
      },
    );
  return 'ours';
}

/** SQLite does not wait for the lock when it changes the journal's mode. */
function useWriteAheadLog(
  { noun }: StoreFileKind,
  db: DatabaseSync,
  path: string,
  lockTimeout: number,
): void {
  const deadline = performance.now() + lockTimeout;
  for (;;) {
    try {
      const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
      if (mode === 'wal') return;
      throw new TaperError('store_unusable', `The ${noun} ${path} cannot have a write-ahead log.`, {
        hint: 'Put it on a local disk: a network file system does not do.',
      });
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

function numberOf(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
}

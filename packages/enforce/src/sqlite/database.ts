import { randomUUID } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import {
  exclusively,
  openStoreFile,
  type Progress,
  readProgress,
  refuseOldCopy,
  writeProgress,
} from '@taper/sqlite-file';
import { STORE, storeError } from './error.ts';
import { createWriteQueue } from './write-queue.ts';

/** First word of the file that remembers how far a store has come. */
const WITNESS = 'taper-store';

/** Milliseconds to wait for the lock while opening, when blocking does no harm yet. */
const OPEN_TIMEOUT = 5_000;

/** Milliseconds for which a transaction may block the event loop while it waits for a lock; after that it waits without blocking. */
const BLOCKING_TIMEOUT = 2;

/** Milliseconds between two notes on the witness. */
const WITNESS_INTERVAL = 1_000;

export interface SqliteDatabaseOptions {
  /** Milliseconds for which a write waits for the lock before it is refused. Less than the enforcement point's `portTimeout`. Default 500. */
  readonly lockTimeout?: number;
  /** File that remembers how far the store has come, so that an old copy of the store is noticed. Best kept where backups do not reach. Default: `<path>.witness`. */
  readonly witness?: string;
}

/** One SQLite file with one or several stores in it. */
export interface SqliteDatabase {
  readonly path: string;
  /**
   * Makes a store's tables when they are not there yet.
   * @throws {TaperError} `store_unusable` when the file holds another version of them.
   */
  define(part: string, version: number, tables: string): void;
  prepare(sql: string): StatementSync;
  /**
   * Reads. What SQLite throws becomes a `TaperError`.
   * @throws {TaperError} `store_unavailable`, `store_unusable`.
   */
  read<Result>(work: () => Result): Result;
  /**
   * Runs `work` in a transaction, which is on the disk when the promise resolves. Writes of one turn of the event loop share a
   * transaction and run in the order of their calls; what one of them throws undoes that one alone.
   * Rejects with `store_unavailable` when the file is locked for too long or the disk is full; nothing is changed then, except
   * where the disk itself failed: then nobody knows.
   */
  write<Result>(work: () => Result): Promise<Result>;
  /** Writes that wait are refused. */
  close(): void;
}

/**
 * Opens a SQLite file for stores, or makes it: mode 0600, write-ahead log, every commit on the disk before it counts.
 * The file must lie on a local disk. Any number of processes may open it.
 *
 * @throws {TaperError} `store_unusable` for a file that is no database, belongs to something else, has another version, can be
 * read by others, or is older than its witness; `store_unavailable` when it stays locked; `option_invalid`.
 */
export function openSqliteDatabase(
  path: string,
  options: SqliteDatabaseOptions = {},
): SqliteDatabase {
  const { lockTimeout = 500, witness = `${path}.witness` } = options;
  if (typeof path !== 'string' || path === '' || path === ':memory:' || path.startsWith('file:')) {
    throw new TaperError('option_invalid', 'A store needs the path of a file.', {
      hint: 'For a store that lives in memory there are the memory drivers.',
    });
  }
  if (!Number.isSafeInteger(lockTimeout) || lockTimeout < 1 || lockTimeout > 60_000) {
    throw new TaperError('option_invalid', '`lockTimeout` must be 1 to 60000 milliseconds.');
  }
  const db = openFile(path, witness);
  const totalChanges = db.prepare('SELECT total_changes() AS count');
  const count = db.prepare('UPDATE store SET commits = commits + 1');
  let noted = performance.now();

  const queue = createWriteQueue(db, path, lockTimeout, (batch) => {
    const before = totalChanges.get()?.['count'];
    // The count that is noted has been committed: the witness is never ahead of the store.
    if (performance.now() - noted >= WITNESS_INTERVAL) note();
    batch();
    if (totalChanges.get()?.['count'] !== before) count.run();
  });

  function note(): void {
    writeProgress(WITNESS, witness, progressOf(db));
    noted = performance.now();
  }

  return Object.freeze({
    path,
    define(part: string, version: number, tables: string): void {
      orExplain(path, () => {
        const find = db.prepare('SELECT version FROM part WHERE name = ?');
        const isThere = (): boolean => {
          const known = find.get(part);
          if (known === undefined || known['version'] === version) return known !== undefined;
          throw otherVersion(path, part);
        };
        if (isThere()) return;
        patiently(db, () => {
          if (isThere()) return;
          db.exec(tables);
          db.prepare('INSERT INTO part (name, version) VALUES (?, ?)').run(part, version);
          count.run();
        });
      });
    },
    prepare: (sql: string): StatementSync => orExplain(path, () => db.prepare(sql)),
    read: <Result>(work: () => Result): Result => orExplain(path, work),
    write: queue.write,
    close(): void {
      queue.close();
      if (!db.isOpen) return;
      try {
        exclusively(db, note);
      } catch {
        // The witness stays behind by at most a second's worth of commits, which is allowed.
      }
      db.close();
    },
  });
}

function openFile(path: string, witness: string): DatabaseSync {
  const db = openStoreFile(STORE, path, {
    lockTimeout: OPEN_TIMEOUT,
    prepare(made, isNew) {
      if (isNew) makeTables(made);
      refuseOldCopy(STORE, progressOf(made), readProgress(STORE, WITNESS, witness), {
        path,
        witness,
        lost: 'Budgets spent and proofs used',
      });
    },
  });
  try {
    // After the commit: a crash in between must not leave a witness of a store that never was.
    exclusively(db, () => writeProgress(WITNESS, witness, progressOf(db)));
    db.exec(`PRAGMA busy_timeout = ${BLOCKING_TIMEOUT}`);
    return db;
  } catch (error) {
    db.close();
    throw storeError(error, path);
  }
}

function makeTables(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE store (
      one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, commits INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE part (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
  `);
  db.prepare('INSERT INTO store (one, name, commits) VALUES (1, ?, 0)').run(randomUUID());
}

/** A transaction at once, for when blocking does no harm yet. */
function patiently(db: DatabaseSync, work: () => void): void {
  db.exec(`PRAGMA busy_timeout = ${OPEN_TIMEOUT}`);
  try {
    exclusively(db, work);
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BLOCKING_TIMEOUT}`);
  }
}

function progressOf(db: DatabaseSync): Progress {
  const row = db.prepare('SELECT name, commits FROM store').get();
  return { name: String(row?.['name']), commits: Number(row?.['commits']) };
}

function otherVersion(path: string, part: string): TaperError {
  return new TaperError(
    'store_unusable',
    `The store ${path} holds another version of ${part} than this version of Taper knows.`,
    { hint: 'Run the version of Taper that made it, or name another file.' },
  );
}

function orExplain<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw storeError(error, path);
  }
}

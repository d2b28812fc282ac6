import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { isBusy, storeError } from './error.ts';
import { MIGRATIONS, type Migration, migrate } from './migrations.ts';
import { compareWithWitness, type Progress, readWitness, writeWitness } from './witness.ts';

/** `TapA`: what marks a SQLite file as an authority's (`PRAGMA application_id`). */
const APPLICATION_ID = 0x54617041;

/** Milliseconds to wait for the lock while opening, when blocking does no harm yet. */
const OPEN_TIMEOUT = 5_000;

/** Milliseconds for which a transaction may block the event loop while it waits for a lock; after that it waits without blocking. */
const BLOCKING_TIMEOUT = 2;

/** Bytes to which the write-ahead log is cut when it has grown beyond. */
const JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024;

/** The two connections of a store: one writes; one reads beside it, from what is committed. They are the same in memory. */
export interface Connections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
}

/** Opens a store that lives no longer than the process. */
export function openMemory(): Connections {
  const db = new DatabaseSync(':memory:');
  db.exec('PRAGMA trusted_schema = OFF');
  exclusively(db, () => {
    makeStore(db);
    migrate(db, ':memory:');
  });
  return { writer: db, reader: db };
}

/**
 * Opens the file of a store, or makes it: mode 0600, write-ahead log, every commit on the disk before it counts.
 * @throws {TaperError} `store_unusable`, `store_unavailable`.
 */
export function openFile(
  path: string,
  witness: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Connections {
  makePrivateFile(path);
  const opened: DatabaseSync[] = [];
  try {
    const connect = (): DatabaseSync => {
      const db = new DatabaseSync(path, { timeout: OPEN_TIMEOUT });
      opened.push(db);
      return db;
    };
    const writer = connect();
    prepareFile(writer, path, witness, migrations);
    const reader = connect();
    reader.exec(`
      PRAGMA trusted_schema = OFF;
      PRAGMA query_only = ON;
      PRAGMA busy_timeout = ${BLOCKING_TIMEOUT}`);
    return { writer, reader };
  } catch (error) {
    for (const db of opened) db.close();
    throw storeError(error, path);
  }
}

/** SQLite gives its log the mode of the database file. */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
    chmodSync(path, 0o600);
    return;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EEXIST') {
      throw new TaperError('store_unusable', `The store ${path} cannot be made.`, {
        hint: 'Its folder must exist and be writable for the user that runs this process.',
        cause: error,
      });
    }
  }
  const found = statSync(path);
  if (!found.isFile()) throw new TaperError('store_unusable', `The store ${path} is not a file.`);
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new TaperError('store_unusable', `The store ${path} is open to other users.`, {
      hint: `Whoever can write to it can enrol a key as anybody: chmod 600 ${path}`,
    });
  }
}

/** Nothing is changed in a file that is not ours. */
function prepareFile(
  db: DatabaseSync,
  path: string,
  witness: string,
  migrations: readonly Migration[],
): void {
  checkIdentity(db, path);
  db.exec('PRAGMA trusted_schema = OFF');
  useWriteAheadLog(db, path);
  // Every commit waits for the disk; on a Mac for the disk's own cache, too.
  db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  db.exec(`PRAGMA journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
  exclusively(db, () => {
    if (checkIdentity(db, path) === 'new') {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      makeStore(db);
    }
    migrate(db, path, migrations);
    compareWithWitness(progressOf(db), readWitness(witness), { store: path, witness });
  });
  // After the commit: a crash in between must not leave a witness of a store that never was.
  exclusively(db, () => writeWitness(witness, progressOf(db)));
  db.exec(`PRAGMA busy_timeout = ${BLOCKING_TIMEOUT}`);
}

function makeStore(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE store (
      one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, commits INTEGER NOT NULL, forgotten INTEGER NOT NULL
    ) STRICT`);
  db.prepare('INSERT INTO store (one, name, commits, forgotten) VALUES (1, ?, 0, -1)').run(
    randomUUID(),
  );
}

function checkIdentity(db: DatabaseSync, path: string): 'new' | 'ours' {
  // In this order: another process may make the file in between, and what it made then says whose it is.
  const isEmpty = numberOf(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  const application = numberOf(db, 'PRAGMA application_id');
  if (application === APPLICATION_ID) return 'ours';
  if (application === 0 && isEmpty) return 'new';
  throw new TaperError('store_unusable', `The database ${path} belongs to another application.`, {
    hint: 'Name another file. A store makes its file itself when there is none.',
  });
}

/** SQLite does not wait for the lock when it changes the journal's mode. */
function useWriteAheadLog(db: DatabaseSync, path: string): void {
  const deadline = performance.now() + OPEN_TIMEOUT;
  for (;;) {
    try {
      const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
      if (mode === 'wal') return;
      throw new TaperError('store_unusable', `The store ${path} cannot have a write-ahead log.`, {
        hint: 'Put it on a local disk: a network file system does not do.',
      });
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** A transaction at once, blocking. */
export function exclusively(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** How far the store has come. */
export function progressOf(db: DatabaseSync): Progress {
  const row = db.prepare('SELECT name, commits FROM store').get();
  return { name: String(row?.['name']), commits: Number(row?.['commits']) };
}

function numberOf(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
}

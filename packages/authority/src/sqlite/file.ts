import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import {
  exclusively,
  openStoreFile,
  type Progress,
  readProgress,
  refuseOldCopy,
  writeProgress,
} from '@taper/sqlite-file';
import { STORE, storeError } from './error.ts';
import { MIGRATIONS, type Migration, migrate } from './migrations.ts';

/** First word of the file that remembers how far a store has come. */
const WITNESS = 'taper-authority';

/** Milliseconds to wait for the lock while opening, when blocking does no harm yet. */
const OPEN_TIMEOUT = 5_000;

/** Milliseconds for which a transaction may block the event loop while it waits for a lock; after that it waits without blocking. */
const BLOCKING_TIMEOUT = 2;

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
 * Opens the file of a store, or makes it, and brings its tables up to date.
 * @throws {TaperError} `store_unusable`, `store_unavailable`.
 */
export function openFile(
  path: string,
  witness: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Connections {
  const opened: DatabaseSync[] = [];
  try {
    const writer = openStoreFile(STORE, path, {
      lockTimeout: OPEN_TIMEOUT,
      prepare(db, isNew) {
        if (isNew) makeStore(db);
        migrate(db, path, migrations);
        refuseOldCopy(STORE, progressOf(db), readProgress(STORE, WITNESS, witness), {
          path,
          witness,
          lost: 'Keys rotated, agents retired and tokens used',
        });
      },
    });
    opened.push(writer);
    // After the commit: a crash in between must not leave a witness of a store that never was.
    exclusively(writer, () => noteProgress(writer, witness));
    writer.exec(`PRAGMA busy_timeout = ${BLOCKING_TIMEOUT}`);
    const reader = new DatabaseSync(path, { timeout: OPEN_TIMEOUT });
    opened.push(reader);
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

/** Writes down how far the store has come. Only who holds its write lock may call it. */
export function noteProgress(db: DatabaseSync, witness: string): void {
  writeProgress(WITNESS, witness, progressOf(db));
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

function progressOf(db: DatabaseSync): Progress {
  const row = db.prepare('SELECT name, commits FROM store').get();
  return { name: String(row?.['name']), commits: Number(row?.['commits']) };
}

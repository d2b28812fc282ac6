import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { checkRecord, refuseRollback } from '../witness/record.ts';
import type { WitnessedCheckpoint, WitnessStore, WitnessWrite } from '../witness/store.ts';
import { DAMAGED, exclusively, numberOf, resultCodeOf } from './transaction.ts';

/** `TapW`: what marks the file as ours (`PRAGMA application_id`). */
const APPLICATION_ID = 0x54617057;

const FORMAT_VERSION = 1;

/** Milliseconds for which a write waits for another process. */
const LOCK_TIMEOUT = 2_000;

const TABLES = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
  CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, writes INTEGER NOT NULL) STRICT;
  CREATE TABLE witnessed (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER witnessed_kept BEFORE DELETE ON witnessed
    BEGIN SELECT RAISE(ABORT, 'a witness forgets no log'); END;
  CREATE TRIGGER witnessed_grows BEFORE UPDATE ON witnessed
    WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
    BEGIN SELECT RAISE(ABORT, 'a witness never goes back'); END;
`;

export interface SqliteWitnessStoreOptions {
  /** File that remembers how far the store has come, so that an old copy is noticed. Best kept where backups do not reach. Default: `<path>.mark`. */
  readonly mark?: string;
}

/** A {@link WitnessStore} in a SQLite file, for any number of logs and processes. */
export interface SqliteWitnessStore extends WitnessStore {
  /** All logs of which a checkpoint was cosigned, by origin. */
  all(): readonly WitnessedCheckpoint[];
  close(): void;
}

/**
 * Opens the state of a witness, or makes it: mode 0600, on a local disk. Every record is on the disk before it counts.
 *
 * @throws {TaperError} `store_unusable` for a file that is something else, is damaged, or is open to others; `log_rolled_back`
 * when it is older than its mark: a restored backup, with which the witness would cosign a second history;
 * `store_unavailable` when it stays locked.
 */
export function openSqliteWitnessStore(
  path: string,
  options: SqliteWitnessStoreOptions = {},
): SqliteWitnessStore {
  const { mark = `${path}.mark` } = options;
  if (typeof path !== 'string' || path === '' || path === ':memory:' || path.startsWith('file:')) {
    throw new TaperError('option_invalid', 'The state of a witness needs the path of a file.');
  }
  makePrivateFile(path);
  const db = explained(path, () => new DatabaseSync(path, { timeout: LOCK_TIMEOUT }));
  try {
    explained(path, () => prepareFile(db, path, mark));
  } catch (error) {
    db.close();
    throw error;
  }
  const find = db.prepare('SELECT origin, size, root, note FROM witnessed WHERE origin = ?');
  const findAll = db.prepare('SELECT origin, size, root, note FROM witnessed ORDER BY origin');
  const write = db.prepare(`
    INSERT INTO witnessed (origin, size, root, note) VALUES (?, ?, ?, ?)
    ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note`);
  const count = db.prepare('UPDATE state SET writes = writes + 1');

  return Object.freeze({
    read: (origin: string) => explained(path, () => recordIn(find.get(origin))),
    replace(expectedSize: number, next: WitnessedCheckpoint): WitnessWrite {
      checkRecord(expectedSize, next);
      return explained(path, () =>
        exclusively(db, () => {
          const held = recordIn(find.get(next.origin));
          if ((held?.size ?? 0) !== expectedSize) return 'conflict';
          if (held !== undefined) refuseRollback(held, next);
          write.run(next.origin, next.size, next.root, next.note);
          count.run();
          // Before the commit, and so perhaps one ahead of it: `prepareFile` allows for that.
          writeMark(mark, progressOf(db));
          return 'replaced';
        }),
      );
    },
    all: () =>
      explained(path, () => findAll.all().map((row) => recordIn(row) as WitnessedCheckpoint)),
    close(): void {
      if (db.isOpen) db.close();
    },
  });
}

function recordIn(
  row: Readonly<Record<string, unknown>> | undefined,
): WitnessedCheckpoint | undefined {
  if (row === undefined) return undefined;
  const { origin, size, root, note } = row;
  return Object.freeze({
    origin: String(origin),
    size: Number(size),
    root: new Uint8Array(root as Uint8Array),
    note: String(note),
  });
}

function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
    chmodSync(path, 0o600);
    return;
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') {
      throw new TaperError('store_unusable', `The state ${path} cannot be made.`, {
        hint: 'Its folder must exist and be writable for the user that runs this process.',
        cause,
      });
    }
  }
  const found = statSync(path);
  if (!found.isFile()) throw new TaperError('store_unusable', `The state ${path} is not a file.`);
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new TaperError('store_unusable', `The state ${path} is open to other users.`, {
      hint: `Whoever can write to it can have a second history cosigned: chmod 600 ${path}`,
    });
  }
}

function prepareFile(db: DatabaseSync, path: string, mark: string): void {
  checkIdentity(db, path);
  db.exec('PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL');
  // Every commit waits for the disk; on a Mac for the disk's own cache, too.
  db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  exclusively(db, () => {
    if (checkIdentity(db, path) === 'new') {
      db.exec(TABLES);
      db.prepare('INSERT INTO state (one, name, writes) VALUES (1, ?, 0)').run(randomUUID());
    }
    refuseOldCopy(progressOf(db), readMark(mark), path, mark);
  });
}

function checkIdentity(db: DatabaseSync, path: string): 'new' | 'ours' {
  // In this order: another process may make the file in between, and what it made then says whose it is.
  const isEmpty = numberOf(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  const application = numberOf(db, 'PRAGMA application_id');
  if (application === APPLICATION_ID && numberOf(db, 'PRAGMA user_version') === FORMAT_VERSION)
    return 'ours';
  if (application === 0 && isEmpty) return 'new';
  throw new TaperError('store_unusable', `The database ${path} is no state of a witness.`, {
    hint: 'Name another file; the witness makes its state itself when there is none. Another version of Taper may have made this one.',
  });
}

/** How often a state was written, under a name that was drawn when it was made. */
interface Progress {
  readonly name: string;
  readonly writes: number;
}

function refuseOldCopy(
  state: Progress,
  mark: Progress | undefined,
  path: string,
  markPath: string,
): void {
  if (mark === undefined && state.writes === 0) return;
  // The mark is written inside the transaction: after a crash just there it is one ahead, and nobody was answered.
  if (mark !== undefined && mark.name === state.name && mark.writes <= state.writes + 1) return;
  throw new TaperError(
    'log_rolled_back',
    mark === undefined
      ? `The state ${path} has been in use, and its mark ${markPath} is not there.`
      : `The state ${path} is not where ${markPath} last saw it: it is an old copy, or another file.`,
    {
      hint: 'A witness that forgot what it cosigned would cosign a second history. Follow "A witness that has lost its state" in docs/log.md.',
    },
  );
}

function readMark(path: string): Progress | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new TaperError('store_unusable', `The mark ${path} cannot be read.`, { cause });
  }
  const match = /^taper-witness 1 ([0-9a-f-]{36}) (0|[1-9][0-9]{0,14})\n$/.exec(text);
  if (match === null)
    throw new TaperError('store_unusable', `The mark ${path} is damaged.`, {
      hint: 'It is one line, written by the witness. Follow "A witness that has lost its state" in docs/log.md.',
    });
  const [, name = '', writes = ''] = match;
  return { name, writes: Number(writes) };
}

/** Replaces the file as one step, and durably. */
function writeMark(path: string, { name, writes }: Progress): void {
  const next = `${path}.next`;
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, `taper-witness 1 ${name} ${writes}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function progressOf(db: DatabaseSync): Progress {
  const row = db.prepare('SELECT name, writes FROM state').get();
  return { name: String(row?.['name']), writes: Number(row?.['writes']) };
}

/** Primary result codes of SQLite that mean "try again" (https://www.sqlite.org/rescode.html). */
const BUSY = [5, 6];

/** What SQLite or the file system threw, as a `TaperError`. */
function explained<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof TaperError) throw error;
    const result = resultCodeOf(error);
    if (result !== undefined && DAMAGED.includes(result)) {
      throw new TaperError('store_unusable', `The state ${path} is damaged, or no database.`, {
        hint: 'Follow "A witness that has lost its state" in docs/log.md.',
        cause: error,
      });
    }
    const why = result !== undefined && BUSY.includes(result) ? 'is locked' : 'has failed';
    throw new TaperError('store_unavailable', `The state ${path} ${why}.`, {
      hint: 'Nothing was cosigned. See the cause, the free space and the messages of the operating system about this disk.',
      cause: error,
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

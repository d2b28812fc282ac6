import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import {
  exclusively,
  openStoreFile,
  type Progress,
  readProgress,
  type StoreFileKind,
  storeFileError,
  writeProgress,
} from '@taper/sqlite-file';
import { checkRecord, refuseRollback } from '../witness/record.ts';
import type { WitnessedCheckpoint, WitnessStore, WitnessWrite } from '../witness/store.ts';

const STATE: StoreFileKind = Object.freeze({
  noun: 'state of a witness',
  /** `TapW`. */
  applicationId: 0x54617057,
  version: 1,
  danger: 'have a second history cosigned',
  remedy: 'Follow "A witness that has lost its state" in docs/log.md.',
  whenFull: 'Nothing is cosigned until then; nothing has to be restarted.',
});

/** First word of the mark. */
const MARK = 'taper-witness';

/** Milliseconds for which a write waits for another process. */
const LOCK_TIMEOUT = 2_000;

const TABLES = `
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
  const db = openStoreFile(STATE, path, {
    lockTimeout: LOCK_TIMEOUT,
    prepare(made, isNew) {
      if (isNew) {
        made.exec(TABLES);
        made.prepare('INSERT INTO state (one, name, writes) VALUES (1, ?, 0)').run(randomUUID());
      }
      refuseOldCopy(progressOf(made), readProgress(STATE, MARK, mark), path, mark);
    },
  });
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
          // Before the commit, and so perhaps one ahead of it: `refuseOldCopy` allows for that.
          writeProgress(MARK, mark, progressOf(db));
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

function refuseOldCopy(
  state: Progress,
  mark: Progress | undefined,
  path: string,
  markPath: string,
): void {
  if (mark === undefined && state.commits === 0) return;
  // The mark is written inside the transaction: after a crash just there it is one ahead, and nobody was answered.
  if (mark !== undefined && mark.name === state.name && mark.commits <= state.commits + 1) return;
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

function progressOf(db: DatabaseSync): Progress {
  const row = db.prepare('SELECT name, writes FROM state').get();
  return { name: String(row?.['name']), commits: Number(row?.['writes']) };
}

function explained<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw storeFileError(STATE, path, error);
  }
}

import type { StatementSync } from 'node:sqlite';
import { exclusively, openStoreFile, type StoreFileKind, storeFileError } from '@taper/sqlite-file';
import type { StoredView, ViewChange, ViewPosition, ViewStore } from '../port/view-store.ts';
import { requireAdvance } from '../revocation-view/position.ts';
import type { KnownRevocation } from '../revocation-view/revoked-table.ts';

const VIEW: StoreFileKind = Object.freeze({
  noun: 'view',
  /** `TapV`. */
  applicationId: 0x54617056,
  version: 2,
  danger: 'have what is revoked forgotten',
  remedy: 'Remove it: it is built anew from the log.',
  whenFull: 'Nothing that was saved is lost.',
});

/** Milliseconds for which opening and writing wait for another process. */
const LOCK_TIMEOUT = 2_000;

/** `time`: of a token its `exp`, of a tenant `issued_before`, of a key that was replaced the end of its time; a revoked key has none. */
const TABLES = `
  CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    note TEXT NOT NULL,
    frontier BLOB NOT NULL CHECK (length(frontier) % 32 = 0),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    next_update INTEGER NOT NULL,
    time INTEGER NOT NULL,
    as_of INTEGER NOT NULL
  ) STRICT;
  CREATE TRIGGER position_kept BEFORE DELETE ON position
    BEGIN SELECT RAISE(ABORT, 'a view forgets no position'); END;
  CREATE TRIGGER position_grows BEFORE UPDATE ON position
    WHEN NEW.log <> OLD.log OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch
      OR (NEW.size = OLD.size AND NEW.frontier <> OLD.frontier)
    BEGIN SELECT RAISE(ABORT, 'a view never goes back'); END;
  CREATE TABLE revoked (
    kind TEXT NOT NULL CHECK (kind IN ('token', 'key', 'tenant', 'replaced')),
    subject TEXT NOT NULL,
    time INTEGER,
    PRIMARY KEY (kind, subject)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX revoked_time ON revoked (time) WHERE kind = 'token';
`;

/** A {@link ViewStore} in a SQLite file. */
export interface SqliteViewStore extends ViewStore {
  load(): StoredView | undefined;
  save(change: ViewChange): void;
  close(): void;
}

/**
 * Opens the file of one view, or makes it: mode 0600, on a local disk. Every `save` is one transaction, which is on the disk when
 * it returns.
 *
 * An old copy of the file is not harmful: it knows less, and what it knew is as old as it is. Until a fresh epoch has come, nothing passes.
 *
 * @throws {TaperError} `store_unusable` for a file that is something else, is damaged, or is open to others; `store_unavailable`
 * when it stays locked; `option_invalid`.
 */
export function openSqliteViewStore(path: string): SqliteViewStore {
  const db = openStoreFile(VIEW, path, {
    lockTimeout: LOCK_TIMEOUT,
    prepare(made, isNew) {
      if (isNew) made.exec(TABLES);
    },
  });
  const find = db.prepare('SELECT * FROM position');
  const all = db.prepare('SELECT kind, subject, time FROM revoked');
  const write = db.prepare(`
    INSERT INTO position (one, log, size, note, frontier, epoch, next_update, time, as_of)
    VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (one) DO UPDATE SET log = excluded.log, size = excluded.size, note = excluded.note,
      frontier = excluded.frontier, epoch = excluded.epoch, next_update = excluded.next_update,
      time = excluded.time, as_of = excluded.as_of`);
  const add = db.prepare(`
    INSERT INTO revoked (kind, subject, time) VALUES (?, ?, ?)
    ON CONFLICT (kind, subject) DO UPDATE SET time = excluded.time
      WHERE CASE kind WHEN 'replaced' THEN excluded.time < revoked.time ELSE excluded.time > revoked.time END`);
  const forget = db.prepare("DELETE FROM revoked WHERE kind = 'token' AND time <= ?");

  return Object.freeze({
    load(): StoredView | undefined {
      return explained(path, () => {
        const position = positionIn(find.get());
        if (position === undefined) return undefined;
        return { position, revoked: revokedIn(path, all) };
      });
    },
    save({ position, revoked, forgetUntil }: ViewChange): void {
      explained(path, () =>
        exclusively(db, () => {
          requireAdvance(positionIn(find.get()), position);
          const { log, size, note, frontier, epoch, nextUpdate, time, asOf } = position;
          const hashes = Buffer.concat(frontier);
          write.run(log, size, note, hashes, epoch, nextUpdate, time, asOf);
          for (const each of revoked) add.run(...rowOf(each));
          forget.run(forgetUntil);
        }),
      );
    },
    close(): void {
      if (db.isOpen) db.close();
    },
  });
}

type Row = Readonly<Record<string, unknown>>;

function positionIn(row: Row | undefined): ViewPosition | undefined {
  if (row === undefined) return undefined;
  const hashes = row['frontier'] as Uint8Array;
  return Object.freeze({
    log: String(row['log']),
    size: Number(row['size']),
    note: String(row['note']),
    frontier: Array.from({ length: hashes.length / 32 }, (_, at) =>
      hashes.slice(32 * at, 32 * at + 32),
    ),
    epoch: Number(row['epoch']),
    nextUpdate: Number(row['next_update']),
    time: Number(row['time']),
    asOf: Number(row['as_of']),
  });
}

function rowOf(revoked: KnownRevocation): [kind: string, subject: string, time: number | null] {
  switch (revoked.kind) {
    case 'token':
      return ['token', revoked.token, revoked.expiresAt];
    case 'key':
      return ['key', revoked.key, null];
    case 'tenant':
      return ['tenant', revoked.tenant, revoked.issuedBefore];
    case 'replaced':
      return ['replaced', revoked.key, revoked.oldUntil];
  }
}

/** One after the other: a million of them take no more memory than one. */
function* revokedIn(path: string, all: StatementSync): Iterable<KnownRevocation> {
  const rows = explained(path, () => all.iterate());
  for (;;) {
    const { done, value } = explained(path, () => rows.next());
    if (done === true) return;
    yield readRevoked(value);
  }
}

function readRevoked(row: Row): KnownRevocation {
  const subject = String(row['subject']);
  switch (row['kind']) {
    case 'token':
      return { kind: 'token', token: subject, expiresAt: Number(row['time']) };
    case 'key':
      return { kind: 'key', key: subject };
    case 'replaced':
      return { kind: 'replaced', key: subject, oldUntil: Number(row['time']) };
    default:
      return { kind: 'tenant', tenant: subject, issuedBefore: Number(row['time']) };
  }
}

function explained<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw storeFileError(VIEW, path, error);
  }
}

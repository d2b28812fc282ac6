import type { RevocationViewOptions } from '../memory/revocation-view.ts';
import type { RevocationView } from '../port/revocation-view.ts';
import {
  checkRevocationOptions,
  createRevocationSet,
  DEFAULT_REVOCATION_CAPACITY,
  isPast,
  REVOCATION_RETENTION,
  type Revocation,
  type RevocationEntry,
  readRevocation,
  viewFull,
} from '../revocation/entry.ts';
import {
  createReplacedKeys,
  type ReplacedKey,
  readReplacedKey,
} from '../revocation/replaced-keys.ts';
import type { SqliteDatabase } from './database.ts';

/** Revocations long past that each `revoke` deletes. */
const SWEEP = 32;

/** `time` is null where it never ends. A revocation that is changed gets a new number, so that every process reads it. */
const TABLES = `
  CREATE TABLE revocation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'key', 'tenant')),
    subject TEXT NOT NULL,
    time INTEGER,
    UNIQUE (kind, subject)
  ) STRICT;
  CREATE INDEX revocation_time ON revocation (time) WHERE kind <> 'tenant';
`;

/** A part of its own, so that files from before it go on. A key that is replaced again gets a new number, too. */
const REPLACED_TABLES = `
  CREATE TABLE replaced_key (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    until INTEGER NOT NULL
  ) STRICT;
`;

export interface SqliteRevocationView extends RevocationView {
  /**
   * Revokes, for all processes that share the file from the moment the promise resolves. Revoking again never weakens what was
   * revoked.
   *
   * @param now seconds since the epoch; what expired more than a day before is forgotten.
   * @throws {TaperError} `option_invalid`; `store_unavailable` when the view is full, the file locked or the disk full. Nothing
   * is revoked then.
   */
  revoke(revocation: Revocation, now: number): Promise<void>;
  /**
   * Has a key that was replaced act no longer from a time on, as its rotation statement says. Of two times for one key the earlier counts.
   *
   * @throws {TaperError} `option_invalid`; `store_unavailable` when the view is full, the file locked or the disk full. Nothing has changed then.
   */
  replace(replaced: ReplacedKey): Promise<void>;
}

/**
 * A {@link RevocationView} over a SQLite file, shared by all processes that open it. Every check sees what was committed before
 * it; it answers from memory after asking the file for what is new.
 *
 * @throws {TaperError} `option_invalid`; `store_unusable` when the file holds another version of its tables.
 */
export function createSqliteRevocationView(
  database: SqliteDatabase,
  options: RevocationViewOptions = {},
): SqliteRevocationView {
  const { logs = [], capacity = DEFAULT_REVOCATION_CAPACITY } = options;
  checkRevocationOptions(capacity, logs);
  database.define('revocation', 1, TABLES);
  database.define('replaced_key', 1, REPLACED_TABLES);
  const followed = new Set(logs);
  let revoked = createRevocationSet();
  const news = database.prepare(
    'SELECT number, kind, subject, time FROM revocation WHERE number > ? ORDER BY number',
  );
  const size = database.prepare('SELECT count(*) AS size FROM revocation');
  const find = database.prepare('SELECT time FROM revocation WHERE kind = ? AND subject = ?');
  const remove = database.prepare('DELETE FROM revocation WHERE kind = ? AND subject = ?');
  const insert = database.prepare('INSERT INTO revocation (kind, subject, time) VALUES (?, ?, ?)');
  const past = database.prepare(
    `SELECT kind, subject, time FROM revocation WHERE kind <> 'tenant' AND time < ? ORDER BY time LIMIT ?`,
  );
  const newlyReplaced = database.prepare(
    'SELECT number, key, until FROM replaced_key WHERE number > ? ORDER BY number',
  );
  const endOf = database.prepare('SELECT until FROM replaced_key WHERE key = ?');
  const unreplace = database.prepare('DELETE FROM replaced_key WHERE key = ?');
  const insertReplaced = database.prepare('INSERT INTO replaced_key (key, until) VALUES (?, ?)');
  const replaced = createReplacedKeys();
  let last = 0;
  let lastReplaced = 0;

  /** Never inside a transaction: what is rolled back must not have been read. */
  function readNews(): void {
    if (revoked.size >= 2 * capacity) {
      // Half of it at least has been deleted from the file since.
      revoked = createRevocationSet();
      last = 0;
    }
    for (const row of news.all(last)) {
      revoked.add(entryOf(row));
      last = Number(row['number']);
    }
    for (const row of newlyReplaced.all(lastReplaced)) {
      replaced.add({ key: String(row['key']), until: Number(row['until']) });
      lastReplaced = Number(row['number']);
    }
  }

  function revoke(entry: RevocationEntry, now: number): void {
    for (const row of past.all(now - REVOCATION_RETENTION, SWEEP)) {
      if (isPast(entryOf(row), now)) remove.run(String(row['kind']), String(row['subject']));
    }
    const { kind, subject } = entry;
    const known = find.get(kind, subject);
    // The set holds all that the file does, and what the file has forgotten; counting rows takes long.
    const room = revoked.size < capacity || Number(size.get()?.['size']) < capacity;
    if (known === undefined && !room) throw viewFull();
    const time = Math.max(entry.time, known === undefined ? entry.time : timeOf(known));
    remove.run(kind, subject);
    insert.run(kind, subject, time === Infinity ? null : time);
  }

  database.read(readNews);
  return {
    check(query, now) {
      database.read(readNews);
      const found = revoked.find(query) ?? replaced.find(query, now);
      if (found !== undefined) return found;
      if (query.logs.some((log) => !followed.has(log))) return { verdict: 'unknown_log' };
      return { verdict: 'good', asOf: now };
    },
    async revoke(revocation, now) {
      const entry = readRevocation(revocation);
      database.read(readNews);
      await database.write(() => revoke(entry, now));
    },
    async replace(given) {
      const { key, until } = readReplacedKey(given);
      database.read(readNews);
      await database.write(() => {
        const known = endOf.get(key);
        if (known === undefined && replaced.size >= capacity) throw viewFull();
        unreplace.run(key);
        insertReplaced.run(key, Math.min(until, Number(known?.['until'] ?? until)));
      });
    },
  };
}

type Row = Readonly<Record<string, unknown>>;

function entryOf(row: Row): RevocationEntry {
  return {
    kind: row['kind'] as RevocationEntry['kind'],
    subject: String(row['subject']),
    time: timeOf(row),
  };
}

function timeOf(row: Row): number {
  return row['time'] === null ? Infinity : Number(row['time']);
}

import { DatabaseSync } from 'node:sqlite';
import type { AuditEntry } from '../audit/verify.ts';
import type { AuditLine, AuditSink, AuditTip } from '../port/audit-sink.ts';
import type { SqliteDatabase } from './database.ts';

/**
 * Rows are added and read, and nothing else: who wants to change one has to take the triggers away first. Events have row ids:
 * in a tree by their key, lines of a kilobyte would spill into pages of their own, at three times the size.
 */
const TABLES = `
  CREATE TABLE audit_event (
    emitter TEXT NOT NULL, sequence INTEGER NOT NULL, hash TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (emitter, sequence)
  ) STRICT;
  CREATE TABLE audit_salt (
    emitter TEXT NOT NULL, sequence INTEGER NOT NULL, salt TEXT NOT NULL,
    PRIMARY KEY (emitter, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER audit_event_kept BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are kept'); END;
  CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are not changed'); END;
`;

const EVIDENCE_TABLE = `
  CREATE TABLE audit_evidence (
    emitter TEXT NOT NULL, sequence INTEGER NOT NULL, evidence TEXT NOT NULL,
    PRIMARY KEY (emitter, sequence)
  ) STRICT;
`;

/** Each emitter once, without a walk over all of its rows. */
const EMITTERS = `
  WITH RECURSIVE each(emitter) AS (
    SELECT min(emitter) FROM audit_event
    UNION ALL
    SELECT (SELECT min(emitter) FROM audit_event WHERE emitter > each.emitter) FROM each
    WHERE each.emitter IS NOT NULL
  )
  SELECT emitter FROM each WHERE emitter IS NOT NULL
`;

/** An {@link AuditSink} on SQLite, for any number of emitters and processes. */
export interface SqliteAuditSink extends AuditSink {
  /** What opens the `arguments_hash` of an event; `undefined` where it was erased or is not there. */
  salt(emitter: string, sequence: number): string | undefined;
  /** What an auditor needs to judge the call of an event again; `undefined` where none was given, or it was erased. */
  evidence(emitter: string, sequence: number): string | undefined;
  /** Erases salt and evidence of an event, also from the write-ahead log unless somebody is reading: from then on nobody can tell from the log what its arguments were. */
  eraseSalt(emitter: string, sequence: number): Promise<void>;
}

/** @throws {TaperError} as {@link SqliteDatabase.define}. */
export function createSqliteAuditSink(database: SqliteDatabase): SqliteAuditSink {
  database.define('audit', 1, TABLES);
  database.define('audit_evidence', 1, EVIDENCE_TABLE);
  database.prepare('PRAGMA secure_delete = ON').get();
  const selectTip = database.prepare(
    'SELECT sequence, hash FROM audit_event WHERE emitter = ? ORDER BY sequence DESC LIMIT 1',
  );
  const insertEvent = database.prepare(
    'INSERT INTO audit_event (emitter, sequence, hash, line) VALUES (?, ?, ?, ?)',
  );
  const insertSalt = database.prepare(
    'INSERT INTO audit_salt (emitter, sequence, salt) VALUES (?, ?, ?)',
  );
  const insertEvidence = database.prepare(
    'INSERT INTO audit_evidence (emitter, sequence, evidence) VALUES (?, ?, ?)',
  );
  const selectEvidence = database.prepare(
    'SELECT evidence FROM audit_evidence WHERE emitter = ? AND sequence = ?',
  );
  const deleteEvidence = database.prepare(
    'DELETE FROM audit_evidence WHERE emitter = ? AND sequence = ?',
  );
  const selectSalt = database.prepare(
    'SELECT salt FROM audit_salt WHERE emitter = ? AND sequence = ?',
  );
  const deleteSalt = database.prepare('DELETE FROM audit_salt WHERE emitter = ? AND sequence = ?');
  const emptyJournal = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)');

  function tipOf(emitter: string): AuditTip | undefined {
    const row = selectTip.get(emitter);
    return row && { sequence: Number(row['sequence']), hash: String(row['hash']) };
  }

  return Object.freeze({
    tip: (emitter: string) => database.read(() => tipOf(emitter)),
    append: (lines: readonly AuditLine[]) =>
      database.write((): 'appended' | 'conflict' => {
        const [first] = lines;
        if (first === undefined) return 'appended';
        if (first.sequence !== (tipOf(first.emitter)?.sequence ?? 0) + 1) return 'conflict';
        for (const { emitter, sequence, hash, line, salt, evidence } of lines) {
          insertEvent.run(emitter, sequence, hash, line);
          insertSalt.run(emitter, sequence, salt);
          if (evidence !== undefined) insertEvidence.run(emitter, sequence, evidence);
        }
        return 'appended';
      }),
    salt(emitter: string, sequence: number): string | undefined {
      const row = database.read(() => selectSalt.get(emitter, sequence));
      return row === undefined ? undefined : String(row['salt']);
    },
    evidence(emitter: string, sequence: number): string | undefined {
      const row = database.read(() => selectEvidence.get(emitter, sequence));
      return row === undefined ? undefined : String(row['evidence']);
    },
    async eraseSalt(emitter: string, sequence: number): Promise<void> {
      await database.write(() => {
        deleteSalt.run(emitter, sequence);
        deleteEvidence.run(emitter, sequence);
      });
      database.read(() => emptyJournal.get());
    },
  });
}

/** A database with audit events, opened for reading alone. */
export interface SqliteAuditLog {
  readonly emitters: readonly string[];
  /** The lines of an emitter in the order of their rows. */
  lines(emitter: string): Iterable<AuditEntry>;
  close(): void;
}

/**
 * Opens a database for verification. Nothing in it but the lines themselves is believed.
 * @throws SQLite's error for a file that is no such database.
 */
export function openSqliteAuditLog(path: string): SqliteAuditLog {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const emitters = database
      .prepare(EMITTERS)
      .all()
      .map((row) => String(row['emitter']));
    const select = database.prepare(
      'SELECT line FROM audit_event WHERE emitter = ? ORDER BY sequence',
    );
    return {
      emitters,
      *lines(emitter): Generator<AuditEntry> {
        for (const row of select.iterate(emitter)) yield { text: String(row['line']) };
      },
      close: () => database.close(),
    };
  } catch (cause) {
    database.close();
    throw cause;
  }
}

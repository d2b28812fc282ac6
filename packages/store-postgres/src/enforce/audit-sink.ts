import { TaperError } from '@taper/core';
import type { AuditLine, AuditSink, AuditTip } from '@taper/enforce';
import type { PostgresDatabase } from '../database.ts';
import { PostgresError } from '../postgres-error.ts';
import { type Row, statement } from '../statement.ts';

/** SQLSTATE unique_violation. */
const NOT_UNIQUE = '23505';

/** Lines that {@link PostgresAuditSink.lines} reads at one time. */
const LINES_AT_ONCE = 1000;

const TIP = statement(
  'SELECT sequence, hash FROM audit_event WHERE emitter = $1 ORDER BY sequence DESC LIMIT 1',
);
/** Of two that append after the same line, the second finds its rows taken, and adds nothing. */
const APPEND = statement(`
  WITH tip AS (SELECT coalesce(max(sequence), 0) AS sequence FROM audit_event WHERE emitter = $1),
  beside AS (
    INSERT INTO audit_kept_beside (emitter, sequence, salt, evidence)
    SELECT $1, each.sequence, each.salt, each.evidence
    FROM unnest($2::bigint[], $5::text[], $6::text[]) AS each (sequence, salt, evidence), tip WHERE tip.sequence = $2[1] - 1
  )
  INSERT INTO audit_event (emitter, sequence, hash, line)
  SELECT $1, each.sequence, each.hash, each.line
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS each (sequence, hash, line), tip WHERE tip.sequence = $2[1] - 1
  RETURNING 1`);
const BESIDE = statement(
  'SELECT salt, evidence FROM audit_kept_beside WHERE emitter = $1 AND sequence = $2',
);
const ERASE = statement('DELETE FROM audit_kept_beside WHERE emitter = $1 AND sequence = $2');
const LINES = statement(
  'SELECT sequence, line FROM audit_event WHERE emitter = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
);

/** An {@link AuditSink} in PostgreSQL, for any number of emitters and nodes. */
export interface PostgresAuditSink extends AuditSink {
  /** What opens the `arguments_hash` of an event; `undefined` where it was erased or is not there. */
  salt(emitter: string, sequence: number): Promise<string | undefined>;
  /** What an auditor needs to judge the call of an event again; `undefined` where none was given, or it was erased. */
  evidence(emitter: string, sequence: number): Promise<string | undefined>;
  /** Erases salt and evidence of an event. The server forgets the bytes with its next VACUUM, write-ahead log and backups when they are dropped. */
  eraseSalt(emitter: string, sequence: number): Promise<void>;
  /** The lines of an emitter in order. */
  lines(emitter: string): AsyncIterable<string>;
}

/** Appends in one round trip; lines are on the disk when it is answered. */
export function createPostgresAuditSink(database: PostgresDatabase): PostgresAuditSink {
  async function beside(emitter: string, sequence: number, column: string) {
    const [row] = await database.query(BESIDE, [emitter, sequence]);
    const value = row?.[column];
    return typeof value === 'string' ? value : undefined;
  }
  return Object.freeze<PostgresAuditSink>({
    async tip(emitter) {
      const [row] = await database.query(TIP, [emitter]);
      return row && tipIn(row);
    },
    async append(lines) {
      const [first] = lines;
      if (first === undefined) return 'appended';
      requireSequence(lines, first);
      try {
        const added = await database.query(APPEND, columnsOf(lines, first.emitter));
        return added.length === lines.length ? 'appended' : 'conflict';
      } catch (error) {
        if (error instanceof PostgresError && error.state === NOT_UNIQUE) return 'conflict';
        throw error;
      }
    },
    salt: (emitter, sequence) => beside(emitter, sequence, 'salt'),
    evidence: (emitter, sequence) => beside(emitter, sequence, 'evidence'),
    async eraseSalt(emitter, sequence) {
      await database.query(ERASE, [emitter, sequence]);
    },
    async *lines(emitter) {
      for (let last = 0; ; ) {
        const rows = await database.query(LINES, [emitter, last, LINES_AT_ONCE]);
        for (const { line } of rows) yield String(line);
        if (rows.length < LINES_AT_ONCE) return;
        last = Number(rows.at(-1)?.['sequence']);
      }
    },
  });
}

/** @throws {TaperError} `option_invalid` for lines that are not of one emitter, or do not follow each other. */
function requireSequence(lines: readonly AuditLine[], first: AuditLine): void {
  const follow = lines.every(
    ({ emitter, sequence }, index) =>
      emitter === first.emitter && sequence === first.sequence + index,
  );
  if (!follow || !Number.isSafeInteger(first.sequence))
    throw new TaperError('option_invalid', 'Lines of one append are one emitter’s, in sequence.');
}

function columnsOf(lines: readonly AuditLine[], emitter: string) {
  return [
    emitter,
    lines.map(({ sequence }) => sequence),
    lines.map(({ hash }) => hash),
    lines.map(({ line }) => line),
    lines.map(({ salt }) => salt),
    lines.map(({ evidence }) => evidence ?? null),
  ];
}

function tipIn({ sequence, hash }: Row): AuditTip {
  return { sequence: Number(sequence), hash: String(hash) };
}

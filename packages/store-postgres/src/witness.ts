import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { TaperError } from '@taper/core';
import type { Client } from 'pg';
import { type Row, run, statement } from './statement.ts';
import type { PostgresSession } from './transaction.ts';

/** Milliseconds between two notes. */
const INTERVAL = 1000;

/** Which database it is, and how far its write-ahead log is on the disk. A copy that is put back is another one, or is behind. */
const POSITION = statement(`
  SELECT (SELECT system_identifier FROM pg_control_system())::text AS system,
    (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database,
    'taper_migrations'::regclass::oid::text AS store, (pg_current_wal_flush_lsn() - '0/0')::text AS place`);

/** A file beside a node that remembers how far the database had come. */
export interface Witness {
  /** Writes a note, unless there was one within the last second. Never fails. */
  noteSoon(session: Pick<PostgresSession, 'query'>): void;
  note(session: Pick<PostgresSession, 'query'>): Promise<void>;
}

/**
 * Refuses a database that is behind what the file says, or is another one; then goes on with the file.
 * @throws {TaperError} `store_unusable`. Throws what `pg` does.
 */
export async function keepWitness(client: Client, path: string, name: string): Promise<Witness> {
  const [row = {}] = await run(client, POSITION);
  const known = readNote(path);
  if (known !== undefined && !(known.identity === identityOf(row) && known.place <= placeOf(row))) {
    throw new TaperError(
      'store_unusable',
      `The database ${name} is not where ${path} last saw it: it is an old copy, or another one.`,
      {
        hint: 'What was spent, used, revoked and issued since is not in it. Follow "Restoring" in docs/postgres.md; remove the file only after that.',
      },
    );
  }
  writeNote(path, row);
  let noted = performance.now();
  const note: Witness['note'] = async (session) => {
    noted = performance.now();
    const [found = {}] = await session.query(POSITION);
    writeNote(path, found);
  };
  return {
    note,
    noteSoon(session) {
      if (performance.now() - noted < INTERVAL) return;
      // It stays behind where that fails, which is allowed.
      note(session).catch(() => undefined);
    },
  };
}

function identityOf(row: Row): string {
  return `${String(row['system'])} ${String(row['database'])} ${String(row['store'])}`;
}

function placeOf(row: Row): bigint {
  return BigInt(String(row['place']));
}

function readNote(path: string): { identity: string; place: bigint } | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  const match = /^taper-postgres 1 ([0-9]{1,20} [0-9]{1,10} [0-9]{1,10}) ([0-9]{1,20})\n$/.exec(
    text,
  );
  if (match === null) throw unreadable(path);
  const [, identity = '', place = ''] = match;
  return { identity, place: BigInt(place) };
}

function writeNote(path: string, row: Row): void {
  const next = `${path}.${process.pid}.next`;
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, `taper-postgres 1 ${identityOf(row)} ${placeOf(row)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
}

function unreadable(path: string, cause?: unknown): TaperError {
  return new TaperError('store_unusable', `The witness ${path} cannot be read.`, {
    hint: 'It is one line written by the store. Follow "Restoring" in docs/postgres.md.',
    cause,
  });
}

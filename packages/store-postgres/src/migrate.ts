import { createHash } from 'node:crypto';
import { TaperError } from '@taper/core';
import type { Client } from 'pg';
import { type Row, run, statement } from './statement.ts';

/** One step forward of the schema. Once it was released it never changes: what comes later is a step of its own. */
export interface Migration {
  /** From 1 without a gap. */
  readonly version: number;
  readonly name: string;
  /** Statements in the schema `taper`, within a transaction. */
  readonly sql: string;
}

/** Number of the advisory lock under which a database is migrated: `tapermig` in ASCII. */
const LOCK = 0x746170_65726d_6967n;

/** Milliseconds for which another node's migration is waited for, and that a step of this one's may take. */
export const MIGRATION_TIME = 120_000;

const KNOWN_SCHEMA = statement(
  `SELECT to_regnamespace('taper') IS NOT NULL AS schema, to_regclass('taper.taper_migrations') IS NOT NULL AS migrations`,
);
const DONE = statement('SELECT version, name, checksum FROM taper_migrations ORDER BY version');
const NOTE = statement(
  'INSERT INTO taper_migrations (version, name, checksum) VALUES ($1, $2, $3)',
);

const MIGRATIONS_TABLE = `
  CREATE TABLE taper_migrations (
    version int PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`;

/**
 * Brings the schema to the last migration: those that are missing, in order, in one transaction, under a lock, so that of several nodes
 * that start at the same time one does it. Nothing is changed where anything is wrong.
 *
 * @param client one on which a statement may take {@link MIGRATION_TIME}.
 * @throws {TaperError} `store_unusable` where the database is newer, or was migrated otherwise. Throws what `pg` does.
 */
export async function migrate(
  client: Client,
  name: string,
  migrations: readonly Migration[],
): Promise<void> {
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${LOCK})`);
  try {
    await bringUp(client, name, migrations);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function bringUp(
  client: Client,
  name: string,
  migrations: readonly Migration[],
): Promise<void> {
  const [known] = await run(client, KNOWN_SCHEMA);
  if (known?.['schema'] !== true) await client.query('CREATE SCHEMA taper');
  if (known?.['migrations'] !== true) await client.query(MIGRATIONS_TABLE);
  const done = await run(client, DONE);
  for (const [index, row] of done.entries()) requireSame(name, row, migrations[index]);
  for (const migration of migrations.slice(done.length)) {
    await client.query(migration.sql);
    await run(client, NOTE, [migration.version, migration.name, checksumOf(migration)]);
  }
}

function requireSame(name: string, row: Row, migration: Migration | undefined): void {
  if (migration === undefined) {
    throw new TaperError(
      'store_unusable',
      `The database ${name} was migrated by a newer version of Taper.`,
      { hint: 'Run that version, or a newer one. There is no way back to an older schema.' },
    );
  }
  const same =
    Number(row['version']) === migration.version && row['checksum'] === checksumOf(migration);
  if (same) return;
  throw new TaperError(
    'store_unusable',
    `Migration ${String(row['version'])} of the database ${name} is not the one that this version of Taper knows.`,
    {
      hint: 'The database was made by something else, or `taper_migrations` was changed. Nothing was done.',
    },
  );
}

function checksumOf({ name, sql }: Migration): string {
  return createHash('sha256').update(`${name}\n${sql}`).digest('base64url');
}

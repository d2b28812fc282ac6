import { TaperError } from '@taper/core';
import type { Client } from 'pg';
import type { ConnectionSettings } from './connection.ts';
import { PostgresError } from './postgres-error.ts';
import { run, statement } from './statement.ts';

/** PostgreSQL 14: the oldest that has been tested for what is used here. */
const OLDEST = 140_000;

const SETTINGS = statement(`
  SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby`);

/**
 * Refuses a server that may lose what it has acknowledged.
 * @returns what has to be set in each session.
 * @throws {TaperError} `store_unusable`, `store_unavailable`.
 */
export async function requireSoundServer(
  client: Client,
  name: string,
): Promise<NonNullable<ConnectionSettings['session']>> {
  const [row = {}] = await run(client, SETTINGS);
  if (Number(row['version']) < OLDEST)
    throw unusable(name, 'is a PostgreSQL older than 14', 'Upgrade it.');
  if (row['fsync'] !== 'on' || row['full_page_writes'] !== 'on') {
    throw unusable(
      name,
      'does not wait for its disk',
      'Set `fsync` and `full_page_writes` to `on`: without them, what was acknowledged is lost when power fails.',
    );
  }
  if (row['encoding'] !== 'UTF8')
    throw unusable(name, 'is not in UTF-8', 'Make it with ENCODING ‘UTF8’.');
  if (row['standby'] !== false) {
    throw new PostgresError(
      'store_unavailable',
      'not_done',
      `The database ${name} takes no writes: it is a standby.`,
      { hint: 'Name the primary in the URL, or an address that follows it.' },
    );
  }
  // What waits for standbys as well is stricter, and stays as it is.
  return row['synchronous_commit'] === 'off' || row['synchronous_commit'] === 'local'
    ? { synchronous_commit: 'on' }
    : {};
}

function unusable(name: string, message: string, hint: string): TaperError {
  return new TaperError('store_unusable', `The database ${name} ${message}.`, { hint });
}

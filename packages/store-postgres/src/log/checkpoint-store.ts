import {
  type CheckpointStore,
  isSameCheckpoint,
  requireForward,
  type StoredCheckpoint,
} from '@taper/log';
import type { PostgresDatabase } from '../database.ts';
import { type Row, statement } from '../statement.ts';
import { FENCE, fencedOff, type PostgresLogOptions, requireLogName } from './fence.ts';

const READ = statement('SELECT origin, size, root, note FROM log_checkpoint WHERE log = $1');
const BEGIN = statement(`
  WITH ${FENCE}, done AS (
    INSERT INTO log_checkpoint (log, origin, size, root, note)
    SELECT $3, $4, $5::bigint, $6::bytea, $7::text WHERE EXISTS (SELECT FROM fence)
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT EXISTS (SELECT FROM fence) AS ours, EXISTS (SELECT FROM done) AS done`);
const REPLACE = statement(`
  WITH ${FENCE}, done AS (
    UPDATE log_checkpoint SET origin = $4, size = $5::bigint, root = $6::bytea, note = $7::text
    WHERE log = $3 AND origin = $8 AND size = $9::bigint AND root = $10::bytea AND note IS NOT DISTINCT FROM $11::text
      AND EXISTS (SELECT FROM fence)
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM fence) AS ours, EXISTS (SELECT FROM done) AS done`);

/**
 * A {@link CheckpointStore} in PostgreSQL, for the holder of a lease: once another holds it, every `replace` is an exception with code `log_forked`.
 * @throws {TaperError} `option_invalid`.
 */
export function createPostgresCheckpointStore(
  database: PostgresDatabase,
  { log, lease }: PostgresLogOptions,
): CheckpointStore {
  requireLogName(log);
  const read = (): Promise<StoredCheckpoint | undefined> => readPostgresCheckpoint(database, log);
  return Object.freeze<CheckpointStore>({
    read,
    async replace(expected, next) {
      const back = refusalOf(expected, next);
      if (back !== undefined) {
        if (!isSameCheckpoint(await read(), expected)) return 'conflict';
        throw back.error;
      }
      const values = [lease.name, lease.fence, log, ...columnsOf(next)];
      const [row] =
        expected === undefined
          ? await database.query(BEGIN, values)
          : await database.query(REPLACE, [...values, ...columnsOf(expected)]);
      if (row?.['ours'] !== true) throw fencedOff(log);
      return row['done'] === true ? 'replaced' : 'conflict';
    },
  });
}

/** How far a log in PostgreSQL has come: for whoever serves or checks it beside its writer. @throws {PostgresError}. */
export async function readPostgresCheckpoint(
  database: PostgresDatabase,
  log: string,
): Promise<StoredCheckpoint | undefined> {
  const [row] = await database.query(READ, [log]);
  return row && checkpointIn(row);
}

function refusalOf(
  expected: StoredCheckpoint | undefined,
  next: StoredCheckpoint,
): { readonly error: unknown } | undefined {
  try {
    requireForward(expected, next);
    return undefined;
  } catch (error) {
    return { error };
  }
}

function columnsOf({
  origin,
  size,
  root,
  note,
}: StoredCheckpoint): (string | number | Uint8Array | null)[] {
  return [origin, size, root, note ?? null];
}

function checkpointIn({ origin, size, root, note }: Row): StoredCheckpoint {
  return {
    origin: String(origin),
    size: Number(size),
    root: new Uint8Array(root as Buffer),
    note: note === null ? undefined : String(note),
  };
}

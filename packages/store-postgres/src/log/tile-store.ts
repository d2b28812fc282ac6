import { TaperError } from '@taper/core';
import {
  LogError,
  parseTilePath,
  type TileFile,
  type TileSource,
  type TileStore,
} from '@taper/log';
import type { PostgresDatabase } from '../database.ts';
import { type Row, statement } from '../statement.ts';
import { FENCE, fencedOff, type PostgresLogOptions, requireLogName } from './fence.ts';

/** Bytes of tiles that one statement writes, unless a single one has more. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;

const READ = statement('SELECT bytes FROM log_tile WHERE log = $1 AND path = $2');
const WRITE = statement(`
  WITH ${FENCE},
  given AS (SELECT path, bytes FROM unnest($4::text[], $5::bytea[]) AS each (path, bytes)),
  other AS (SELECT path FROM given JOIN log_tile AS kept USING (path) WHERE kept.log = $3 AND kept.bytes <> given.bytes LIMIT 1),
  done AS (
    INSERT INTO log_tile (log, path, bytes) SELECT $3, path, bytes FROM given
    WHERE EXISTS (SELECT FROM fence) AND NOT EXISTS (SELECT FROM other)
    ON CONFLICT DO NOTHING
  )
  SELECT EXISTS (SELECT FROM fence) AS ours, (SELECT path FROM other) AS other`);
/** A partial tile lies beside its full one: 255 paths at most. */
const DROP = statement(`
  WITH ${FENCE}, done AS (
    DELETE FROM log_tile WHERE log = $3 AND EXISTS (SELECT FROM fence) AND path IN (
      SELECT each.path || '.p/' || width FROM unnest($4::text[]) AS each (path), generate_series(1, 255) AS width)
  )
  SELECT EXISTS (SELECT FROM fence) AS ours`);
const STAGE = statement(`
  WITH ${FENCE}, last AS (SELECT max(place) AS place FROM log_staged WHERE log = $3),
  done AS (
    INSERT INTO log_staged (log, place, record)
    SELECT $3, place + 1, $4::bytea FROM last WHERE place IS NOT NULL AND EXISTS (SELECT FROM fence) RETURNING 1
  )
  SELECT EXISTS (SELECT FROM fence) AS ours, EXISTS (SELECT FROM done) AS done`);
const RESTAGE = statement(`
  WITH ${FENCE}, last AS (SELECT coalesce(max(place), 0) AS place FROM log_staged WHERE log = $3),
  gone AS (DELETE FROM log_staged WHERE log = $3 AND EXISTS (SELECT FROM fence)),
  done AS (
    INSERT INTO log_staged (log, place, record) SELECT $3, place + 1, $4::bytea FROM last WHERE EXISTS (SELECT FROM fence)
  )
  SELECT EXISTS (SELECT FROM fence) AS ours`);
const STAGED = statement('SELECT record FROM log_staged WHERE log = $1 ORDER BY place');

/**
 * A {@link TileStore} in PostgreSQL, for the holder of a lease: once another holds it, whatever writes is an exception with code `log_forked`.
 * @throws {TaperError} `option_invalid`.
 */
export function createPostgresTileStore(
  database: PostgresDatabase,
  { log, lease }: PostgresLogOptions,
): TileStore {
  requireLogName(log);
  const under = [lease.name, lease.fence, log] as const;

  function requireOurs(rows: readonly Row[]): Row {
    const [row] = rows;
    if (row?.['ours'] !== true) throw fencedOff(log);
    return row;
  }

  async function writeSome(files: readonly TileFile[]): Promise<void> {
    const paths = files.map(({ path }) => path);
    const bytes = files.map((file) => file.bytes);
    const { other } = requireOurs(await database.query(WRITE, [...under, paths, bytes]));
    if (other === null) return;
    throw new LogError('log_forked', String(other), `${String(other)} holds other bytes.`, {
      hint: 'Tiles never change: two logs were written under one name, or somebody changed the row.',
    });
  }

  return Object.freeze<TileStore>({
    ...createPostgresTileSource(database, log),
    async write(files) {
      for (const { path } of files) requireTilePath(path);
      for (const some of inParts(files)) await writeSome(some);
    },
    async dropPartials(paths) {
      for (const path of paths) requireTilePath(path);
      requireOurs(await database.query(DROP, [...under, paths]));
    },
    async stage(record) {
      const { done } = requireOurs(await database.query(STAGE, [...under, record]));
      if (done !== true)
        throw new LogError('log_forked', 'journal', 'There is no record to go on from.');
    },
    async restage(record) {
      requireOurs(await database.query(RESTAGE, [...under, record]));
    },
    async staged() {
      const rows = await database.query(STAGED, [log]);
      const records = rows.map(({ record }) => new Uint8Array(record as Buffer));
      return { records, unreadable: 0 };
    },
  });
}

/** Reads the tiles of a log in PostgreSQL, on any node. Paths that no tile has are answered with `undefined`. @throws {TaperError} `option_invalid`. */
export function createPostgresTileSource(database: PostgresDatabase, log: string): TileSource {
  requireLogName(log);
  return Object.freeze<TileSource>({
    async read(path) {
      if (parseTilePath(path) === undefined) return undefined;
      const [row] = await database.query(READ, [log, path]);
      return row && new Uint8Array(row['bytes'] as Buffer);
    },
  });
}

function requireTilePath(path: string): void {
  if (parseTilePath(path) === undefined)
    throw new TaperError('option_invalid', 'There is no tile of this name.');
}

function* inParts(files: readonly TileFile[]): Generator<readonly TileFile[]> {
  let part: TileFile[] = [];
  let size = 0;
  for (const file of files) {
    if (part.length > 0 && size + file.bytes.length > BYTES_AT_ONCE) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(file);
    size += file.bytes.length;
  }
  if (part.length > 0) yield part;
}

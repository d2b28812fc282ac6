import { setTimeout as pause } from 'node:timers/promises';
import { requireKnownOptions, TaperError } from '@taper/core';
import pg from 'pg';
import { readPostgresUrl } from './address.ts';
import { type ConnectionSettings, clientConfig, connectAlone } from './connection.ts';
import { MIGRATION_TIME, type Migration, migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { isConflict, isLost, mayPass, PostgresError, postgresError } from './postgres-error.ts';
import { requireSoundServer } from './server.ts';
import { type Row, run, type Statement, statement, type Value } from './statement.ts';
import { type PostgresSession, type TransactionKind, transact } from './transaction.ts';
import { keepWitness, type Witness } from './witness.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem`. */
  readonly url: string;
  /** Most connections of this process, 1 to 500; a lease has one more. Default 10. */
  readonly maxConnections?: number;
  /** Milliseconds to wait for a connection, 100 to 60,000. Default 2000. */
  readonly connectTimeout?: number;
  /** Milliseconds for which the server is asked what became of a commit when the connection was lost, 1 to 60,000. Default 8000. */
  readonly outcomeTimeout?: number;
  /** Milliseconds that a statement may take, 100 to 60,000. Default 5000. */
  readonly statementTimeout?: number;
  /** A file on this machine that remembers how far the database had come, so that an old copy of it is noticed. Default: none. */
  readonly witness?: string;
}

const OPTION_NAMES = [
  'url',
  'maxConnections',
  'connectTimeout',
  'statementTimeout',
  'outcomeTimeout',
  'witness',
] as const;

/** One database with our stores in it, as this process uses it. */
export interface PostgresDatabase {
  /** `host:port/database`. */
  readonly name: string;
  /**
   * Runs one statement, which is a transaction of its own and durable when it is answered. After a serialization failure or a deadlock it is run again.
   * @throws {PostgresError} `store_unavailable`, `store_unusable`.
   */
  query(statement: Statement, values?: readonly Value[]): Promise<readonly Row[]>;
  /**
   * Runs `work` in a transaction, which is durable when it is answered; again from the start after a serialization failure or a
   * deadlock. What `work` throws undoes all and is passed on. Where the connection is lost while it commits, the server is asked what
   * became of it; `outcome` of the exception says whether that is known.
   * @throws {PostgresError} `store_unavailable`, `store_unusable`.
   */
  transaction<Result>(
    kind: TransactionKind,
    work: (session: PostgresSession) => Promise<Result>,
  ): Promise<Result>;
  /** A connection of its own, outside the pool; who asked ends it. @throws {PostgresError}. */
  connect(session?: ConnectionSettings['session']): Promise<pg.Client>;
  /** @throws {PostgresError} where the database does not answer, or takes no writes. */
  ping(): Promise<void>;
  /** Waits for what was begun. */
  close(): Promise<void>;
}

/** How often a transaction is tried that is in conflict with others, and most milliseconds between two attempts. */
const ATTEMPTS = 8;
const MAX_PAUSE = 40;

/** Milliseconds between two attempts to connect. */
const CONNECT_PAUSE = 50;

/** Marks are asked for within seconds. */
const FORGET_MARKS = statement(`DELETE FROM transaction_mark WHERE at < now() - interval '1 hour'`);

/** Transactions after which old marks are taken away. */
const FORGET_EVERY = 1000;

const PING = statement(`SELECT pg_is_in_recovery() AS standby`);

/**
 * Connects to a database and brings its schema `taper` to the version that this version of Taper knows, once, under a lock.
 *
 * @throws {TaperError} `option_invalid`; `store_unavailable` where it does not answer; `store_unusable` where it does not let us in, holds a
 * newer or another schema, does not wait for the disk, is too old a PostgreSQL, or is an old copy.
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  return openPostgresWith(options, MIGRATIONS);
}

/** The same, with migrations of one's own: for tests. */
export async function openPostgresWith(
  options: PostgresOptions,
  migrations: readonly Migration[],
): Promise<PostgresDatabase> {
  requireKnownOptions(options, OPTION_NAMES);
  const address = readPostgresUrl(options.url);
  const { maxConnections = 10, connectTimeout = 2000, statementTimeout = 5000 } = options;
  const { outcomeTimeout = 8000 } = options;
  requireWhole('maxConnections', maxConnections, 1, 500);
  requireWhole('connectTimeout', connectTimeout, 100, 60_000);
  requireWhole('statementTimeout', statementTimeout, 100, 60_000);
  requireWhole('outcomeTimeout', outcomeTimeout, 1, 60_000);
  const settings: ConnectionSettings = { address, connectTimeout, statementTimeout };
  const { session, witness } = await prepare(settings, migrations, options.witness);
  return openPool({ ...settings, session }, { maxConnections, outcomeTimeout, witness });
}

/** Looks at the server and brings the schema up to date, before anything else uses it. */
async function prepare(
  settings: ConnectionSettings,
  migrations: readonly Migration[],
  witnessFile: string | undefined,
) {
  const { name } = settings.address;
  const patient = { ...settings, statementTimeout: MIGRATION_TIME };
  const client = await connecting(settings, () => connectAlone(patient));
  try {
    const session = await requireSoundServer(client, name);
    await migrate(client, name, migrations);
    const witness =
      witnessFile === undefined ? undefined : await keepWitness(client, witnessFile, name);
    return { session, witness };
  } catch (error) {
    throw postgresError(error, name, 'unknown');
  } finally {
    await client.end().catch(() => undefined);
  }
}

function openPool(
  settings: ConnectionSettings,
  {
    maxConnections,
    outcomeTimeout,
    witness,
  }: { maxConnections: number; outcomeTimeout: number; witness: Witness | undefined },
): PostgresDatabase {
  const { name } = settings.address;
  const pool = new pg.Pool({
    ...clientConfig(settings),
    // Statements of one transaction need not wait for the answers of those before them.
    pipeline: true,
    max: maxConnections,
    idleTimeoutMillis: 60_000,
  });
  // A connection that breaks while nobody uses it is replaced; one that is used tells whoever uses it.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  let closed = false;
  let transactions = 0;

  async function take(): Promise<pg.PoolClient> {
    if (closed)
      throw new PostgresError('store_unavailable', 'not_done', `The store ${name} is closed.`);
    return connecting(settings, () => pool.connect());
  }

  async function once<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await take();
    let failed = false;
    try {
      return await work(client);
    } catch (error) {
      failed = isLost(error) || error instanceof PostgresError;
      throw error;
    } finally {
      client.release(failed || client.getTransactionStatus() !== 'I');
    }
  }

  async function repeatedly<Result>(act: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await act();
        witness?.noteSoon(database);
        return result;
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS) throw postgresError(error, name, 'unknown');
        await pause(Math.random() * MAX_PAUSE * attempt);
      }
    }
  }

  const database: PostgresDatabase = Object.freeze<PostgresDatabase>({
    name,
    query: (asked, values) => repeatedly(() => once((client) => run(client, asked, values))),
    async transaction(kind, work) {
      const search = { connect: () => connectAlone(settings), time: outcomeTimeout };
      const answer = await repeatedly(() =>
        once((client) => transact(client, name, kind, search, work)),
      );
      if (transactions % FORGET_EVERY === 0) database.query(FORGET_MARKS).catch(() => undefined);
      transactions += kind.writes ? 1 : 0;
      if (answer.kept) return answer.result;
      throw answer.thrown;
    },
    connect: (session) =>
      connecting(settings, () =>
        connectAlone({ ...settings, session: { ...settings.session, ...session } }),
      ),
    async ping() {
      const [row] = await database.query(PING);
      if (row?.['standby'] === false) return;
      throw new PostgresError(
        'store_unavailable',
        'not_done',
        `The database ${name} takes no writes: it is a standby.`,
        { hint: 'Name the primary in the URL, or an address that follows it.' },
      );
    },
    async close() {
      if (closed) return;
      await witness?.note(database).catch(() => undefined);
      closed = true;
      await pool.end();
    },
  });
  return database;
}

/**
 * Connects. Nothing has been asked for yet, so it is tried again for as long as one attempt may take: a server that starts again, or another that
 * takes its place, is not noticed.
 */
async function connecting<Result>(
  { address, connectTimeout }: ConnectionSettings,
  act: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + connectTimeout;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!mayPass(error) || performance.now() + CONNECT_PAUSE > deadline)
        throw postgresError(error, address.name, 'not_done');
    }
    await pause(CONNECT_PAUSE);
  }
}

function requireWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new TaperError(
    'option_invalid',
    `\`${option}\` is a whole number from ${least} to ${most}.`,
  );
}

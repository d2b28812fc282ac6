import pg from 'pg';
import type { PostgresAddress } from './address.ts';

export interface ConnectionSettings {
  readonly address: PostgresAddress;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly statementTimeout: number;
  /** What the server sets for the session, beside what is set always. */
  readonly session?: Readonly<Record<string, string | number>>;
}

/** Milliseconds that the server has to say that it ended a statement, after which the connection counts as lost. */
const ANSWER_TIME = 2000;

/** Milliseconds for which a transaction may be open with nobody asking anything in it. */
const IDLE_IN_TRANSACTION = 10_000;

/**
 * The settings of a connection on which everything ends in bounded time: on the server while it answers, and here when it does not.
 * Names are looked up in our schema alone.
 */
export function clientConfig({
  address,
  connectTimeout,
  statementTimeout,
  session = {},
}: ConnectionSettings): pg.ClientConfig {
  const { host, port, database, user, password, tls } = address;
  const settings = {
    search_path: 'taper,pg_temp',
    statement_timeout: statementTimeout,
    lock_timeout: statementTimeout,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION,
    default_transaction_isolation: 'read\\ committed',
    // The way to a client that has vanished is given up after some twenty seconds, and its locks with it.
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 3,
    tcp_keepalives_count: 3,
    ...session,
  };
  return {
    host,
    port,
    database,
    user,
    ...(password !== undefined && { password }),
    ssl: tls !== false && { rejectUnauthorized: true, ...(tls.ca !== undefined && { ca: tls.ca }) },
    application_name: 'taper',
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    connectionTimeoutMillis: connectTimeout,
    query_timeout: statementTimeout + ANSWER_TIME,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** A connection of its own. @throws whatever `pg` does. */
export async function connectAlone(settings: ConnectionSettings): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(settings));
  // Whoever uses it learns of it from the statement that fails.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    // A connection that hangs is not waited for.
    client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { isConflict, isLost, postgresError } from './postgres-error.ts';
import { type Row, run, type Statement, statement, type Value } from './statement.ts';

/** What can be asked within one transaction. */
export interface PostgresSession {
  /** @throws {PostgresError}, and from then on again: nothing more is done in the transaction, and it is not committed. */
  query(statement: Statement, values?: readonly Value[]): Promise<readonly Row[]>;
  /** Statements without values or answers, separated by semicolons, in one round trip. @throws as `query`. */
  command(text: string): Promise<void>;
}

/** How a transaction begins: statements without values, separated by semicolons. */
export interface TransactionKind {
  readonly begin: string;
  readonly writes: boolean;
}

/** Sees what was committed when it began, and nothing later. */
export const SNAPSHOT: TransactionKind = Object.freeze({
  begin: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  writes: false,
});

/** What `work` answered, or threw; then all was undone. */
export type Transacted<Result> =
  | { readonly kept: true; readonly result: Result }
  | { readonly kept: false; readonly thrown: unknown };

/** How it is found out what became of a commit. */
export interface OutcomeSearch {
  /** Makes another connection. */
  readonly connect: () => Promise<Client>;
  /** Milliseconds. */
  readonly time: number;
}

/** Milliseconds between two attempts. */
const SEARCH_PAUSE = 100;

const STATUS = statement('SELECT pg_xact_status($1::xid8) AS status');

/**
 * Runs a transaction once. Where the connection is lost while it commits, the server is asked what became of it.
 * @throws what `pg` throws for a conflict; {@link PostgresError} otherwise.
 */
export async function transact<Result>(
  client: Client,
  name: string,
  { begin, writes }: TransactionKind,
  search: OutcomeSearch,
  work: (session: PostgresSession) => Promise<Result>,
): Promise<Transacted<Result>> {
  let failure: { readonly error: unknown } | undefined;
  let ended = false;
  const asking = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    if (failure !== undefined) throw failure.error;
    if (ended) throw new Error('The transaction has ended.');
    try {
      return await act();
    } catch (error) {
      failure ??= { error: isConflict(error) ? error : postgresError(error, name, 'not_done') };
      throw failure.error;
    }
  };
  let id: string | undefined;
  let answer: Transacted<Result>;
  try {
    id = await asking(() => beginOn(client, begin, writes));
    const query: PostgresSession['query'] = (asked, values) =>
      asking(() => run(client, asked, values));
    const command: PostgresSession['command'] = (text) =>
      asking(async () => void (await client.query(text)));
    answer = { kept: true, result: await work({ query, command }) };
  } catch (thrown) {
    answer = { kept: false, thrown };
  }
  ended = true;
  const failed = failure as { readonly error: unknown } | undefined;
  if (answer.kept && failed === undefined) {
    await commit(client, name, id, search);
    return answer;
  }
  await client.query('ROLLBACK').catch(() => undefined);
  if (failed !== undefined) throw failed.error;
  return answer;
}

/** @returns the number of the transaction, where it writes. */
async function beginOn(
  client: Client,
  begin: string,
  writes: boolean,
): Promise<string | undefined> {
  if (!writes) {
    await client.query(begin);
    return undefined;
  }
  const results: unknown = await client.query(`${begin}; SELECT pg_current_xact_id()::text AS id`);
  const last = (results as readonly { readonly rows: readonly Row[] }[]).at(-1);
  return String(last?.rows[0]?.['id']);
}

async function commit(
  client: Client,
  name: string,
  id: string | undefined,
  search: OutcomeSearch,
): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    if (!isLost(error)) throw isConflict(error) ? error : postgresError(error, name, 'not_done');
    const outcome = id === undefined ? 'aborted' : await outcomeOf(id, search);
    if (outcome === 'committed') return;
    throw postgresError(error, name, outcome === 'aborted' ? 'not_done' : 'unknown');
  }
}

/** What became of a transaction; `unknown` where the server does not say so in time. */
async function outcomeOf(
  id: string,
  { connect, time }: OutcomeSearch,
): Promise<'committed' | 'aborted' | 'unknown'> {
  const deadline = performance.now() + time;
  while (performance.now() < deadline) {
    const status = await statusOf(id, connect).catch(() => undefined);
    if (status === 'committed' || status === 'aborted') return status;
    if (status === null) return 'unknown';
    await pause(SEARCH_PAUSE);
  }
  return 'unknown';
}

async function statusOf(id: string, connect: () => Promise<Client>): Promise<unknown> {
  const client = await connect();
  try {
    const [row] = await run(client, STATUS, [id]);
    return row?.['status'];
  } finally {
    client.end().catch(() => undefined);
  }
}

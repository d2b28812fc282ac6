import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { isConflict, isLost, PostgresError, postgresError } from './postgres-error.ts';
import { type Row, run, type Statement, statement, type Value } from './statement.ts';

/** What can be asked within one transaction. */
export interface PostgresSession {
  /** @throws {PostgresError}, and from then on again: nothing more is done in the transaction, and it is not committed. */
  query(statement: Statement, values?: readonly Value[]): Promise<readonly Row[]>;
  /** Statements without values or answers, separated by semicolons, in one round trip. @throws as `query`. */
  command(text: string): Promise<void>;
}

/** How a transaction begins. */
export interface TransactionKind {
  readonly begin: string;
  /** Statements without values that come first, separated by semicolons. */
  readonly first?: string;
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

/**
 * Asks for the outcome by writing what the transaction wrote first: waits for it where it is still running; finds it where it was
 * committed; and where it was not, takes its place, so that it never will be. (The number of a transaction does not tell: after a crash
 * the server gives numbers again that had not reached its disk.)
 */
const LOOK = statement(`
  INSERT INTO transaction_mark (id, kept) VALUES ($1, false)
  ON CONFLICT (id) DO UPDATE SET kept = transaction_mark.kept RETURNING kept`);

/**
 * Runs a transaction once. Where the connection is lost while it commits, the server is asked what became of it.
 * @throws what `pg` throws for a conflict; {@link PostgresError} otherwise.
 */
export async function transact<Result>(
  client: Client,
  name: string,
  kind: TransactionKind,
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
  let mark: string | undefined;
  let answer: Transacted<Result>;
  try {
    mark = await asking(() => beginOn(client, kind));
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
    await commit(client, name, mark, search);
    return answer;
  }
  await client.query('ROLLBACK').catch(() => undefined);
  if (failed !== undefined) throw failed.error;
  return answer;
}

/** @returns the mark that the transaction leaves, where it writes. */
async function beginOn(
  client: Client,
  { begin, first, writes }: TransactionKind,
): Promise<string | undefined> {
  const mark = writes ? randomUUID() : undefined;
  const statements = [begin];
  if (mark !== undefined)
    statements.push(`INSERT INTO transaction_mark (id, kept) VALUES ('${mark}', true)`);
  if (first !== undefined) statements.push(first);
  await client.query(statements.join('; '));
  return mark;
}

async function commit(
  client: Client,
  name: string,
  mark: string | undefined,
  search: OutcomeSearch,
): Promise<void> {
  let answer: string;
  try {
    answer = (await client.query('COMMIT')).command;
  } catch (error) {
    if (!isLost(error)) throw isConflict(error) ? error : postgresError(error, name, 'not_done');
    const outcome = mark === undefined ? 'aborted' : await outcomeOf(mark, search);
    if (outcome === 'committed') return;
    throw postgresError(error, name, outcome === 'aborted' ? 'not_done' : 'unknown');
  }
  // The commit of a transaction in which something failed is no error for the server: it undoes it, and says that.
  if (answer !== 'COMMIT')
    throw new PostgresError('store_unavailable', 'not_done', `The database ${name} undid it all.`, {
      hint: 'A statement failed that nobody waited for.',
    });
}

/** What became of a transaction; `unknown` where the server does not say so in time. */
async function outcomeOf(
  mark: string,
  { connect, time }: OutcomeSearch,
): Promise<'committed' | 'aborted' | 'unknown'> {
  const deadline = performance.now() + time;
  while (performance.now() < deadline) {
    const outcome = await look(mark, connect).catch(() => undefined);
    if (outcome !== undefined) return outcome;
    await pause(SEARCH_PAUSE);
  }
  return 'unknown';
}

async function look(
  mark: string,
  connect: () => Promise<Client>,
): Promise<'committed' | 'aborted'> {
  const client = await connect();
  try {
    const [row] = await run(client, LOOK, [mark]);
    return row?.['kept'] === true ? 'committed' : 'aborted';
  } finally {
    client.end().catch(() => undefined);
  }
}

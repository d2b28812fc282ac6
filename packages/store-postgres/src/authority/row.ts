import { StoreError } from '@taper/authority';
import { TaperError } from '@taper/core';
import { type Row, type Statement, statement, type Value } from '../statement.ts';
import type { PostgresSession } from '../transaction.ts';

/** The one row of a statement that has one or none. */
export async function rowOf<Result>(
  session: PostgresSession,
  asked: Statement,
  values: readonly Value[],
  read: (row: Row) => Result,
): Promise<Result | undefined> {
  const [row] = await session.query(asked, values);
  return row && read(row);
}

/** Writes; `conflict` where nothing was. The statement returns what it wrote. */
export async function written(
  session: PostgresSession,
  asked: Statement,
  values: readonly Value[],
  conflict: () => StoreError,
): Promise<void> {
  if ((await session.query(asked, values)).length === 0) throw conflict();
}

export function changedSince(what: string): StoreError {
  return new StoreError(
    'version',
    `The ${what} is not there, has changed since it was read, or would change in what stands for good.`,
  );
}

export interface Listing {
  readonly asked: Statement;
  readonly values: readonly Value[];
}

/**
 * A list, ordered by one column; what is `undefined` does not restrict.
 * @throws {TaperError} `option_invalid`.
 */
export function listing(
  table: string,
  order: string,
  { after, limit }: { readonly after?: string; readonly limit: number },
  equal: Readonly<Record<string, string | undefined>>,
): Listing {
  requireLimit(limit);
  const given = Object.entries(equal).filter(([, value]) => value !== undefined);
  const where = given.map(([column], index) => `${column} = $${index + 2}`);
  const values = given.map(([, value]) => value as string);
  if (after !== undefined) {
    where.push(`${order} > $${values.length + 2}`);
    values.push(after);
  }
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')} `;
  const text = `SELECT * FROM ${table} ${condition}ORDER BY ${order} LIMIT $1`;
  return { asked: statement(text), values: [limit, ...values] };
}

/** @throws {TaperError} `option_invalid`. */
export function requireLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= 1000) return;
  throw new TaperError('option_invalid', '`limit` must be 1 to 1000.');
}

export function textOrNothing(value: unknown): string | undefined {
  return value === null ? undefined : String(value);
}

export function numberOrNothing(value: unknown): number | undefined {
  return value === null ? undefined : Number(value);
}

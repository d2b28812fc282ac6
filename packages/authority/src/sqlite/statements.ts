import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { TaperError } from '@taper/core';

export type Row = Readonly<Record<string, unknown>>;

/** Statements of one connection, each prepared once, and used while a transaction is open. */
export interface Statements {
  row(sql: string, ...values: SQLInputValue[]): Row | undefined;
  rows(sql: string, ...values: SQLInputValue[]): Row[];
  /** @returns rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
}

export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = new Map<string, StatementSync>();
  function statement(sql: string): StatementSync {
    let found = prepared.get(sql);
    if (found === undefined) {
      found = db.prepare(sql);
      prepared.set(sql, found);
    }
    return found;
  }
  return {
    row: (sql, ...values) => statement(sql).get(...values),
    rows: (sql, ...values) => statement(sql).all(...values),
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
  };
}

/** A condition of a list: what is `undefined` does not restrict. */
export function listing(
  table: string,
  order: string,
  page: { readonly after?: string; readonly limit: number },
  equal: Readonly<Record<string, string | undefined>>,
): { sql: string; values: SQLInputValue[] } {
  const { after, limit } = page;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000)
    throw new TaperError('option_invalid', '`limit` must be 1 to 1000.');
  const given = Object.entries(equal).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const where = given.map(([column]) => `${column} = ?`);
  if (after !== undefined) where.push(`${order} > ?`);
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')} `;
  return {
    sql: `SELECT * FROM ${table} ${condition}ORDER BY ${order} LIMIT ?`,
    values: [...given.map(([, value]) => value), ...(after === undefined ? [] : [after]), limit],
  };
}

/** What is read of a value, where there is one. */
export function optional<Given, Value>(
  value: Given | null | undefined,
  read: (value: Given) => Value,
): Value | undefined {
  return value === null || value === undefined ? undefined : read(value);
}

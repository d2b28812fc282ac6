import type { DatabaseSync } from 'node:sqlite';

/** Does work in one transaction that nobody else writes in: all of it, or nothing. */
export function exclusively<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** The one number that a statement gives. */
export function numberOf(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
}

/** The primary result code of what SQLite threw (https://www.sqlite.org/rescode.html); `undefined` for any other error. */
export function resultCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;
}

/** Result codes for a file that will not do: damaged, or no database. */
export const DAMAGED: readonly number[] = [11, 26];

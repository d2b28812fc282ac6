import type { DatabaseSync } from 'node:sqlite';

/** Does work in one transaction that nobody else writes in: all of it, or nothing. Waits, blocking, as long as the connection's `busy_timeout`. */
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

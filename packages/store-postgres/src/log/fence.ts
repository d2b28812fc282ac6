import { TaperError } from '@taper/core';
import { LogError } from '@taper/log';
import type { HeldLease } from '../lease.ts';

/** Which log in the database, and under which lease it is written. */
export interface PostgresLogOptions {
  /** Names the log's rows: 1 to 255 characters. */
  readonly log: string;
  /** The lease of the log's one writer. */
  readonly lease: HeldLease;
}

/**
 * A part of a statement: one row where the lease `$1` still has the fence `$2`. The row stays locked until what the statement does is
 * committed, and a new holder waits for that: it finds whatever an old one has written, and after it nothing of an old one is written.
 */
export const FENCE = 'fence AS (SELECT 1 FROM lease WHERE name = $1 AND fence = $2 FOR SHARE)';

/** @throws {TaperError} `option_invalid`. */
export function requireLogName(log: string): void {
  if (typeof log === 'string' && log.length >= 1 && log.length <= 255) return;
  throw new TaperError('option_invalid', 'The name of a log has 1 to 255 characters.');
}

export function fencedOff(log: string): LogError {
  return new LogError('log_forked', 'lease', `The log ${log} has another writer now.`, {
    hint: 'This node was silent for too long and another took over. Nothing was written; open the log again once the lease is acquired again.',
  });
}

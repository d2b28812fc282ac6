import { TaperError } from '@taper/core';
import type { OutboxRecord } from '../port/store.ts';
import { StoreError } from '../store-error.ts';
import { optional, type Row, type Statements } from './statements.ts';

export function pendingIn({ rows }: Statements, limit: number): OutboxRecord[] {
  return rows('SELECT * FROM outbox WHERE log_index IS NULL ORDER BY sequence LIMIT ?', limit).map(
    recordIn,
  );
}

export function lastMarkedIn({ row }: Statements): OutboxRecord | undefined {
  const found = row(
    'SELECT * FROM outbox WHERE log_index IS NOT NULL ORDER BY log_index DESC LIMIT 1',
  );
  return optional(found, recordIn);
}

export function lastSequenceIn({ row }: Statements): number {
  return Number(row('SELECT coalesce(max(sequence), 0) AS sequence FROM outbox')?.['sequence']);
}

/** @throws {StoreError} `store_conflict` where the places do not go on from what is marked, or say otherwise. */
export function markIn(
  statements: Statements,
  places: readonly { sequence: number; index: number }[],
): void {
  const last = lastMarkedIn(statements);
  let { sequence: marked, index: reached = -1 } = last ?? { sequence: 0 };
  for (const { sequence, index } of places) {
    if (!Number.isSafeInteger(index) || index < 0)
      throw new TaperError('option_invalid', 'An index must be a whole number from 0.');
    if (sequence <= marked) {
      const known = statements.row('SELECT log_index FROM outbox WHERE sequence = ?', sequence);
      // One that has been forgotten was marked long ago.
      if (known === undefined || known['log_index'] === index) continue;
      throw otherwise();
    }
    if (sequence !== marked + 1 || index <= reached) throw otherwise();
    const changed = statements.run(
      'UPDATE outbox SET log_index = ? WHERE sequence = ?',
      index,
      sequence,
    );
    if (changed === 0) throw otherwise();
    [marked, reached] = [sequence, index];
  }
}

function otherwise(): StoreError {
  return new StoreError('outbox', 'The entries were marked otherwise, or are not there.');
}

function recordIn(found: Row): OutboxRecord {
  return Object.freeze({
    sequence: Number(found['sequence']),
    body: String(found['body']),
    index: optional(found['log_index'], Number),
  });
}

import { type OutboxRecord, StoreError } from '@taper/authority';
import { TaperError } from '@taper/core';
import { type Row, statement } from '../statement.ts';
import type { PostgresSession } from '../transaction.ts';
import { numberOrNothing, requireLimit, rowOf } from './row.ts';

const PENDING = statement(
  'SELECT * FROM outbox WHERE log_index IS NULL ORDER BY sequence LIMIT $1',
);
const LAST_MARKED = statement(
  'SELECT * FROM outbox WHERE log_index IS NOT NULL ORDER BY log_index DESC LIMIT 1',
);
const LAST_SEQUENCE = statement('SELECT coalesce(max(sequence), 0) AS sequence FROM outbox');
const KNOWN = statement(
  'SELECT sequence, log_index FROM outbox WHERE sequence = ANY ($1::bigint[])',
);
const MARK = statement(`
  UPDATE outbox SET log_index = each.log_index FROM unnest($1::bigint[], $2::bigint[]) AS each (sequence, log_index)
  WHERE outbox.sequence = each.sequence RETURNING 1`);
const FORGET = [
  statement(`
    UPDATE authority_turn SET forgotten = greatest(forgotten, coalesce(
      (SELECT max(expires_at) FROM used WHERE expires_at < $1::bigint - 60), -1))`),
  statement('DELETE FROM used WHERE expires_at < $1::bigint - 60'),
  statement('DELETE FROM enrolment WHERE expires_at < $1::bigint - 86400'),
  statement('DELETE FROM pending WHERE expires_at < $1::bigint - 86400'),
] as const;
const FORGET_MARKED = statement(`
  DELETE FROM outbox WHERE log_index IS NOT NULL
    AND sequence < (SELECT max(sequence) FROM outbox WHERE log_index IS NOT NULL)`);

/** @throws {TaperError} `option_invalid`. */
export async function pendingEntries(
  session: PostgresSession,
  limit: number,
): Promise<OutboxRecord[]> {
  requireLimit(limit);
  return (await session.query(PENDING, [limit])).map(recordIn);
}

export function lastMarked(session: PostgresSession): Promise<OutboxRecord | undefined> {
  return rowOf(session, LAST_MARKED, [], recordIn);
}

export async function lastSequence(session: PostgresSession): Promise<number> {
  return Number((await session.query(LAST_SEQUENCE, []))[0]?.['sequence']);
}

/** @throws {StoreError} `store_conflict` where the places do not go on from what is marked, or say otherwise. */
export async function markEntries(
  session: PostgresSession,
  places: readonly { readonly sequence: number; readonly index: number }[],
): Promise<void> {
  const known = new Map<number, number | undefined>();
  for (const row of await session.query(KNOWN, [places.map(({ sequence }) => sequence)]))
    known.set(Number(row['sequence']), numberOrNothing(row['log_index']));
  const last = await lastMarked(session);
  let { sequence: marked, index: reached = -1 } = last ?? { sequence: 0 };
  const fresh: { sequence: number; index: number }[] = [];
  for (const { sequence, index } of places) {
    if (sequence <= marked) {
      const at = known.get(sequence) ?? fresh.find((each) => each.sequence === sequence)?.index;
      // One that has been forgotten was marked long ago.
      if (at === undefined || at === index) continue;
      throw otherwise();
    }
    if (sequence !== marked + 1 || index <= reached || !known.has(sequence)) throw otherwise();
    fresh.push({ sequence, index });
    [marked, reached] = [sequence, index];
  }
  const values = [fresh.map(({ sequence }) => sequence), fresh.map(({ index }) => index)];
  if ((await session.query(MARK, values)).length !== fresh.length) throw otherwise();
}

/** @throws {TaperError} `option_invalid` for an index that is none. */
export function requireIndexes(places: readonly { readonly index: number }[]): void {
  if (places.every(({ index }) => Number.isSafeInteger(index) && index >= 0)) return;
  throw new TaperError('option_invalid', 'An index must be a whole number from 0.');
}

/**
 * Forgets what has ended. How far it has forgotten is kept, so that a clock that steps back makes nothing fresh again.
 * @throws {TaperError} `option_invalid`.
 */
export async function sweep(session: PostgresSession, now: number): Promise<void> {
  for (const each of FORGET) await session.query(each, [now]);
  await session.query(FORGET_MARKED);
}

function otherwise(): StoreError {
  return new StoreError('outbox', 'The entries were marked otherwise, or are not there.');
}

function recordIn(row: Row): OutboxRecord {
  return Object.freeze({
    sequence: Number(row['sequence']),
    body: String(row['body']),
    index: numberOrNothing(row['log_index']),
  });
}

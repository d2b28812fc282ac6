import { type OnceRecords, requireEntryBody } from '@taper/authority';
import { statement } from '../statement.ts';
import type { PostgresSession } from '../transaction.ts';
import { rowOf } from './row.ts';

const USE = statement(`
  INSERT INTO used (key, expires_at) SELECT $1, $2::bigint
  WHERE $2::bigint > (SELECT forgotten FROM authority_turn) ON CONFLICT DO NOTHING RETURNING 1`);
const USED = statement('SELECT 1 FROM used WHERE key = $1');
const SETTING = statement('SELECT value FROM setting WHERE name = $1');
const PUT_SETTING = statement(
  'INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
);
/** Nobody else writes meanwhile. */
const APPEND = statement(`
  INSERT INTO outbox (sequence, body) SELECT coalesce(max(sequence), 0) + 1, $1 FROM outbox RETURNING sequence`);

/** What serves once, settings, and what has to come into the log. */
export function oncePart(session: PostgresSession): OnceRecords {
  return {
    async useOnce(key, expiresAt, now) {
      if (!Number.isSafeInteger(expiresAt) || !(expiresAt >= now)) return false;
      return (await session.query(USE, [key, expiresAt])).length === 1;
    },
    isUsed: async (key) => (await session.query(USED, [key])).length > 0,
    findSetting: (name) => rowOf(session, SETTING, [name], (row) => String(row['value'])),
    async putSetting(name, value) {
      await session.query(PUT_SETTING, [name, value]);
    },
    async appendEntry(body) {
      requireEntryBody(body);
      const [row] = await session.query(APPEND, [body]);
      return Number(row?.['sequence']);
    },
  };
}

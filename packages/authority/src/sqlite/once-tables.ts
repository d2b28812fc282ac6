import { requireEntryBody } from '../entry-pump/body.ts';
import type { OnceRecords } from '../port/store.ts';
import { lastSequenceIn } from './outbox.ts';
import { optional, type Statements } from './statements.ts';

/** What serves once, settings, and what has to come into the log. */
export function oncePart(statements: Statements): OnceRecords {
  const { row, run } = statements;
  return {
    async useOnce(key, expiresAt, now) {
      const forgotten = Number(row('SELECT forgotten FROM store')?.['forgotten']);
      if (!(expiresAt >= now && expiresAt > forgotten)) return false;
      return (
        run(
          'INSERT INTO used (key, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING',
          key,
          expiresAt,
        ) === 1
      );
    },
    isUsed: async (key) => row('SELECT 1 FROM used WHERE key = ?', key) !== undefined,
    findSetting: async (name) =>
      optional(row('SELECT value FROM setting WHERE name = ?', name)?.['value'], String),
    async putSetting(name, value) {
      run(
        'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        name,
        value,
      );
    },
    async appendEntry(body) {
      requireEntryBody(body);
      const sequence = lastSequenceIn(statements) + 1;
      run('INSERT INTO outbox (sequence, body) VALUES (?, ?)', sequence, body);
      return sequence;
    },
  };
}

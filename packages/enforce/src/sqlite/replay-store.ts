import { TaperError } from '@taper/core';
import { DEFAULT_REPLAY_CAPACITY } from '../memory/replay-store.ts';
import type { ReplayStore, ReplayVerdict, UsedKey } from '../port/replay-store.ts';
import { checkUsedKeys, perhapsForgotten } from '../replay/used-keys.ts';
import type { SqliteDatabase } from './database.ts';

/** Expired keys that each call deletes: more than it can add, and so few that no call has to wait for it. */
const SWEEP = 64;

const TABLES = `
  CREATE TABLE replay_key (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX replay_key_expiry ON replay_key (expires_at);
  CREATE TABLE replay_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    held INTEGER NOT NULL CHECK (held >= 0),
    forgotten_to INTEGER NOT NULL
  ) STRICT;
  INSERT INTO replay_state (one, held, forgotten_to) VALUES (1, 0, -1);
`;

/**
 * A {@link ReplayStore} in a SQLite file, shared by all processes that open it. An accepted key is on the disk before the
 * call is answered; it survives a restart.
 *
 * @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 on; `store_unusable` when the file holds
 * another version of its tables.
 */
export function createSqliteReplayStore(
  database: SqliteDatabase,
  options: { readonly capacity?: number } = {},
): ReplayStore {
  const capacity = options.capacity ?? DEFAULT_REPLAY_CAPACITY;
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new TaperError('option_invalid', '`capacity` must be a whole number, 1 or more.');
  }
  database.define('replay', 1, TABLES);
  const find = database.prepare('SELECT 1 FROM replay_key WHERE key = ?');
  const insert = database.prepare('INSERT INTO replay_key (key, expires_at) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM replay_key WHERE key = ?');
  const findExpired = database.prepare(
    'SELECT key, expires_at FROM replay_key WHERE expires_at < ? ORDER BY expires_at LIMIT ?',
  );
  const readState = database.prepare('SELECT held, forgotten_to FROM replay_state');
  const writeState = database.prepare('UPDATE replay_state SET held = ?, forgotten_to = ?');

  function state(): { held: number; forgottenTo: number } {
    const row = readState.get();
    return { held: Number(row?.['held']), forgottenTo: Number(row?.['forgotten_to']) };
  }

  /** Deletes what has expired longest ago. */
  function sweep(now: number): void {
    const expired = findExpired.all(now, SWEEP);
    const last = expired.at(-1);
    if (last === undefined) return;
    for (const { key } of expired) remove.run(String(key));
    const { held, forgottenTo } = state();
    writeState.run(held - expired.length, Math.max(forgottenTo, Number(last['expires_at'])));
  }

  function accept(keys: readonly UsedKey[], now: number): ReplayVerdict {
    sweep(now);
    if (keys.some(({ key }) => find.get(key) !== undefined)) return 'replayed';
    const { held, forgottenTo } = state();
    if (keys.some(({ expiresAt }) => expiresAt <= forgottenTo)) throw perhapsForgotten();
    if (held + keys.length > capacity) return 'full';
    for (const { key, expiresAt } of keys) insert.run(key, expiresAt);
    writeState.run(held + keys.length, forgottenTo);
    return 'accepted';
  }

  return {
    async accept(keys, now) {
      checkUsedKeys(keys, now);
      return database.write(() => accept(keys, now));
    },
    async forget(keys) {
      await database.write(() => {
        const removed = keys.filter(({ key }) => remove.run(key).changes === 1).length;
        const { held, forgottenTo } = state();
        writeState.run(held - removed, forgottenTo);
      });
    },
  };
}

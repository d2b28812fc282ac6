import { TaperError } from '@taper/core';
import {
  checkUsedKeys,
  DEFAULT_REPLAY_CAPACITY,
  keyPerhapsForgotten,
  type ReplayStore,
  type ReplayVerdict,
} from '@taper/enforce';
import type { PostgresDatabase } from '../database.ts';
import { statement } from '../statement.ts';

const ACCEPT = statement('SELECT replay_accept($1::text[], $2::bigint[], $3, $4) AS verdict');
const FORGET = statement('SELECT replay_forget($1::text[])');

/**
 * A {@link ReplayStore} in PostgreSQL, shared by all that use the database. One round trip; an accepted key is on the disk before the
 * call is answered. `capacity` may be passed by as many keys as calls are answered at the same moment.
 *
 * @throws {TaperError} `option_invalid` for a capacity that is no whole number from 1 on.
 */
export function createPostgresReplayStore(
  database: PostgresDatabase,
  options: { readonly capacity?: number } = {},
): ReplayStore {
  const capacity = options.capacity ?? DEFAULT_REPLAY_CAPACITY;
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw new TaperError('option_invalid', '`capacity` must be a whole number, 1 or more.');
  return Object.freeze<ReplayStore>({
    async accept(keys, now) {
      checkUsedKeys(keys, now);
      const names = keys.map(({ key }) => key);
      const expiries = keys.map(({ expiresAt }) => expiresAt);
      const [row] = await database.query(ACCEPT, [names, expiries, now, capacity]);
      const verdict = row?.['verdict'];
      if (verdict === 'forgotten') throw keyPerhapsForgotten();
      return verdict as ReplayVerdict;
    },
    async forget(keys) {
      await database.query(FORGET, [keys.map(({ key }) => key)]);
    },
  });
}

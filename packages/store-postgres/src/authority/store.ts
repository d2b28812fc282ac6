import { type AuthorityStore, type AuthorityTransaction, StoreError } from '@taper/authority';
import { requireKnownOptions, TaperError } from '@taper/core';
import type { PostgresDatabase } from '../database.ts';
import type { PostgresSession } from '../transaction.ts';
import {
  lastMarked,
  lastSequence,
  markEntries,
  pendingEntries,
  requireIndexes,
  sweep,
} from './outbox.ts';
import { createReads } from './reads.ts';
import { requireLimit } from './row.ts';
import { createTurns } from './turns.ts';
import { authorityError, runWork } from './work.ts';

export interface PostgresAuthorityStoreOptions {
  /** Milliseconds after which a transaction that does not end is undone, 1 to 60,000. Default 5000. */
  readonly workTimeout?: number;
}

/**
 * An {@link AuthorityStore} in PostgreSQL, for any number of nodes. Transactions are done one at a time, those of one node that wait at the same
 * time together; reads see what was committed when they began, and wait for no writer. Closing it leaves the database open.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createPostgresAuthorityStore(
  database: PostgresDatabase,
  options: PostgresAuthorityStoreOptions = {},
): AuthorityStore {
  requireKnownOptions(options, ['workTimeout']);
  const { workTimeout = 5000 } = options;
  if (!Number.isSafeInteger(workTimeout) || workTimeout < 1 || workTimeout > 60_000)
    throw new TaperError('option_invalid', '`workTimeout` must be 1 to 60000 milliseconds.');
  const turns = createTurns(database);
  const reads = createReads(database);
  let closed = false;

  async function reading<Result>(
    task: (session: PostgresSession) => Promise<Result>,
  ): Promise<Result> {
    if (closed) throw new StoreError(undefined, `The store ${database.name} is closed.`);
    return reads.run(task) as Promise<Result>;
  }

  return Object.freeze<AuthorityStore>({
    transaction: <T>(work: (tx: AuthorityTransaction) => Promise<T>) =>
      turns.run((session) => runWork(session, 'write', workTimeout, work)) as Promise<T>,
    read: <T>(work: (tx: AuthorityTransaction) => Promise<T>) =>
      reading((session) => runWork(session, 'read', workTimeout, work)) as Promise<T>,
    async pendingEntries(limit) {
      requireLimit(limit);
      return reading((session) => pendingEntries(session, limit));
    },
    lastMarked: () => reading(lastMarked),
    lastSequence: () => reading(lastSequence),
    async markEntries(places) {
      requireIndexes(places);
      await turns.run((session) => markEntries(session, places));
    },
    async sweep(now) {
      if (!Number.isSafeInteger(now) || now < 0)
        throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
      await turns.run((session) => sweep(session, now));
    },
    async ping() {
      await reading(async () => undefined);
      await database.ping().catch((error: unknown) => {
        throw authorityError(error);
      });
    },
    async close() {
      closed = true;
      await turns.close();
    },
  });
}

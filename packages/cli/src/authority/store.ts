import { join } from 'node:path';
import type { AuthorityStore } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import {
  createPostgresAuthorityStore,
  openPostgres,
  type PostgresDatabase,
} from '@taper/store-postgres';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';

/** The store of an authority, and the database that it is in where several nodes share one. */
export interface OpenedStore {
  readonly store: AuthorityStore;
  readonly database: PostgresDatabase | undefined;
}

/**
 * Opens the store of a configuration. What is opened is closed by what comes into `undo`.
 * @throws {TaperError} `store_unusable`, `store_unavailable`.
 */
export async function openStore(
  folder: string,
  { database: url }: AuthorityConfig,
  undo: (() => unknown)[],
): Promise<OpenedStore> {
  if (url === undefined) {
    const store = openSqliteAuthorityStore({ path: join(folder, HOME_FILES.store) });
    undo.push(() => store.close());
    return { store, database: undefined };
  }
  const database = await openPostgres({ url });
  undo.push(() => database.close());
  const store = createPostgresAuthorityStore(database);
  undo.push(() => store.close());
  return { store, database };
}

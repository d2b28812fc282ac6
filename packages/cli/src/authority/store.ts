import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorityStore } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { readFileCheckpoint } from '@taper/log/file';
import {
  createPostgresAuthorityStore,
  openPostgres,
  type PostgresDatabase,
} from '@taper/store-postgres';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES } from './home.ts';

/** The store of an authority, and the database that it is in where several nodes share one. */
export interface OpenedStore {
  readonly store: AuthorityStore;
  readonly database: PostgresDatabase | undefined;
}

/**
 * Opens the store of a configuration. What is opened is closed by what comes into `undo`.
 * @throws {Failure} `store_unusable` where it is missing; {TaperError} `store_unusable`, `store_unavailable`.
 */
export async function openStore(
  folder: string,
  { database: url }: AuthorityConfig,
  undo: (() => unknown)[],
): Promise<OpenedStore> {
  if (url === undefined) {
    await refuseMissing(folder);
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

/** A new store beside a log would know nothing of what stands in that. */
async function refuseMissing(folder: string): Promise<void> {
  const path = join(folder, HOME_FILES.store);
  if (existsSync(path)) return;
  const made = await readFileCheckpoint(join(folder, HOME_FILES.log, 'state'));
  if (made === undefined) return;
  throw new Failure('store_unusable', `the store of this authority is missing: ${showName(path)}`, {
    file: showName(path),
    hint: 'Its log is here: `taper restore` makes the store anew from that. See "Restoring" in docs/authority-store.md.',
  });
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AuthorityStore } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { createPostgresAuthorityStore, openPostgres } from '@taper/store-postgres';
import { startPostgres, type TestPostgres } from '@taper/testkit/postgres';

/** Where an authority keeps what it knows, and the least that a durable change costs there. */
export interface Place {
  readonly name: string;
  openStore(): Promise<AuthorityStore>;
  /** URL of an empty database for a whole node; `undefined` where it has its own files. */
  database(): Promise<string | undefined>;
  /** Inserts a row of 600 bytes in a transaction of its own, and waits until it is durable. */
  commit(): Promise<void>;
  close(): Promise<void>;
}

const ROW = 'x'.repeat(600);

export async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-sqlite-'));
  const bare = new DatabaseSync(join(folder, 'bare.sqlite'));
  bare.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (row TEXT)');
  const insert = bare.prepare('INSERT INTO bare VALUES (?)');
  let stores = 0;
  return {
    name: 'SQLite',
    async openStore() {
      stores += 1;
      return openSqliteAuthorityStore({ path: join(folder, `store-${stores}.sqlite`) });
    },
    database: async () => undefined,
    async commit() {
      insert.run(ROW);
    },
    async close() {
      bare.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function postgresPlace(): Promise<Place> {
  const server: TestPostgres = await startPostgres();
  const databases: { close(): Promise<void> }[] = [];
  const open = async () => {
    const database = await openPostgres({ url: await server.createDatabase() });
    databases.push(database);
    return database;
  };
  const bare = await (await open()).connect();
  await bare.query('CREATE TABLE public.bare (row text)');
  return {
    name: 'PostgreSQL',
    openStore: async () => createPostgresAuthorityStore(await open()),
    database: () => server.createDatabase(),
    async commit() {
      await bare.query({
        name: 'bare',
        text: 'INSERT INTO public.bare VALUES ($1)',
        values: [ROW],
      });
    },
    async close() {
      await bare.end();
      for (const database of databases) await database.close();
      await server.stop();
    },
  };
}

import { startPostgres, type TestPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll } from 'vitest';
import {
  createPostgresLease,
  type HeldLease,
  openPostgres,
  type PostgresDatabase,
  type PostgresOptions,
} from '../src/index.ts';

/** One PostgreSQL for all tests of a file. */
export function testServer(): {
  readonly server: TestPostgres;
  /** A database of its own, with our schema in it. */
  openNew(
    options?: Omit<PostgresOptions, 'url'>,
  ): Promise<{ url: string; database: PostgresDatabase }>;
} {
  let server: TestPostgres | undefined;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      return server as TestPostgres;
    },
    async openNew(options = {}) {
      const url = await (server as TestPostgres).createDatabase();
      return { url, database: await openPostgres({ url, ...options }) };
    },
  };
}

export async function leaseOf(database: PostgresDatabase, name = 'log'): Promise<HeldLease> {
  const lease = createPostgresLease(database, { name, address: 'http://node.example' });
  const held = await lease.tryAcquire();
  if (held === undefined) throw new Error('Somebody else has the lease.');
  return held;
}

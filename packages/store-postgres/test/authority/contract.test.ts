import { authorityStoreContract, type OpenedAuthorityStore } from '@taper/authority/testing';
import { describe, test } from 'vitest';
import {
  createPostgresAuthorityStore,
  openPostgres,
  type PostgresDatabase,
} from '../../src/index.ts';
import { openProxy } from '../proxy.ts';
import { testServer } from '../server.ts';

/** Milliseconds for which it is asked what became of a commit, and for which then nobody comes through. */
const [SEARCH, CUT] = [50, 300];

/** Milliseconds; this machine may be busy. */
const WORK = 3000;

const context = testServer();

async function open(): Promise<OpenedAuthorityStore> {
  const { url, database } = await context.openNew();
  const proxy = await openProxy(context.server.port);
  const cuttable = await openPostgres({ url: proxy.url(url), outcomeTimeout: SEARCH });
  const databases: PostgresDatabase[] = [database, cuttable];
  const store = createPostgresAuthorityStore(cuttable, { workTimeout: WORK });
  return {
    store,
    peer: createPostgresAuthorityStore(database, { workTimeout: WORK }),
    async reopen() {
      const again = await openPostgres({ url });
      databases.push(again);
      return createPostgresAuthorityStore(again);
    },
    failCommit(how) {
      proxy.cutAtCommit(how === 'lost' ? 'before' : 'after', CUT);
    },
    async close() {
      for (const each of databases) await each.close();
      await proxy.close();
    },
  };
}

describe('the authority’s store in PostgreSQL', () => {
  authorityStoreContract({ test, open });
});

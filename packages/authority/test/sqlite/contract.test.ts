import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { authorityStoreContract } from '@taper/authority/testing';
import { describe, test } from 'vitest';
import { openFile } from '../../src/sqlite/file.ts';
import { storeOn } from '../../src/sqlite/store.ts';

describe('the store in memory', () => {
  authorityStoreContract({
    test,
    async open() {
      const store = openSqliteAuthorityStore({ path: ':memory:', workTimeout: 200 });
      return { store, peer: store, close: () => store.close() };
    },
  });
});

describe('the store in a file', () => {
  authorityStoreContract({
    test,
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'taper-authority-'));
      const options = { path: join(folder, 'authority.sqlite'), workTimeout: 200 };
      let failure: 'lost' | 'kept' | undefined;
      const store = storeOn(options, (path, witness) => {
        const connections = openFile(path, witness);
        const { writer } = connections;
        const exec = writer.exec.bind(writer);
        writer.exec = (sql) => {
          const how = sql === 'COMMIT' ? failure : undefined;
          if (how === undefined) return exec(sql);
          failure = undefined;
          if (how === 'kept') exec(sql);
          throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
        };
        return connections;
      });
      const peer = openSqliteAuthorityStore(options);
      const all = [store, peer];
      const closeAll = () => Promise.all(all.map((each) => each.close()));
      return {
        store,
        peer,
        async reopen() {
          await closeAll();
          const again = openSqliteAuthorityStore(options);
          all.push(again);
          return again;
        },
        failCommit(how) {
          failure = how;
        },
        async close() {
          await closeAll();
          rmSync(folder, { recursive: true });
        },
      };
    },
  });
});

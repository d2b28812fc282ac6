import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { createMemoryViewStore } from '../../src/index.ts';
import { openSqliteViewStore } from '../../src/sqlite/index.ts';
import { viewStoreContract } from '../../src/testing/index.ts';
import { newFolder } from '../file/folder.ts';

const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
  return undefined;
};

describe('a view store in memory', () => {
  viewStoreContract({
    test,
    open: async () => ({ store: createMemoryViewStore(), close: async () => undefined }),
  });
});

describe('a view store in SQLite', () => {
  viewStoreContract({
    test,
    async open() {
      const path = join(newFolder(), 'view.db');
      let store = openSqliteViewStore(path);
      return {
        store,
        async reopen() {
          store.close();
          store = openSqliteViewStore(path);
          return store;
        },
        close: async () => store.close(),
      };
    },
  });

  it('is for its owner alone, and refused where others could write to it', () => {
    const path = join(newFolder(), 'view.db');
    openSqliteViewStore(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o640);
    expect(codeOf(() => openSqliteViewStore(path))).toBe('store_unusable');
  });

  it('takes no file of another kind, and changes nothing in it', () => {
    const folder = newFolder();
    const text = join(folder, 'text');
    writeFileSync(text, 'no database at all, but longer than the header of one'.repeat(20), {
      mode: 0o600,
    });
    expect(codeOf(() => openSqliteViewStore(text))).toBe('store_unusable');
    const other = join(folder, 'other.db');
    const db = new DatabaseSync(other);
    db.exec('CREATE TABLE mine (one INTEGER)');
    db.close();
    chmodSync(other, 0o600);
    const before = readFileSync(other);
    expect(codeOf(() => openSqliteViewStore(other))).toBe('store_unusable');
    expect(readFileSync(other).equals(before)).toBe(true);
    expect(codeOf(() => openSqliteViewStore(join(folder, 'missing', 'view.db')))).toBe(
      'store_unusable',
    );
    expect(codeOf(() => openSqliteViewStore(':memory:'))).toBe('option_invalid');
  });

  it('M06 does not go back, even by the hand of somebody with a prompt', () => {
    const path = join(newFolder(), 'view.db');
    const store = openSqliteViewStore(path);
    const position = { log: 'a', size: 4, note: '', frontier: [new Uint8Array(32)], epoch: 4 };
    const times = { nextUpdate: 1, time: 1, asOf: 1 };
    store.save({ position: { ...position, ...times }, revoked: [], forgetUntil: 0 });
    store.close();
    const db = new DatabaseSync(path);
    expect(() => db.exec('UPDATE position SET epoch = 3')).toThrow();
    expect(() => db.exec('DELETE FROM position')).toThrow();
    db.close();
  });

  it('says that it is locked, and is not changed', () => {
    const path = join(newFolder(), 'view.db');
    const store = openSqliteViewStore(path);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const position = { log: 'a', size: 0, note: '', frontier: [], epoch: 0 };
    const change = {
      position: { ...position, nextUpdate: 1, time: 1, asOf: 1 },
      revoked: [],
      forgetUntil: 0,
    };
    expect(codeOf(() => store.save(change))).toBe('store_unavailable');
    other.exec('ROLLBACK');
    other.close();
    expect(store.load()).toBeUndefined();
    store.save(change);
    expect(store.load()?.position.log).toBe('a');
    store.close();
  });

  it('keeps all of a save or nothing of it when the process is killed', async () => {
    const path = join(newFolder(), 'view.db');
    const script = fileURLToPath(new URL('./view-store-worker.ts', import.meta.url));
    let begin = 1;
    for (let round = 0; round < 5; round += 1) {
      const args = ['--conditions=@taper/source', script, path, String(begin)];
      const worker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      worker.stdout.on('data', (chunk) => {
        said += String(chunk);
        if (said.split('\n').length > 20 + 7 * round) worker.kill('SIGKILL');
      });
      await new Promise((resolve) => worker.once('close', resolve));
      const acknowledged = Number(said.trim().split('\n').at(-1));
      const store = openSqliteViewStore(path);
      const view = store.load();
      const size = view?.position.size ?? 0;
      expect(size).toBeGreaterThanOrEqual(acknowledged);
      expect([...(view?.revoked ?? [])]).toHaveLength(size);
      store.close();
      begin = size + 1;
    }
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryWitnessStore } from '../../src/memory/witness-store.ts';
import { openSqliteWitnessStore, type SqliteWitnessStore } from '../../src/sqlite/witness-store.ts';
import { witnessStoreContract } from '../../src/testing/witness-store.ts';
import type { WitnessedCheckpoint } from '../../src/witness/store.ts';

let folder = '';
const opened: SqliteWitnessStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-witness-'));
});

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(folder, { recursive: true, force: true });
});

function openHere(): SqliteWitnessStore {
  const store = openSqliteWitnessStore(join(folder, 'state.db'));
  opened.push(store);
  return store;
}

function tree(size: number, fill = 7): WitnessedCheckpoint {
  return { origin: 'log.example', size, root: new Uint8Array(32).fill(fill), note: `${size}\n` };
}

describe('the witness store in memory', () => {
  witnessStoreContract({
    test,
    async open() {
      const store = createMemoryWitnessStore();
      return { store, peer: store, close: async () => undefined };
    },
  });
});

describe('the witness store in SQLite', () => {
  witnessStoreContract({
    test,
    async open() {
      const store = openHere();
      return {
        store,
        peer: openHere(),
        async reopen() {
          for (const each of opened.splice(0)) each.close();
          return openHere();
        },
        close: async () => undefined,
      };
    },
  });

  test('is readable by its owner alone, and refuses a file that is not', async () => {
    openHere();
    const path = join(folder, 'state.db');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const open = join(folder, 'open.db');
    writeFileSync(open, '', { mode: 0o644 });
    expect(() => openSqliteWitnessStore(open)).toThrow(
      expect.objectContaining({ code: 'store_unusable' }),
    );
  });

  test('refuses files that are no state of a witness', () => {
    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is no database, and long enough to be looked at '.repeat(20), {
      mode: 0o600,
    });
    const other = join(folder, 'other.db');
    writeFileSync(other, '', { mode: 0o600 });
    const database = new DatabaseSync(other);
    database.exec('CREATE TABLE t (a)');
    database.close();
    for (const path of [text, other, join(folder, 'no', 'folder.db')])
      expect(() => openSqliteWitnessStore(path)).toThrow(
        expect.objectContaining({ code: 'store_unusable' }),
      );
    for (const path of ['', ':memory:'])
      expect(() => openSqliteWitnessStore(path)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });

  test('N13 refuses a copy from before the last records, and a state whose mark is gone', async () => {
    const path = join(folder, 'state.db');
    const store = openHere();
    await store.replace(0, tree(1));
    store.close();
    copyFileSync(path, join(folder, 'backup'));
    const again = openHere();
    for (const size of [2, 3, 4]) await again.replace(size - 1, tree(size));
    again.close();
    copyFileSync(path, join(folder, 'latest'));
    copyFileSync(join(folder, 'backup'), path);
    expect(openHere).toThrow(expect.objectContaining({ code: 'log_rolled_back' }));
    copyFileSync(join(folder, 'latest'), path);
    expect(openHere().read('log.example')).toEqual(tree(4));
    for (const each of opened.splice(0)) each.close();
    rmSync(`${path}.mark`);
    expect(openHere).toThrow(expect.objectContaining({ code: 'log_rolled_back' }));
  });

  test('not even another program can take a record back', async () => {
    const store = openHere();
    await store.replace(0, tree(5));
    const database = new DatabaseSync(join(folder, 'state.db'));
    for (const sql of [
      'DELETE FROM witnessed',
      'UPDATE witnessed SET size = 4',
      'UPDATE witnessed SET root = zeroblob(32)',
    ])
      expect(() => database.exec(sql)).toThrow();
    database.close();
    expect(store.read('log.example')).toEqual(tree(5));
  });

  test('lists all logs', async () => {
    const store = openHere();
    const other = { ...tree(9), origin: 'another.example' };
    await store.replace(0, tree(5));
    await store.replace(0, other);
    expect(store.all()).toEqual([other, tree(5)]);
  });

  test('N01 of processes that race from one size, exactly one writes', async () => {
    openHere();
    const children = Array.from({ length: 3 }, () =>
      spawn(
        process.execPath,
        [
          '--conditions=@taper/source',
          join(import.meta.dirname, 'store-worker.ts'),
          join(folder, 'state.db'),
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      ),
    );
    try {
      const readers = children.map((child) =>
        createInterface({ input: child.stdout })[Symbol.asyncIterator](),
      );
      await Promise.all(readers.map((reader) => reader.next()));
      for (let size = 0; size < 25; size += 1) {
        const answers = await Promise.all(
          children.map(async (child, index) => {
            child.stdin.write(`${JSON.stringify([size, size + 1, index + 1])}\n`);
            return (await readers[index]?.next())?.value as string;
          }),
        );
        expect(answers.toSorted()).toEqual(['conflict', 'conflict', 'replaced']);
      }
    } finally {
      await Promise.all(
        children.map(async (child) => {
          child.stdin.end();
          if (child.exitCode === null) await once(child, 'exit');
        }),
      );
    }
  });
});

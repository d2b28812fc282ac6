import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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

  test('N12 opens after a crash between its mark and the commit, and not when more is missing', async () => {
    const path = join(folder, 'state.db');
    const store = openHere();
    await store.replace(0, tree(1));
    store.close();
    const mark = readFileSync(`${path}.mark`, 'utf8');
    const ahead = (by: number) =>
      writeFileSync(`${path}.mark`, mark.replace(/ 1\n$/, ` ${1 + by}\n`));
    ahead(1);
    expect(openHere().read('log.example')).toEqual(tree(1));
    ahead(2);
    expect(openHere).toThrow(expect.objectContaining({ code: 'log_rolled_back' }));
    writeFileSync(`${path}.mark`, 'nonsense');
    expect(openHere).toThrow(expect.objectContaining({ code: 'store_unusable' }));
    writeFileSync(`${path}.mark`, mark.replace(/[0-9a-f-]{36}/, crypto.randomUUID()));
    expect(openHere).toThrow(expect.objectContaining({ code: 'log_rolled_back' }));
  });

  test('keeps the record as it was when the mark cannot be written', async () => {
    const store = openHere();
    await store.replace(0, tree(1));
    const next = join(folder, 'state.db.mark.next');
    mkdirSync(next);
    expect(() => store.replace(1, tree(2))).toThrow(
      expect.objectContaining({ code: 'store_unavailable' }),
    );
    expect(store.read('log.example')).toEqual(tree(1));
    rmSync(next, { recursive: true });
    expect(await store.replace(1, tree(2))).toBe('replaced');
  });

  test('says that it is locked, after a while, and changes nothing', async () => {
    const store = openHere();
    await store.replace(0, tree(1));
    const other = new DatabaseSync(join(folder, 'state.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(() => store.replace(1, tree(2))).toThrow(
      expect.objectContaining({ code: 'store_unavailable' }),
    );
    other.exec('ROLLBACK');
    other.close();
    expect(store.read('log.example')).toEqual(tree(1));
    expect(await store.replace(1, tree(2))).toBe('replaced');
  });

  test('N12 Z06 has everything that was acknowledged when its process is killed', async () => {
    const path = join(folder, 'state.db');
    openHere().close();
    let acknowledged = 0;
    for (let round = 0; round < 4; round += 1) {
      const child = spawn(
        process.execPath,
        ['--conditions=@taper/source', join(import.meta.dirname, 'store-worker.ts'), path],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      child.stdin.on('error', () => undefined);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      await lines.next();
      // Many at once, so that it is killed in the middle of one.
      const first = acknowledged;
      for (let size = first; size < first + 400; size += 1)
        child.stdin.write(`${JSON.stringify([size, size + 1, 7])}\n`);
      for (let answered = 0; answered < 10 + 20 * round; answered += 1) {
        expect((await lines.next()).value).toBe('replaced');
        acknowledged += 1;
      }
      child.kill('SIGKILL');
      await once(child, 'exit');
      const store = openSqliteWitnessStore(path);
      const size = (await store.read('log.example'))?.size ?? 0;
      store.close();
      expect(size).toBeGreaterThanOrEqual(acknowledged);
      acknowledged = size;
    }
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

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { afterAll, describe, expect, test } from 'vitest';
import { openSqliteDatabase, type SqliteDatabase } from '../../src/sqlite/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'taper-store-'));
const opened: SqliteDatabase[] = [];
let serial = 0;

afterAll(() => {
  for (const database of opened) database.close();
  rmSync(folder, { recursive: true, force: true });
});

function newPath(): string {
  const place = join(folder, String(++serial));
  mkdirSync(place);
  return join(place, 'store.db');
}

function open(path = newPath(), options = {}): SqliteDatabase {
  const database = openSqliteDatabase(path, options);
  opened.push(database);
  return database;
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'nothing thrown';
  } catch (error) {
    if (!(error instanceof TaperError)) throw error;
    expect(error.hint).not.toBe('');
    return error.code;
  }
}

async function codeOfPromise(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'nothing thrown';
  } catch (error) {
    return codeOf(() => {
      throw error;
    });
  }
}

/** A database with one table and a function that adds a row to it. */
function withNotes(path = newPath(), options = {}) {
  const database = open(path, options);
  database.define('notes', 1, 'CREATE TABLE note (text TEXT NOT NULL UNIQUE) STRICT');
  const insert = database.prepare('INSERT INTO note (text) VALUES (?)');
  const all = database.prepare('SELECT text FROM note ORDER BY rowid');
  return {
    database,
    insert,
    add: (text: string) => database.write(() => void insert.run(text)),
    notes: () => database.read(() => all.all().map(({ text }) => text)),
  };
}

describe('opening', () => {
  test('makes a file that only its owner can read and write, and a log of the same kind', async () => {
    const path = newPath();
    const before = process.umask(0);
    try {
      await withNotes(path).add('one');
    } finally {
      process.umask(before);
    }
    const modes = readdirSync(join(path, '..')).map(
      (name) => statSync(join(path, '..', name)).mode & 0o777,
    );
    expect(modes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  test('keeps a write-ahead log and waits for the disk at every commit', () => {
    const database = open();
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  });

  test('finds again what was written', async () => {
    const path = newPath();
    const first = withNotes(path);
    await first.add('one');
    first.database.close();
    expect(withNotes(path).notes()).toEqual(['one']);
  });

  test('refuses a file that others may read or write, and takes it once it is private', () => {
    const path = newPath();
    open(path).close();
    for (const mode of [0o644, 0o620, 0o602]) {
      chmodSync(path, mode);
      expect(codeOf(() => open(path))).toBe('store_unusable');
    }
    chmodSync(path, 0o600);
    expect(codeOf(() => open(path))).toBe('nothing thrown');
  });

  test('refuses a file that is no database, and leaves it as it is', () => {
    const path = newPath();
    const content = 'To whom it may concern. '.repeat(100);
    writeFileSync(path, content, { mode: 0o600 });
    expect(codeOf(() => open(path))).toBe('store_unusable');
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(existsSync(`${path}.witness`)).toBe(false);
  });

  test('refuses the database of another application, and leaves it as it is', () => {
    const path = newPath();
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE invoice (id INTEGER PRIMARY KEY)');
    other.close();
    chmodSync(path, 0o600);
    const before = readFileSync(path);
    expect(codeOf(() => open(path))).toBe('store_unusable');
    expect(readFileSync(path)).toEqual(before);
  });

  test('refuses a file of a version that it does not know', () => {
    const path = newPath();
    open(path).close();
    const other = new DatabaseSync(path);
    other.exec('PRAGMA user_version = 2');
    other.close();
    expect(codeOf(() => open(path))).toBe('store_unusable');
  });

  test('refuses tables of a version that it does not know, older or newer', () => {
    const path = newPath();
    const database = open(path);
    database.define('part', 2, 'CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT');
    database.define('part', 2, 'CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT');
    for (const version of [1, 3]) {
      expect(codeOf(() => database.define('part', version, 'SELECT 1'))).toBe('store_unusable');
    }
  });

  test('refuses a folder, a folder that is not there, and what is no path', () => {
    expect(codeOf(() => open(folder))).toBe('store_unusable');
    expect(codeOf(() => open(join(folder, 'nowhere', 'store.db')))).toBe('store_unusable');
    for (const path of ['', ':memory:', 'file:store.db', 7 as unknown as string]) {
      expect(codeOf(() => open(path))).toBe('option_invalid');
    }
    for (const lockTimeout of [0, -1, Number.NaN, 1.5, 1e9]) {
      expect(codeOf(() => open(newPath(), { lockTimeout }))).toBe('option_invalid');
    }
  });
});

describe('writing', () => {
  test('of several writes, undoes the one that throws and keeps the others', async () => {
    const { add, notes, database, insert } = withNotes();
    const outcomes = await Promise.allSettled([
      add('one'),
      database.write(() => {
        insert.run('two');
        throw new Error('no');
      }),
      add('three'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(notes()).toEqual(['one', 'three']);
  });

  test('runs writes in the order of their calls', async () => {
    const { add, notes } = withNotes();
    const texts = Array.from({ length: 300 }, (_, index) => `note ${index}`);
    await Promise.all(texts.map((text) => add(text)));
    expect(notes()).toEqual(texts);
  });

  test('is there for another connection as soon as the promise resolves', async () => {
    const path = newPath();
    const [here, there] = [withNotes(path), withNotes(path)];
    await here.add('one');
    expect(there.notes()).toEqual(['one']);
  });

  test('Z01 refuses while another connection holds the lock, stays usable, and works again afterwards', async () => {
    const path = newPath();
    const { add, notes } = withNotes(path, { lockTimeout: 60 });
    await add('before');
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const codes = await Promise.all([codeOfPromise(add('one')), codeOfPromise(add('two'))]);
    expect(codes).toEqual(['store_unavailable', 'store_unavailable']);
    expect(notes()).toEqual(['before']);
    other.exec('ROLLBACK');
    await add('after');
    expect(notes()).toEqual(['before', 'after']);
    other.close();
  });

  test('waits for a lock without blocking the event loop, and then writes', async () => {
    const path = newPath();
    const { add, notes } = withNotes(path, { lockTimeout: 10_000 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const written = add('one');
    let turns = 0;
    while (turns < 20) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      turns += 1;
    }
    expect(notes()).toEqual([]);
    other.exec('ROLLBACK');
    await written;
    expect(notes()).toEqual(['one']);
    other.close();
  });

  test('Z01 refuses when the disk is full, changes nothing, and works again when there is room', async () => {
    const { add, notes, database } = withNotes();
    await add('before');
    const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
    database.prepare(`PRAGMA max_page_count = ${pages}`).get();
    const outcomes = await Promise.all([
      codeOfPromise(add('small')),
      codeOfPromise(add('x'.repeat(100_000))),
      codeOfPromise(add('small too')),
    ]);
    expect(outcomes).toEqual(Array(3).fill('store_unavailable'));
    expect(notes()).toEqual(['before']);
    database.prepare('PRAGMA max_page_count = 100000').get();
    await add('after');
    expect(notes()).toEqual(['before', 'after']);
  });

  test('refuses what waits when it is closed, and everything after', async () => {
    const { add, database } = withNotes();
    const waiting = codeOfPromise(add('one'));
    database.close();
    expect(await waiting).toBe('store_unavailable');
    expect(await codeOfPromise(add('two'))).toBe('store_unavailable');
    database.close();
  });
});

describe('Z07 an old copy', () => {
  test('is refused in place of the store', async () => {
    const path = newPath();
    const first = withNotes(path);
    await first.add('spent 10');
    first.database.close();
    copyFileSync(path, `${path}.backup`);
    const second = withNotes(path);
    await second.add('spent 20');
    second.database.close();

    const current = readFileSync(path);
    copyFileSync(`${path}.backup`, path);
    expect(codeOf(() => open(path))).toBe('store_unusable');
    expect(codeOf(() => open(path))).toBe('store_unusable');
    writeFileSync(path, current);
    expect(withNotes(path).notes()).toEqual(['spent 10', 'spent 20']);
  });

  test('is refused although its process was killed and wrote no farewell', async () => {
    const path = newPath();
    const first = withNotes(path);
    await first.add('spent 10');
    first.database.close();
    copyFileSync(path, `${path}.backup`);
    const script = `
      import { openSqliteDatabase } from '@taper/enforce/sqlite';
      const database = openSqliteDatabase(process.argv[1]);
      const insert = database.prepare('INSERT INTO note (text) VALUES (?)');
      await database.write(() => insert.run('spent 20'));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await database.write(() => insert.run('spent 30'));
      process.kill(process.pid, 'SIGKILL');
    `;
    expect(() =>
      execFileSync(
        process.execPath,
        ['--conditions=@taper/source', '--input-type=module', '-e', script, path],
        { cwd: import.meta.dirname, stdio: 'pipe' },
      ),
    ).toThrow();
    expect(readFileSync(`${path}.witness`, 'utf8')).toMatch(/ 3\n$/);
    copyFileSync(`${path}.backup`, path);
    rmSync(`${path}-wal`);
    rmSync(`${path}-shm`);
    expect(codeOf(() => open(path))).toBe('store_unusable');
  });

  test('and a new store are told from the one that was lost', async () => {
    const path = newPath();
    const first = withNotes(path);
    await first.add('spent 10');
    first.database.close();
    rmSync(path);
    expect(codeOf(() => open(path))).toBe('store_unusable');
    rmSync(`${path}.witness`);
    expect(withNotes(path).notes()).toEqual([]);
  });

  test('is refused where its witness, kept elsewhere, cannot be read', async () => {
    const path = newPath();
    const witness = join(folder, 'elsewhere.witness');
    const first = withNotes(path, { witness });
    await first.add('spent 10');
    first.database.close();
    expect(existsSync(`${path}.witness`)).toBe(false);
    const text = readFileSync(witness, 'utf8');
    for (const wrong of ['', 'taper-store 2', `${text}x`, text.replace(/[0-9]+\n$/, '1e9\n')]) {
      writeFileSync(witness, wrong);
      expect(codeOf(() => open(path, { witness }))).toBe('store_unusable');
    }
    writeFileSync(witness, text);
    expect(withNotes(path, { witness }).notes()).toEqual(['spent 10']);
  });
});

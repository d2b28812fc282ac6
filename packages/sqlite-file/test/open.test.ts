import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  exclusively,
  isBusy,
  openStoreFile,
  type StoreFileKind,
  storeFileError,
} from '../src/index.ts';

const KIND: StoreFileKind = {
  noun: 'store',
  applicationId: 0x54617099,
  version: 3,
  danger: 'change it',
  remedy: 'Make another.',
  whenFull: 'Nothing is lost.',
};
const TABLES = 'CREATE TABLE thing (name TEXT PRIMARY KEY) STRICT';

let folder: string;
let path: string;
const opened: DatabaseSync[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-sqlite-file-'));
  path = join(folder, 'a.db');
});

afterEach(() => {
  for (const db of opened.splice(0)) if (db.isOpen) db.close();
  rmSync(folder, { recursive: true });
});

function open(kind: StoreFileKind = KIND, lockTimeout = 200): DatabaseSync {
  const db = openStoreFile(kind, path, {
    lockTimeout,
    prepare: (made, isNew) => {
      if (isNew) made.exec(TABLES);
    },
  });
  opened.push(db);
  return db;
}

function codeOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error instanceof TaperError ? error.code : error;
  }
  return undefined;
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

describe('a file that is made', () => {
  test('is for its owner alone, its log too', () => {
    const db = open();
    db.exec("INSERT INTO thing VALUES ('a')");
    for (const each of [path, `${path}-wal`]) expect(statSync(each).mode & 0o777).toBe(0o600);
  });

  test('waits for the disk at every commit, and trusts no schema', () => {
    const db = open();
    expect(pragma(db, 'journal_mode')).toBe('wal');
    expect(pragma(db, 'synchronous')).toBe(2);
    expect(pragma(db, 'fullfsync')).toBe(1);
    expect(pragma(db, 'trusted_schema')).toBe(0);
  });

  test('is known as ours: opened again it is not made anew', () => {
    open().exec("INSERT INTO thing VALUES ('kept')");
    opened.splice(0)[0]?.close();
    expect(open().prepare('SELECT name FROM thing').all()).toEqual([{ name: 'kept' }]);
  });

  test('is none of ours where what was to be made in it failed: nothing of it stays', () => {
    const make = () =>
      openStoreFile(KIND, path, {
        lockTimeout: 200,
        prepare: (made) => {
          made.exec(TABLES);
          throw new Error('no further');
        },
      });
    expect(make).toThrow('no further');
    const db = new DatabaseSync(path);
    opened.push(db);
    expect(pragma(db, 'application_id')).toBe(0);
    expect(db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']).toBe(0);
  });
});

describe('a file that is there', () => {
  test.each([
    ['of another application', 0x12345678, 3],
    ['of another version', KIND.applicationId, 4],
  ])('%s is refused, and not changed', (_, application, version) => {
    const other = new DatabaseSync(path);
    other.exec(`PRAGMA application_id = ${application}; PRAGMA user_version = ${version};
      CREATE TABLE other (a INTEGER)`);
    other.close();
    chmodSync(path, 0o600);
    const before = readFileSync(path);
    expect(codeOf(() => open())).toBe('store_unusable');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('with tables, and without a mark, is not ours', () => {
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE other (a INTEGER)');
    other.close();
    chmodSync(path, 0o600);
    expect(codeOf(() => open())).toBe('store_unusable');
  });

  test('that is empty becomes ours', () => {
    writeFileSync(path, '', { mode: 0o600 });
    expect(pragma(open(), 'application_id')).toBe(KIND.applicationId);
  });

  test.each([
    ['is no database', 'x'.repeat(4096)],
    ['is cut', 'SQLite format 3\0 and then nothing'],
  ])('that %s is refused, and not changed', (_, content) => {
    writeFileSync(path, content, { mode: 0o600 });
    expect(codeOf(() => open())).toBe('store_unusable');
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test.skipIf(process.platform === 'win32').each([0o640, 0o604, 0o620, 0o602])(
    'with the mode %o is refused: others reach it',
    (mode) => {
      open();
      opened.splice(0)[0]?.close();
      chmodSync(path, mode);
      expect(codeOf(() => open())).toBe('store_unusable');
      chmodSync(path, 0o600);
      expect(codeOf(() => open())).toBeUndefined();
    },
  );

  test.skipIf(process.getuid?.() !== 0)(
    'of another user is refused: its owner goes on to write to it; one of root is not',
    () => {
      open();
      opened.splice(0)[0]?.close();
      chownSync(path, 65_534, 65_534);
      expect(codeOf(() => open())).toBe('store_unusable');
      chownSync(path, 0, 0);
      expect(codeOf(() => open())).toBeUndefined();
    },
  );

  test('that is a folder is refused', () => {
    path = folder;
    expect(codeOf(() => open())).toBe('store_unusable');
  });

  test('that another process holds is unavailable, and used once it lets go', () => {
    const holder = open();
    holder.exec('BEGIN IMMEDIATE');
    expect(codeOf(() => open(KIND, 20))).toBe('store_unavailable');
    holder.exec('ROLLBACK');
    expect(codeOf(() => open())).toBeUndefined();
  });
});

describe.skipIf(process.platform === 'win32')('a folder', () => {
  test('in which all users may write is refused, unless each can take away only what is his', () => {
    for (const [mode, code] of [
      [0o777, 'store_unusable'],
      [0o773, 'store_unusable'],
      [0o1777, undefined],
      [0o775, undefined],
    ] as const) {
      path = join(folder, `in-${mode.toString(8)}`, 'a.db');
      mkdirSync(join(path, '..'));
      chmodSync(join(path, '..'), mode);
      expect(codeOf(() => open())).toBe(code);
    }
  });

  test.each(['-wal', '-journal'])(
    'with a %s and no file is refused: it would be written over a new one',
    (end) => {
      writeFileSync(path + end, 'x');
      expect(codeOf(() => open())).toBe('store_unusable');
      expect(existsSync(path)).toBe(false);
      rmSync(path + end);
      expect(codeOf(() => open())).toBeUndefined();
    },
  );
});

test.each(['', ':memory:', 'file:a.db', 'file:a.db?mode=memory'])(
  '%j is no path of a file',
  (given) => {
    path = given;
    expect(codeOf(() => open())).toBe('option_invalid');
  },
);

test('a folder that is not there, or that nobody may write to, is said to be so', () => {
  path = join(folder, 'missing', 'a.db');
  expect(codeOf(() => open())).toBe('store_unusable');
});

describe('what was thrown', () => {
  const path = '/somewhere/a.db';
  const ofSqlite = (errcode: number) => Object.assign(new Error('x'), { errcode });

  test.each([
    [5, 'store_unavailable'],
    [6, 'store_unavailable'],
    [13, 'store_unavailable'],
    [8, 'store_unusable'],
    [11, 'store_unusable'],
    [14, 'store_unusable'],
    [26, 'store_unusable'],
    // Extended result codes: SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC, SQLITE_CONSTRAINT_TRIGGER.
    [517, 'store_unavailable'],
    [1034, 'store_unavailable'],
    [1811, 'store_unavailable'],
  ])('by SQLite with the result code %i is %s', (errcode, code) => {
    const error = storeFileError(KIND, path, ofSqlite(errcode));
    expect(error).toMatchObject({ code });
  });

  test('by the file system is unavailable: waiting may help', () => {
    const error = Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' });
    expect(storeFileError(KIND, path, error)).toMatchObject({ code: 'store_unavailable' });
  });

  test('by anybody else stays what it is', () => {
    for (const error of [new Error('x'), new TaperError('store_unusable', 'x'), 'x', undefined])
      expect(storeFileError(KIND, path, error)).toBe(error);
  });

  test('is busy for a lock alone', () => {
    for (const errcode of [5, 6, 261, 517]) expect(isBusy(ofSqlite(errcode))).toBe(true);
    for (const errcode of [0, 1, 11, 13]) expect(isBusy(ofSqlite(errcode))).toBe(false);
    expect(isBusy(new Error('x'))).toBe(false);
  });
});

test('an exclusive transaction is done whole, or not at all', () => {
  const db = open();
  const count = () => db.prepare('SELECT count(*) AS count FROM thing').get()?.['count'];
  expect(exclusively(db, () => db.exec("INSERT INTO thing VALUES ('a')"))).toBeUndefined();
  expect(count()).toBe(1);
  const failing = () =>
    exclusively(db, () => {
      db.exec("INSERT INTO thing VALUES ('b')");
      throw new Error('no further');
    });
  expect(failing).toThrow('no further');
  expect(count()).toBe(1);
});

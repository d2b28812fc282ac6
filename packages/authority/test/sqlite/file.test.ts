import { fork } from 'node:child_process';
import {
  chmodSync,
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
import { DatabaseSync } from 'node:sqlite';
import type { AuthorityStore } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openFile, openMemory } from '../../src/sqlite/file.ts';
import { MIGRATIONS } from '../../src/sqlite/migrations.ts';
import { listing } from '../../src/sqlite/statements.ts';
import { storeOn } from '../../src/sqlite/store.ts';
import { agent, body, key } from '../../src/testing/store/records.ts';

const UNUSABLE: unknown = expect.objectContaining({ code: 'store_unusable' });

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-authority-'));
  path = join(folder, 'authority.sqlite');
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

function openHere(at = path, options: { lockTimeout?: number } = {}): AuthorityStore {
  const store = openSqliteAuthorityStore({ path: at, ...options });
  onTestFinished(() => store.close());
  return store;
}

function put(store: AuthorityStore, name: string): Promise<void> {
  return store.transaction((tx) => tx.putSetting(name, 'x'));
}

function has(store: AuthorityStore, name: string): Promise<boolean> {
  return store.read(async (tx) => (await tx.findSetting(name)) !== undefined);
}

/** Runs SQL on the file as some other program. */
function asOther(sql: string, at = path): void {
  const db = new DatabaseSync(at);
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

describe('the file of a store', () => {
  test('is its owner’s alone, and so is its witness', async () => {
    await put(openHere(), 'a');
    for (const file of [path, `${path}.witness`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('that others can read is refused', async () => {
    await openHere().close();
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path, mode);
      expect(() => openHere()).toThrow(UNUSABLE);
    }
    chmodSync(path, 0o600);
    openHere();
  });

  test('that is no database, is cut short or belongs to another program is refused, and not changed', async () => {
    writeFileSync(
      path,
      'no database, but a text that is longer than its header of 100 bytes'.repeat(9),
      {
        mode: 0o600,
      },
    );
    const before = readFileSync(path);
    expect(() => openHere()).toThrow(UNUSABLE);
    expect(readFileSync(path)).toEqual(before);

    const other = join(folder, 'other.sqlite');
    asOther('CREATE TABLE mine (x)', other);
    chmodSync(other, 0o600);
    expect(() => openHere(other)).toThrow(UNUSABLE);
    asOther('DROP TABLE mine; PRAGMA application_id = 7', other);
    expect(() => openHere(other)).toThrow(UNUSABLE);

    const cut = join(folder, 'cut.sqlite');
    const store = openHere(cut);
    await put(store, 'a');
    await store.close();
    writeFileSync(cut, readFileSync(cut).subarray(0, 5000));
    expect(() => openHere(cut)).toThrow(UNUSABLE);
  });

  test('that cannot be made, or is a folder, is refused', () => {
    mkdirSync(join(folder, 'folder'));
    for (const at of [join(folder, 'nowhere', 'a.sqlite'), join(folder, 'folder')])
      expect(() => openHere(at)).toThrow(UNUSABLE);
  });

  test.skipIf(process.getuid?.() === 0)(
    'in a folder that cannot be written to is refused',
    async () => {
      await openHere().close();
      for (const name of ['authority.sqlite', 'new.sqlite']) {
        chmodSync(folder, 0o500);
        expect(() => openHere(join(folder, name))).toThrow(UNUSABLE);
        chmodSync(folder, 0o700);
      }
    },
  );

  test('needs a path, and options that are known', () => {
    const invalid: unknown = expect.objectContaining({ code: 'option_invalid' });
    for (const options of [
      { path: '' },
      { path: 'file:x' },
      { path: 7 },
      { path, lockTimeout: 0 },
      { path, workTimeout: 60_001 },
      { path, witnes: 'x' },
      { path, witness: undefined },
    ])
      expect(() => openSqliteAuthorityStore(options as { path: string })).toThrow(invalid);
  });

  test('M12: keeps from any program what stands for good', async () => {
    const store = openHere();
    await store.transaction(async (tx) => {
      await tx.insertAgent(agent('a'));
      await tx.insertKey(key('a'));
      await tx.appendEntry(body('a'));
      await tx.appendEntry(body('b'));
    });
    await store.markEntries([{ sequence: 1, index: 0 }]);
    for (const sql of [
      'DELETE FROM agent',
      'DELETE FROM holder_key',
      'DELETE FROM outbox WHERE sequence = 2',
      "UPDATE outbox SET body = 'x' WHERE sequence = 2",
      'UPDATE outbox SET log_index = 7 WHERE sequence = 1',
      'UPDATE outbox SET log_index = NULL WHERE sequence = 1',
    ])
      expect(() => asOther(sql)).toThrow();
  });

  test('with a record that somebody damaged says so', async () => {
    const store = openHere();
    await store.transaction((tx) => tx.insertKey(key('a')));
    asOther("UPDATE holder_key SET jwk = '{'");
    await expect(store.read((tx) => tx.findKey(key('a').thumbprint))).rejects.toMatchObject({
      code: 'store_unusable',
    });
  });
});

describe('the tables of a store', () => {
  const next = {
    name: 'next',
    sql: 'CREATE TABLE next (x TEXT) STRICT; INSERT INTO next VALUES (1);',
  };

  function openWith(...more: readonly { name: string; sql: string }[]): AuthorityStore {
    const store = storeOn({ path }, (at, witness) =>
      openFile(at, witness, [...MIGRATIONS, ...more]),
    );
    onTestFinished(() => store.close());
    return store;
  }

  test('that a later version made are refused, and not changed', async () => {
    await openWith(next).close();
    const before = readFileSync(path);
    expect(() => openHere()).toThrow(UNUSABLE);
    expect(readFileSync(path)).toEqual(before);
  });

  test('are brought up to date once, with what is in them', async () => {
    const old = openHere();
    await put(old, 'a');
    await old.close();
    await openWith(next).close();
    const store = openWith(next);
    expect(await has(store, 'a')).toBe(true);
    const db = new DatabaseSync(path);
    expect(db.prepare('SELECT count(*) AS count FROM next').get()).toEqual({ count: 1 });
    db.close();
  });

  test('Z06: are as they were where a step fails half way', async () => {
    const old = openHere();
    await put(old, 'a');
    await old.close();
    const broken = { name: 'broken', sql: `${next.sql} CREATE TABLE next (x);` };
    expect(() => openWith(broken)).toThrow();
    const store = openHere();
    expect(await has(store, 'a')).toBe(true);
    await store.close();
    await openWith(next).close();
  });

  test('that were made by other steps are refused', async () => {
    await openWith(next).close();
    expect(() => openWith({ ...next, sql: `${next.sql} ` })).toThrow(UNUSABLE);
    openWith(next);
  });

  test('Z06: are made once by several processes that start at the same time', async () => {
    const program = join(import.meta.dirname, 'opener.ts');
    const codes = await Promise.all(
      Array.from({ length: 4 }, async (_, place) => {
        const child = fork(program, [path, `process ${place}`], {
          execArgv: ['--conditions=@taper/source', '--disable-warning=ExperimentalWarning'],
        });
        return new Promise((resolve) => child.on('exit', resolve));
      }),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    const store = openHere();
    for (let place = 0; place < 4; place += 1)
      expect(await has(store, `process ${place}`)).toBe(true);
  });

  test('are found through an index, however many agents there are', () => {
    const { writer: db } = openMemory();
    const page = { limit: 100, after: 'x' };
    const lists = [
      listing('agent', 'id', page, {}),
      listing('agent', 'id', page, { tenant: 't' }),
      listing('agent', 'id', page, { state: 'active' }),
      listing('agent', 'id', page, { tenant: 't', state: 'active' }),
      listing('issuance', 'jti', page, {}),
      listing('issuance', 'jti', page, { agent: 'a' }),
      listing('issuance', 'jti', page, { grant_name: 'g' }),
      listing('pending', 'id', page, { tenant: 't' }),
    ];
    for (const { sql, values } of lists) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      expect(plan.map(({ detail }) => detail)).toEqual([
        expect.stringMatching(/^SEARCH .* USING /),
      ]);
    }
    db.close();
  });
});

describe('Z01: a store that cannot be written', () => {
  test('because another program holds its lock refuses changes in bounded time, reads on, and goes on by itself', async () => {
    const store = openHere(path, { lockTimeout: 50 });
    await put(store, 'before');
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const refused = await Promise.allSettled(['a', 'b'].map((name) => put(store, name)));
    for (const each of refused)
      expect(each).toMatchObject({ reason: { code: 'store_unavailable', conflict: undefined } });
    expect(await has(store, 'before')).toBe(true);
    expect(await has(store, 'a')).toBe(false);
    other.exec('ROLLBACK');
    other.close();
    await put(store, 'after');
    expect(await has(store, 'after')).toBe(true);
  });

  test('waits for another program that holds its lock for a moment', async () => {
    const store = openHere();
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const done = put(store, 'a');
    setTimeout(() => other.exec('ROLLBACK'), 40);
    await done;
    other.close();
    expect(await has(store, 'a')).toBe(true);
  });

  test('because the disk is full refuses changes, keeps what there is, and goes on when there is room', async () => {
    let limit: (pages: number) => void = () => undefined;
    const store = storeOn({ path }, (at, witness) => {
      const connections = openFile(at, witness);
      limit = (pages) => connections.writer.exec(`PRAGMA max_page_count = ${pages}`);
      return connections;
    });
    onTestFinished(() => store.close());
    await put(store, 'before');
    limit(1);
    const large = (name: string): Promise<void> =>
      store.transaction(async (tx) => {
        await tx.appendEntry(body(name));
        await tx.putSetting(name, 'x'.repeat(100_000));
      });
    const refused = await Promise.allSettled(['a', 'b'].map(large));
    for (const each of refused)
      expect(each).toMatchObject({ reason: { code: 'store_unavailable' } });
    expect(await has(store, 'before')).toBe(true);
    expect(await store.pendingEntries(10)).toEqual([]);
    limit(1_000_000);
    await large('c');
    expect((await store.pendingEntries(10)).map(({ sequence }) => sequence)).toEqual([1]);
  });
});

describe('Z07: a store that was put back from a copy', () => {
  /** A copy of a store that has gone on since. */
  async function copied(): Promise<string> {
    const store = openHere();
    await put(store, 'a');
    await store.close();
    const copy = join(folder, 'copy');
    copyFileSync(path, copy);
    chmodSync(copy, 0o600);
    const again = openHere();
    await put(again, 'used');
    await again.close();
    return copy;
  }

  test('is refused, because its witness has seen more', async () => {
    copyFileSync(await copied(), path);
    expect(() => openHere()).toThrow(UNUSABLE);
  });

  test('is taken by who has removed the witness', async () => {
    copyFileSync(await copied(), path);
    rmSync(`${path}.witness`);
    const store = openHere();
    expect(await has(store, 'a')).toBe(true);
    expect(await has(store, 'used')).toBe(false);
  });

  test('is refused also as another store, and with a witness that cannot be read', async () => {
    await copied();
    const other = join(folder, 'other.sqlite');
    await openHere(other).close();
    copyFileSync(`${other}.witness`, `${path}.witness`);
    expect(() => openHere()).toThrow(UNUSABLE);
    writeFileSync(`${path}.witness`, 'something else\n');
    expect(() => openHere()).toThrow(UNUSABLE);
  });

  test('is noticed where the witness lies elsewhere', async () => {
    const witness = join(folder, 'elsewhere');
    const open = (): AuthorityStore => {
      const store = openSqliteAuthorityStore({ path, witness });
      onTestFinished(() => store.close());
      return store;
    };
    const store = open();
    await put(store, 'a');
    await store.close();
    const before = readFileSync(path);
    const again = open();
    await put(again, 'b');
    await again.close();
    writeFileSync(path, before);
    expect(open).toThrow(UNUSABLE);
  });
});

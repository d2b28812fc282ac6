import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { TaperError } from '@taper/core';
import { startPostgres } from '@taper/testkit/postgres';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { openPostgresWith } from '../src/database.ts';
import { openPostgres, type PostgresDatabase, PostgresError } from '../src/index.ts';
import { MIGRATIONS } from '../src/migrations/index.ts';
import { statement } from '../src/statement.ts';
import { SNAPSHOT } from '../src/transaction.ts';
import { openProxy } from './proxy.ts';
import { testServer } from './server.ts';

const context = testServer();
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

const WRITING = { begin: 'BEGIN', writes: true } as const;
const INCREMENT = statement(
  `INSERT INTO setting (name, value) VALUES ('count', '1')
   ON CONFLICT (name) DO UPDATE SET value = (setting.value::int + 1)::text RETURNING value`,
);
const COUNT = statement(`SELECT value FROM setting WHERE name = 'count'`);

async function open(options: Parameters<typeof openPostgres>[0]): Promise<PostgresDatabase> {
  const database = await openPostgres(options);
  opened.push(database);
  return database;
}

async function openNew() {
  const { url, database } = await context.openNew();
  opened.push(database);
  return { url, database };
}

/** A way that can be cut, and a database behind it. */
async function openCuttable(options: { outcomeTimeout?: number; statementTimeout?: number } = {}) {
  const url = await context.server.createDatabase();
  const proxy = await openProxy(context.server.port);
  opened.push(proxy);
  const database = await openPostgres({ url: proxy.url(url), ...options });
  opened.unshift(database);
  return { proxy, database };
}

async function ask(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function failureOf(act: () => Promise<unknown>): Promise<TaperError> {
  try {
    await act();
  } catch (error) {
    ok(error instanceof TaperError, `threw ${inspect(error)}`);
    return error;
  }
  throw new Error('Nothing was thrown.');
}

async function countIn(database: PostgresDatabase): Promise<number> {
  const [row] = await database.query(COUNT);
  return Number(row?.['value'] ?? 0);
}

describe('the migrations', () => {
  test('are done once, whoever of many nodes comes first', async () => {
    const url = await context.server.createDatabase();
    await Promise.all(Array.from({ length: 6 }, () => open({ url })));
    const rows = await ask(
      url,
      'SELECT version, name FROM taper.taper_migrations ORDER BY version',
    );
    deepStrictEqual(
      rows,
      MIGRATIONS.map(({ version, name }) => ({ version, name })),
    );
  });

  test('wait for one that another node is doing, longer than a statement may take', async () => {
    const url = await context.server.createDatabase();
    const slow = { version: 1, name: 'slow', sql: 'SELECT pg_sleep(4)' };
    const openSlow = () => openPostgresWith({ url, statementTimeout: 500 }, [slow]);
    for (const each of await Promise.all([openSlow(), openSlow()])) opened.push(each);
  });

  test('go forward from where the database is', async () => {
    const url = await context.server.createDatabase();
    const first = await openPostgresWith({ url }, MIGRATIONS.slice(0, 2));
    await first.close();
    await open({ url });
    const [row] = await ask(url, 'SELECT count(*)::int AS count FROM taper.taper_migrations');
    strictEqual(row?.['count'], MIGRATIONS.length);
  });

  test('Z06: are all done or none, when one of them fails', async () => {
    const url = await context.server.createDatabase();
    const broken = { version: 3, name: 'broken', sql: 'CREATE TABLE half (a int); SELECT 1 / 0' };
    const error = await failureOf(() =>
      openPostgresWith({ url }, [...MIGRATIONS.slice(0, 2), broken]),
    );
    strictEqual(error.code, 'store_unavailable');
    const [row] = await ask(url, `SELECT to_regnamespace('taper') AS schema`);
    strictEqual(row?.['schema'], null);
    await open({ url });
  });

  test('refuse a database that a newer version has migrated, and change nothing in it', async () => {
    const { url } = await openNew();
    const next = { version: MIGRATIONS.length + 1, name: 'next', sql: 'CREATE TABLE next (a int)' };
    await (await openPostgresWith({ url }, [...MIGRATIONS, next])).close();
    strictEqual((await failureOf(() => open({ url }))).code, 'store_unusable');
    const [row] = await ask(url, 'SELECT count(*)::int AS count FROM taper.taper_migrations');
    strictEqual(row?.['count'], MIGRATIONS.length + 1);
  });

  test('refuse a database of which a step was another one', async () => {
    const url = await context.server.createDatabase();
    const other = { version: 1, name: 'leases and logs', sql: 'CREATE TABLE lease (a int)' };
    await (await openPostgresWith({ url }, [other])).close();
    strictEqual((await failureOf(() => open({ url }))).code, 'store_unusable');
    const [row] = await ask(url, 'SELECT count(*)::int AS count FROM taper.taper_migrations');
    strictEqual(row?.['count'], 1);
  });
});

describe('opening a database', () => {
  test('Z03: refuses what is no URL of a database, and options that nobody knows', async () => {
    const url = context.server.url();
    for (const wrong of [
      '',
      'postgres://',
      'postgres://user@host',
      'postgres://host/database',
      'https://user@host/database',
      'postgres://user@host/database/more',
      'postgres://user@host/database#x',
      'postgres://user@host/%zz',
      `${url}?sslmode=require`,
      `${url}?sslmode=prefer`,
      `${url}?sslmode=verify-ca`,
      `${url}?ssl=true`,
      `${url}?sslmode=disable&sslmode=disable`,
      `${url}?sslmode=verify-full&sslrootcert=/no/such/file`,
      undefined,
    ])
      strictEqual(
        (await failureOf(() => openPostgres({ url: wrong as string }))).code,
        'option_invalid',
        wrong,
      );
    const options = [{ maxConnection: 1 }, { maxConnections: 0 }, { statementTimeout: 1.5 }];
    for (const wrong of options)
      strictEqual((await failureOf(() => openPostgres({ url, ...wrong }))).code, 'option_invalid');
  });

  test('speaks to another host under TLS or not at all, unless told otherwise', async () => {
    const { hostname, port, password } = new URL(context.server.url());
    const here = `postgres://postgres:${password}@${hostname}:${port}/postgres`;
    const insisting = await failureOf(() => open({ url: `${here}?sslmode=verify-full` }));
    strictEqual(insisting.code, 'store_unusable');
    await open({ url: `${here}?sslmode=disable` });
  });

  test('Z01: says in bounded time that nobody is there, or does not let us in', async () => {
    const { port } = new URL(context.server.url());
    const wrongPassword = `postgres://postgres:wrong@127.0.0.1:${port}/postgres`;
    strictEqual((await failureOf(() => open({ url: wrongPassword }))).code, 'store_unusable');
    const noDatabase = context.server.url('nothing');
    strictEqual((await failureOf(() => open({ url: noDatabase }))).code, 'store_unusable');
    const nobody = 'postgres://postgres:x@127.0.0.1:9/postgres';
    const error = await failureOf(() => open({ url: nobody, connectTimeout: 200 }));
    strictEqual(error.code, 'store_unavailable');
    ok(error.hint !== undefined);
  });

  test('refuses a user who may not make the schema, and takes one who may not but finds it', async () => {
    const url = await context.server.createDatabase();
    await ask(url, `CREATE ROLE plain LOGIN PASSWORD 'plain'`);
    const plain = new URL(url);
    plain.username = 'plain';
    plain.password = 'plain';
    strictEqual((await failureOf(() => open({ url: plain.href }))).code, 'store_unusable');
    await ask(url, 'CREATE SCHEMA taper AUTHORIZATION plain');
    const database = await open({ url: plain.href, witness: witnessPath() });
    await database.query(INCREMENT);
    strictEqual(await countIn(database), 1);
  });

  test('refuses a server that does not wait for its disk', async () => {
    const server = await startPostgres();
    try {
      await ask(server.url(), 'ALTER SYSTEM SET fsync = off');
      await ask(server.url(), 'SELECT pg_reload_conf()');
      await expect
        .poll(async () => (await ask(server.url(), 'SHOW fsync'))[0]?.['fsync'])
        .toBe('off');
      strictEqual((await failureOf(() => open({ url: server.url() }))).code, 'store_unusable');
    } finally {
      await server.stop();
    }
  });

  test('waits for the disk in each session, whatever the database would have it do', async () => {
    const url = await context.server.createDatabase();
    const name = new URL(url).pathname.slice(1);
    await ask(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
    const database = await open({ url });
    const [row] = await database.query(
      statement(`SELECT current_setting('synchronous_commit') AS set`),
    );
    strictEqual(row?.['set'], 'on');
  });

  test('looks names up in its own schema alone', async () => {
    const { url, database } = await openNew();
    await ask(url, `CREATE TABLE public.setting (name text, value text)`);
    await ask(url, `CREATE FUNCTION public.replay_forget(text[]) RETURNS void LANGUAGE sql AS ''`);
    await database.query(INCREMENT);
    const [row] = await ask(url, 'SELECT count(*)::int AS count FROM public.setting');
    strictEqual(row?.['count'], 0);
  });
});

describe('an error', () => {
  test('holds neither the password nor what was to be written', async () => {
    const url = await context.server.createDatabase();
    const secret = new URL(url).password;
    const wrong = url.replace(secret, 'hunter2-in-the-url');
    const database = await open({ url, connectTimeout: 200 });
    const errors = [
      await failureOf(() => openPostgres({ url: wrong })),
      await failureOf(() => openPostgres({ url: `${wrong}?sslmode=x` })),
      await failureOf(() => openPostgres({ url: wrong.replace('postgres://', 'x//') })),
      await failureOf(() => openPostgres({ url: `${url}_not_there` })),
      await failureOf(() =>
        database.query(statement('SELECT $1::int'), ['what-was-to-be-written-1']),
      ),
      await failureOf(() =>
        database.query(statement(`INSERT INTO setting SELECT $1, $2 UNION ALL SELECT $1, $2`), [
          'what-was-to-be-written-2',
          'x',
        ]),
      ),
    ];
    const { server } = context;
    await server.kill();
    try {
      errors.push(await failureOf(() => database.query(COUNT)));
    } finally {
      await server.start();
    }
    for (const error of errors) {
      const text = inspect(error, { depth: 20, showHidden: true }) + error.stack;
      for (const word of [secret, 'hunter2', 'what-was-to-be-written-2', 'scram'])
        ok(!text.includes(word), `${error.message} holds ${word}`);
    }
  });
});

describe('a transaction', () => {
  test('runs again after a conflict, from the start', async () => {
    const { database } = await openNew();
    const SERIALIZABLE = { begin: 'BEGIN ISOLATION LEVEL SERIALIZABLE', writes: true } as const;
    let runs = 0;
    await database.query(INCREMENT);
    await Promise.all(
      Array.from({ length: 6 }, () =>
        database.transaction(SERIALIZABLE, async ({ query }) => {
          runs += 1;
          await query(COUNT);
          await query(INCREMENT);
        }),
      ),
    );
    strictEqual(await countIn(database), 7);
    ok(runs > 6, 'there was no conflict');
  });

  test('is undone whole where the work throws, which is passed on, and where a statement fails', async () => {
    const { database } = await openNew();
    const mine = new Error('mine');
    await rejects(
      database.transaction(WRITING, async ({ query }) => {
        await query(INCREMENT);
        throw mine;
      }),
      (error) => error === mine,
    );
    const failed = await failureOf(() =>
      database.transaction(WRITING, async ({ query }) => {
        await query(INCREMENT);
        await query(statement('SELECT 1 / 0')).catch(() => undefined);
        return 'as if nothing had happened';
      }),
    );
    strictEqual((failed as PostgresError).outcome, 'not_done');
    strictEqual(await countIn(database), 0);
    await database.query(INCREMENT);
    strictEqual(await countIn(database), 1);
  });

  test('refuses a text that would come back as another', async () => {
    const { database } = await openNew();
    const put = statement('INSERT INTO setting (name, value) VALUES ($1, $2)');
    for (const text of ['a\0b', '\ud800'])
      strictEqual((await failureOf(() => database.query(put, ['a', text]))).code, 'option_invalid');
    await database.query(put, ['a', 'é😀\u0001']);
    const [row] = await database.query(statement('SELECT value FROM setting'));
    strictEqual(row?.['value'], 'é😀\u0001');
  });

  test('Z06: is known to be done when only the answer to its commit was lost', async () => {
    const { proxy, database } = await openCuttable();
    proxy.cutAtCommit('after', 100);
    await database.transaction(WRITING, ({ query }) => query(INCREMENT));
    strictEqual(await countIn(database), 1);
  });

  test('Z06: is known not to be done when its commit did not arrive', async () => {
    const { proxy, database } = await openCuttable();
    proxy.cutAtCommit('before', 100);
    const error = await failureOf(() =>
      database.transaction(WRITING, ({ query }) => query(INCREMENT)),
    );
    strictEqual((error as PostgresError).outcome, 'not_done');
    strictEqual(await countIn(database), 0);
  });

  test('Z06: says that nobody knows when nobody can be asked', async () => {
    const { proxy, database } = await openCuttable({ outcomeTimeout: 50 });
    proxy.cutAtCommit('after', 300);
    const error = await failureOf(() =>
      database.transaction(WRITING, ({ query }) => query(INCREMENT)),
    );
    strictEqual((error as PostgresError).outcome, 'unknown');
    strictEqual(await countIn(database), 1);
  });

  test('sees one moment in a snapshot, and writes nothing there', async () => {
    const { database } = await openNew();
    await database.query(INCREMENT);
    const seen = await database.transaction(SNAPSHOT, async ({ query }) => {
      const before = await query(COUNT);
      await database.query(INCREMENT);
      return [before, await query(COUNT)].map(([row]) => row?.['value']);
    });
    deepStrictEqual(seen, ['1', '1']);
    await failureOf(() => database.transaction(SNAPSHOT, ({ query }) => query(INCREMENT)));
    strictEqual(await countIn(database), 2);
  });
});

describe('when the database fails', () => {
  test('Z01: a server that says nothing any more is given up in bounded time, and comes back', async () => {
    const { proxy, database } = await openCuttable({ statementTimeout: 500 });
    await database.query(INCREMENT);
    proxy.freeze();
    const error = await failureOf(() => database.query(INCREMENT));
    strictEqual(error.code, 'store_unavailable');
    strictEqual((error as PostgresError).outcome, 'unknown');
    proxy.mend();
    await database.query(INCREMENT);
    ok((await countIn(database)) >= 2);
  });

  test('Z01: a lock that is not given ends the statement', async () => {
    const { url, database } = await openNew();
    const impatient = await open({ url, statementTimeout: 1000 });
    await database.query(INCREMENT);
    await database.transaction(WRITING, async ({ query }) => {
      await query(INCREMENT);
      const error = await failureOf(() => impatient.query(INCREMENT));
      strictEqual((error as PostgresError).outcome, 'not_done');
    });
    strictEqual(await countIn(database), 2);
  });

  test('Z01: no more connections are made than are allowed, and who waits too long is refused', async () => {
    const { url } = await openNew();
    const small = await open({ url, maxConnections: 2, connectTimeout: 1000 });
    const slow = statement('SELECT pg_sleep(3)');
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => small.query(slow)));
    deepStrictEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
    );
    await small.ping();
  });

  test('Z01: refuses everything once it is closed', async () => {
    const { database } = await openNew();
    await database.close();
    await database.close();
    for (const act of [() => database.ping(), () => database.query(COUNT)])
      strictEqual((await failureOf(act)).code, 'store_unavailable');
  });

  test('Z06: a server that is killed under load loses nothing that was acknowledged, and the pool goes on by itself', async () => {
    const { url, database } = await openNew();
    const { server } = context;
    const insert = statement('INSERT INTO setting (name, value) VALUES ($1, $1)');
    const acknowledged: string[] = [];
    const refused: string[] = [];
    const unknown: string[] = [];
    let stop = false;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let number = 0; !stop; number += 1) {
        const name = `${client} ${number}`;
        try {
          await database.transaction(WRITING, ({ query }) => query(insert, [name]));
          acknowledged.push(name);
        } catch (error) {
          ok(error instanceof PostgresError);
          (error.outcome === 'unknown' ? unknown : refused).push(name);
        }
      }
    });
    for (let round = 0; round < 2; round += 1) {
      const before = acknowledged.length;
      await expect
        .poll(() => acknowledged.length, { timeout: 10_000 })
        .toBeGreaterThan(before + 50);
      await server.kill();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await server.start();
    }
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(before + 50);
    stop = true;
    await Promise.all(clients);
    const rows = await ask(url, `SELECT name FROM taper.setting`);
    const kept = new Set(rows.map((row) => row['name']));
    deepStrictEqual(
      acknowledged.filter((name) => !kept.has(name)),
      [],
    );
    deepStrictEqual(
      refused.filter((name) => kept.has(name)),
      [],
    );
    const known = new Set([...acknowledged, ...unknown]);
    deepStrictEqual(
      [...kept].filter((name) => !known.has(String(name))),
      [],
    );
  });
});

function witnessPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taper-witness-'));
  opened.push({ close: async () => rmSync(folder, { recursive: true }) });
  return join(folder, 'postgres.witness');
}

describe('the witness', () => {
  test('Z07: refuses a database that was put back from a copy', async () => {
    const { server } = context;
    const url = await server.createDatabase();
    const name = new URL(url).pathname.slice(1);
    const witness = witnessPath();
    const first = await openPostgres({ url, witness });
    await first.query(INCREMENT);
    await first.close();
    await (await openPostgres({ url, witness })).close();
    await ask(server.url(), `CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
    const again = await openPostgres({ url, witness });
    await again.query(INCREMENT);
    await again.close();
    await ask(server.url(), `DROP DATABASE ${name}`);
    await ask(server.url(), `ALTER DATABASE ${name}_copy RENAME TO ${name}`);
    strictEqual((await failureOf(() => open({ url, witness }))).code, 'store_unusable');
    const other = await server.createDatabase();
    strictEqual((await failureOf(() => open({ url: other, witness }))).code, 'store_unusable');
  });

  test('Z07: refuses a database that is not as far as it was', async () => {
    const url = await context.server.createDatabase();
    const witness = witnessPath();
    await (await openPostgres({ url, witness })).close();
    const note = readFileSync(witness, 'utf8');
    const place = BigInt(note.trim().split(' ').at(-1) as string);
    writeFileSync(witness, note.replace(String(place), String(place + 1_000_000_000n)));
    strictEqual((await failureOf(() => open({ url, witness }))).code, 'store_unusable');
    writeFileSync(witness, 'something else\n');
    strictEqual((await failureOf(() => open({ url, witness }))).code, 'store_unusable');
    writeFileSync(witness, note);
    await open({ url, witness });
  });
});

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  createPostgresBudgetLedger,
  createPostgresReplayStore,
  openPostgres,
} from '../../src/index.ts';
import { statement } from '../../src/statement.ts';
import { testServer } from '../server.ts';

const context = testServer();
const T = 1_800_000_000;
const WAIT = { timeout: 20_000, interval: 50 };

const identifier = (name: string): string => hash('sha256', name, 'base64url');

/** Lets clients work while the server is killed and started again, until they have done more. */
async function throughACrash(
  act: (name: string) => Promise<void>,
  done: () => number,
): Promise<void> {
  let stop = false;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let number = 0; !stop; number += 1)
      await act(`${client} ${number}`).catch(() => undefined);
  });
  const more = async (): Promise<void> => {
    const before = done();
    await expect.poll(done, WAIT).toBeGreaterThan(before + 50);
  };
  await more();
  await context.server.kill();
  await context.server.start();
  await more();
  stop = true;
  await Promise.all(clients);
}

describe('used keys and budgets', () => {
  test('Z06: every key that was accepted before the server was killed is remembered', async () => {
    const { database } = await context.openNew();
    const store = createPostgresReplayStore(database);
    const accepted: string[] = [];
    await throughACrash(
      async (name) => {
        const key = { key: identifier(name), expiresAt: T + 120 };
        if ((await store.accept([key], T)) === 'accepted') accepted.push(name);
      },
      () => accepted.length,
    );
    const answers = new Set<string>();
    for (const name of accepted)
      answers.add(await store.accept([{ key: identifier(name), expiresAt: T + 120 }], T));
    deepStrictEqual([...answers], ['replayed']);
    await database.close();
  });

  test('Z06: what was settled before the server was killed is spent, and no more than was asked for', async () => {
    const { url, database } = await context.openNew();
    const peer = await openPostgres({ url });
    const ledgers = [createPostgresBudgetLedger(database), createPostgresBudgetLedger(peer)];
    const account = identifier('shared');
    const charge = { account, limit: '1000000', amount: '0.1', expiresAt: T + 900 };
    let settled = 0;
    let unknown = 0;
    await throughACrash(
      async (name) => {
        const ledger = ledgers[name.length % 2] as (typeof ledgers)[number];
        const id = identifier(`reservation ${name}`);
        const reservation = { id, owner: 'one', charges: [charge], expiresAt: T + 10 };
        if ((await ledger.reserve(reservation, T)).verdict !== 'reserved') return;
        unknown += 1;
        const verdict = await ledger.settle(id, T);
        unknown -= 1;
        if (verdict === 'settled') settled += 1;
      },
      () => settled,
    );
    // What was left behind is given back with the next reservation after its expiry.
    const [ledger] = ledgers as [(typeof ledgers)[number]];
    const late = { id: identifier('late'), owner: 'one', charges: [charge], expiresAt: T + 30 };
    strictEqual((await ledger.reserve(late, T + 20)).verdict, 'reserved');
    await ledger.release(late.id);
    const [row] = await database.query(
      statement('SELECT (taken * 10)::int AS taken FROM budget_account WHERE account = $1'),
      [account],
    );
    const taken = Number(row?.['taken']);
    ok(taken >= settled, `${settled} were settled, ${taken} are spent`);
    ok(taken <= settled + unknown, `${taken} are spent, at most ${settled + unknown} were settled`);
    await peer.close();
    await database.close();
  });

  test('are counted as they are there, whatever was given back, forgotten or refused', async () => {
    const { database } = await context.openNew();
    const ledger = createPostgresBudgetLedger(database);
    const store = createPostgresReplayStore(database);
    const one = async (place: number, now: number): Promise<void> => {
      await store.accept([{ key: identifier(`${place}`), expiresAt: now + 5 }], now);
      if (place % 5 === 0) await store.forget([{ key: identifier(`${place}`), expiresAt: now }]);
      const charges = ['a', 'b', `own ${place}`].map((name) => ({
        account: identifier(name),
        limit: '100',
        amount: '1',
        expiresAt: name.startsWith('own') ? now + 1 : T + 9000,
      }));
      const id = identifier(`reservation ${place}`);
      await ledger.reserve({ id, owner: 'one', charges, expiresAt: now + 3 }, now);
      if (place % 3 === 0) await ledger.settle(id, now);
      if (place % 3 === 1) await ledger.release(id);
    };
    for (let round = 0; round < 10; round += 1)
      await Promise.all(
        Array.from({ length: 20 }, (_, place) => one(round * 20 + place, T + round * 100)),
      );
    const [row] = await database.query(
      statement(`
        SELECT (SELECT count(*) FROM replay_key) AS keys, (SELECT count(*) FROM budget_account) AS accounts,
          (SELECT count(*) FROM budget_reservation) AS reservations,
          (SELECT sum(held) FROM replay_count) - (SELECT keys FROM replay_forgotten) AS held_keys,
          (SELECT sum(accounts) FROM budget_count) AS held_accounts,
          (SELECT sum(reservations) FROM budget_count) AS held_reservations`),
    );
    ok(Number(row?.['keys']) < 200 && Number(row?.['accounts']) < 202, 'nothing was forgotten');
    deepStrictEqual(
      [row?.['held_keys'], row?.['held_accounts'], row?.['held_reservations']],
      [row?.['keys'], row?.['accounts'], row?.['reservations']],
    );
    await database.close();
  });
});

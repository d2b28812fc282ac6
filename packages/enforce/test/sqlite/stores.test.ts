import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TaperError } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BudgetReservation } from '../../src/port/budget-ledger.ts';
import {
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  createSqliteRevocationView,
  openSqliteDatabase,
  type SqliteDatabase,
} from '../../src/sqlite/index.ts';
import { identifier, CONTRACT_TIME as T } from '../../src/testing/contract.ts';

let folder = '';
let opened: { close(): void }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-stores-'));
  opened = [];
});

afterEach(() => {
  for (const each of opened) each.close();
  rmSync(folder, { recursive: true, force: true });
});

function path(): string {
  return join(folder, 'store.db');
}

function openStores(capacity = 1000) {
  const database = openSqliteDatabase(path(), { lockTimeout: 40 });
  opened.push(database);
  return {
    database,
    replay: createSqliteReplayStore(database, { capacity }),
    ledger: createSqliteBudgetLedger(database, { capacity, clock: { now: () => T } }),
    view: createSqliteRevocationView(database, { capacity }),
  };
}

function key(name: string, expiresAt = T + 120) {
  return { key: identifier(name), expiresAt };
}

function reservation(name: string, amount: string, account = 'account'): BudgetReservation {
  const charge = { account: identifier(account), limit: '10', amount, expiresAt: T + 900 };
  return { id: identifier(name), owner: 'test', charges: [charge], expiresAt: T + 10 };
}

function rows(database: SqliteDatabase, table: string): number {
  return Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count']);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof TaperError)) throw error;
    expect(error.hint).toBeDefined();
    return error.code;
  }
}

async function codesOf(attempts: readonly unknown[]): Promise<Set<unknown>> {
  return new Set(await Promise.all(attempts.map((each) => codeOf(Promise.resolve(each)))));
}

describe('Z01 a store whose file is locked', () => {
  test('refuses every write, changes nothing, and goes on afterwards', async () => {
    const { replay, ledger, view } = openStores();
    await ledger.reserve(reservation('held', '4'), T);
    await replay.accept([key('used')], T);
    const other = new DatabaseSync(path());
    opened.push(other);
    other.exec('BEGIN EXCLUSIVE');
    const attempts = [
      replay.accept([key('new')], T),
      replay.forget([key('used')]),
      ledger.reserve(reservation('new', '1'), T),
      ledger.settle(identifier('held'), T),
      ledger.release(identifier('held')),
      view.revoke({ token: identifier('token') }, T),
    ];
    expect(await codesOf(attempts)).toEqual(new Set(['store_unavailable']));
    other.exec('ROLLBACK');
    expect(await replay.accept([key('new')], T)).toBe('accepted');
    expect(await replay.accept([key('used')], T)).toBe('replayed');
    expect(await ledger.settle(identifier('held'), T)).toBe('settled');
    expect(await ledger.reserve(reservation('new', '6'), T)).toEqual({ verdict: 'reserved' });
    const query = {
      tokens: [identifier('token')],
      keys: [],
      acting: [],
      oldestIssuedAt: T,
      logs: [],
      epochs: new Map(),
      chains: [],
      evidence: undefined,
    };
    expect(await view.check({ ...query, tenant: undefined }, T)).toEqual({
      verdict: 'good',
      asOf: T,
    });
  });
});

describe('Z01 a store whose disk is full', () => {
  function fill(database: SqliteDatabase): () => void {
    const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
    database.prepare(`PRAGMA max_page_count = ${pages}`).get();
    return () => void database.prepare('PRAGMA max_page_count = 1000000').get();
  }

  test('accepts no proof that it cannot remember', async () => {
    const { database, replay } = openStores(100_000);
    const makeRoom = fill(database);
    const names = Array.from({ length: 600 }, (_, index) => `proof ${index}`);
    const refused: string[] = [];
    for (const name of names) {
      const answer = await codeOf(Promise.resolve(replay.accept([key(name)], T)));
      if (answer !== 'accepted') refused.push(name);
      if (answer !== 'accepted') expect(answer).toBe('store_unavailable');
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(rows(database, 'replay_key')).toBe(names.length - refused.length);
    makeRoom();
    for (const name of names) {
      const expected = refused.includes(name) ? 'accepted' : 'replayed';
      expect(await replay.accept([key(name)], T)).toBe(expected);
    }
  });

  test('reserves nothing that it cannot remember', async () => {
    const { database, ledger } = openStores(100_000);
    const makeRoom = fill(database);
    let reserved = 0;
    for (let index = 0; index < 300; index += 1) {
      const made = reservation(`${index}`, '10', `account ${index}`);
      const answer = await codeOf(Promise.resolve(ledger.reserve(made, T)));
      if (answer === 'store_unavailable') continue;
      expect(answer).toEqual({ verdict: 'reserved' });
      reserved += 1;
    }
    expect(reserved).toBeLessThan(300);
    expect(rows(database, 'budget_account')).toBe(reserved);
    expect(rows(database, 'budget_charge')).toBe(reserved);
    makeRoom();
    const made = reservation('299 again', '10', 'account 299');
    expect(await ledger.reserve(made, T)).toEqual({ verdict: 'reserved' });
  });
});

describe('J08 a clock that steps back, also over a restart', () => {
  test('revives no used proof', async () => {
    const first = openStores();
    expect(await first.replay.accept([key('used', T + 120)], T)).toBe('accepted');
    expect(await first.replay.accept([key('next', T + 3720)], T + 3600)).toBe('accepted');
    expect(rows(first.database, 'replay_key')).toBe(1);
    first.database.close();
    const { replay } = openStores();
    expect(await codeOf(Promise.resolve(replay.accept([key('used')], T)))).toBe(
      'store_unavailable',
    );
  });

  test('revives no spent budget', async () => {
    const first = openStores();
    await first.ledger.reserve(reservation('one', '10'), T);
    expect(await first.ledger.settle(identifier('one'), T)).toBe('settled');
    const later = T + 3600;
    const charge = { account: identifier('b'), limit: '1', amount: '1', expiresAt: later + 900 };
    const made = { id: identifier('two'), owner: 'x', charges: [charge], expiresAt: later + 10 };
    expect(await first.ledger.reserve(made, later)).toEqual({ verdict: 'reserved' });
    expect(rows(first.database, 'budget_account')).toBe(1);
    first.database.close();
    const { ledger } = openStores();
    const again = Promise.resolve(ledger.reserve(reservation('three', '1'), T));
    expect(await codeOf(again)).toBe('store_unavailable');
  });
});

describe('E04 R09 a store', () => {
  test('never holds more than its capacity, however many come', async () => {
    const { database, replay, ledger } = openStores(20);
    await replay.accept([key('used')], T);
    const flood = Array.from({ length: 200 }, (_, index) => index);
    await Promise.all(flood.map(async (index) => replay.accept([key(`${index}`)], T)));
    await Promise.all(
      flood.map(async (index) => ledger.reserve(reservation(`${index}`, '1', `${index}`), T)),
    );
    expect(rows(database, 'replay_key')).toBe(20);
    expect(rows(database, 'budget_account')).toBe(20);
    expect(rows(database, 'budget_reservation')).toBe(20);
    expect(await replay.accept([key('used')], T)).toBe('replayed');
  });

  test('deletes what has expired a little at each call, until nothing of it is left', async () => {
    const { database, replay, ledger } = openStores();
    const past = Array.from({ length: 300 }, (_, index) => index);
    await Promise.all(past.map(async (index) => replay.accept([key(`${index}`)], T)));
    await Promise.all(
      past.map(async (index) => ledger.reserve(reservation(`${index}`, '1', `${index}`), T)),
    );
    const later = T + 5000;
    const tables = ['replay_key', 'budget_account', 'budget_reservation'];
    let before = tables.map((table) => rows(database, table));
    for (let call = 0; call < 12; call += 1) {
      await replay.accept([key(`later ${call}`, later + 120)], later);
      const charge = { account: identifier('b'), limit: '20', amount: '1', expiresAt: later + 900 };
      const id = identifier(`later ${call}`);
      await ledger.reserve({ id, owner: 'x', charges: [charge], expiresAt: later + 10 }, later);
      const after = tables.map((table) => rows(database, table));
      for (const [index, count] of after.entries()) {
        expect((before[index] ?? 0) - count).toBeLessThanOrEqual(64);
      }
      before = after;
    }
    expect(before).toEqual([12, 1, 12]);
    expect(rows(database, 'budget_charge')).toBe(12);
  });
});

describe('the ledger', () => {
  test('I06 refuses to guess at an amount that something else has written', async () => {
    const { database, ledger } = openStores();
    await ledger.reserve(reservation('one', '1'), T);
    for (const wrong of ['-5', '1e3', '', 'NaN', '05']) {
      database.prepare('UPDATE budget_account SET taken = ?').run(wrong);
      const answer = await codeOf(Promise.resolve(ledger.reserve(reservation(wrong, '1'), T)));
      expect(answer).toBe('store_unusable');
    }
    database.prepare('UPDATE budget_account SET taken = ?').run('1');
    expect(await ledger.reserve(reservation('two', '9'), T)).toEqual({ verdict: 'reserved' });
  });

  test('says who holds what has not been settled, for the operator', async () => {
    const { database, ledger } = openStores();
    await ledger.reserve(reservation('one', '1'), T);
    expect({ ...database.prepare('SELECT owner, settled FROM budget_reservation').get() }).toEqual({
      owner: 'test',
      settled: 0,
    });
  });
});

describe('drivers', () => {
  test('refuse a capacity that is no whole number from 1 on', () => {
    const { database } = openStores();
    for (const capacity of [0, -1, 1.5, Number.NaN, Infinity]) {
      for (const make of [
        createSqliteReplayStore,
        createSqliteBudgetLedger,
        createSqliteRevocationView,
      ]) {
        expect(() => make(database, { capacity })).toThrow(TaperError);
      }
    }
  });

  test('share one file', async () => {
    const { replay, ledger, view } = openStores();
    const answers = await Promise.all([
      replay.accept([key('one')], T),
      ledger.reserve(reservation('one', '1'), T),
      view.revoke({ key: identifier('one') }, T),
    ]);
    expect(answers).toEqual(['accepted', { verdict: 'reserved' }, undefined]);
  });
});

describe('the revocation view', () => {
  test('refuses to revoke beyond its capacity, and has room again when some are past', async () => {
    const { view } = openStores(2);
    await view.revoke({ token: identifier('a'), expiresAt: T + 10 }, T);
    await view.revoke({ token: identifier('b') }, T);
    const third = (now: number) => Promise.resolve(view.revoke({ key: identifier('c') }, now));
    expect(await codeOf(third(T))).toBe('store_unavailable');
    expect(await codeOf(third(T + 11))).toBe('store_unavailable');
    await view.revoke({ token: identifier('b') }, T + 11);
    expect(await codeOf(third(T + 100_000))).toBe(undefined);
    const query = {
      tokens: [identifier('b')],
      keys: [],
      acting: [],
      tenant: undefined,
      logs: [],
      epochs: new Map(),
      chains: [],
      evidence: undefined,
    };
    expect(await view.check({ ...query, oldestIssuedAt: T }, T)).toMatchObject({
      verdict: 'revoked',
    });
  });

  test('refuses what revokes nothing', async () => {
    const { view } = openStores();
    const wrong: unknown[] = [
      {},
      { token: 'short' },
      { token: identifier('a'), key: identifier('b') },
      { tenant: '', issuedBefore: T },
      { tenant: 'acme' },
      { tenant: 'acme', issuedBefore: Number.NaN },
      { key: identifier('a'), expiresAt: '1' },
    ];
    for (const each of wrong) {
      await expect(view.revoke(each as never, T)).rejects.toMatchObject({ code: 'option_invalid' });
    }
  });
});

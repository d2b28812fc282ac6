import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryBudgetLedger } from '../../src/memory/budget-ledger.ts';
import { createMemoryReplayStore } from '../../src/memory/replay-store.ts';
import type { BudgetLedger } from '../../src/port/budget-ledger.ts';
import type { ReplayStore } from '../../src/port/replay-store.ts';
import {
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  openSqliteDatabase,
} from '../../src/sqlite/index.ts';
import { identifier, CONTRACT_TIME as T } from '../../src/testing/contract.ts';

// Whatever the clocks of the callers say, nothing is used or spent twice.

/** Seconds by which a caller's clock is wrong: a little, by an hour or two, or by days. */
const time = fc
  .oneof(
    fc.integer({ min: -90, max: 90 }),
    fc.integer({ min: -7300, max: 7300 }),
    fc.integer({ min: -300_000, max: 300_000 }),
  )
  .map((error) => T + error);

const LIMIT = 10;
const ACCOUNTS = [60, 600, 86_400].map((lifetime) => ({
  account: identifier(`account for ${lifetime}`),
  limit: String(LIMIT),
  expiresAt: T + lifetime,
}));

const step = fc.record({
  what: fc.constantFrom('reserve', 'reserve', 'settle', 'settle', 'release'),
  now: time,
  lifetime: fc.constantFrom(0, 5, 10_000),
  amount: fc.integer({ min: 0, max: 6 }),
  accounts: fc.subarray(ACCOUNTS, { minLength: 1 }),
  which: fc.nat(5),
});

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function spendAtRandom(ledger: BudgetLedger, steps: readonly Step[]): Promise<void> {
  const spent = new Map<string, number>();
  const open: { id: string; amount: number; accounts: Step['accounts'] }[] = [];
  for (const [index, each] of steps.entries()) {
    const { what, now, lifetime, amount, accounts, which } = each;
    if (what === 'reserve') {
      const id = identifier(`step ${index}`);
      const charges = accounts.map((each) => ({ ...each, amount: String(amount) }));
      const made = { id, owner: 'x', charges, expiresAt: now + lifetime };
      const verdict = await Promise.resolve()
        .then(() => ledger.reserve(made, now))
        .catch(() => undefined);
      if (verdict?.verdict === 'reserved') open.push({ id, amount, accounts });
      continue;
    }
    const chosen = open.at(-1 - which);
    if (chosen === undefined) continue;
    if (what === 'release') await ledger.release(chosen.id);
    else if ((await ledger.settle(chosen.id, now)) === 'settled') {
      for (const { account } of chosen.accounts)
        spent.set(account, (spent.get(account) ?? 0) + chosen.amount);
      chosen.amount = 0;
    }
    expect(Math.max(0, ...spent.values())).toBeLessThanOrEqual(LIMIT);
  }
}

const use = fc.record({ now: time, key: fc.nat(9), lifetime: fc.constantFrom(60, 120, 900) });

type Use = typeof use extends fc.Arbitrary<infer Value> ? Value : never;

async function useAtRandom(store: ReplayStore, uses: readonly Use[]): Promise<void> {
  const accepted = new Set<string>();
  for (const { now, key, lifetime } of uses) {
    // A proof says itself when it expires, so one key always has one expiry.
    const name = `${key} ${lifetime}`;
    const used = { key: identifier(name), expiresAt: T + key * 40 + lifetime };
    const verdict = await Promise.resolve()
      .then(() => store.accept([used], now))
      .catch(() => undefined);
    if (verdict !== 'accepted') continue;
    expect(accepted.has(name)).toBe(false);
    accepted.add(name);
  }
}

describe('J08 in memory', () => {
  test('no clock has a budget spent twice', async () => {
    const steps = fc.array(step, { minLength: 20, maxLength: 120 });
    const property = fc.asyncProperty(steps, (list) =>
      spendAtRandom(createMemoryBudgetLedger(), list),
    );
    await fc.assert(property, { numRuns: 500 });
  });

  test('no clock has a key accepted twice', async () => {
    const uses = fc.array(use, { minLength: 20, maxLength: 120 });
    const property = fc.asyncProperty(uses, (list) => useAtRandom(createMemoryReplayStore(), list));
    await fc.assert(property, { numRuns: 500 });
  });
});

describe('J08 in SQLite', () => {
  async function withFile(body: (path: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'taper-clocks-'));
    try {
      await body(join(folder, 'store.db'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test('no clock has a budget spent twice', async () => {
    const steps = fc.array(step, { minLength: 20, maxLength: 80 });
    const property = fc.asyncProperty(steps, (list) =>
      withFile(async (path) => {
        const database = openSqliteDatabase(path);
        const clock = { now: () => T };
        await spendAtRandom(createSqliteBudgetLedger(database, { clock }), list);
        database.close();
      }),
    );
    await fc.assert(property, { numRuns: 30 });
  });

  test('no clock has a key accepted twice', async () => {
    const uses = fc.array(use, { minLength: 20, maxLength: 80 });
    const property = fc.asyncProperty(uses, (list) =>
      withFile(async (path) => {
        const database = openSqliteDatabase(path);
        await useAtRandom(createSqliteReplayStore(database), list);
        database.close();
      }),
    );
    await fc.assert(property, { numRuns: 30 });
  });
});

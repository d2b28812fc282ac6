import { ok, strictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { BudgetLedger, ReplayStore } from '@taper/enforce';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  createPostgresBudgetLedger,
  createPostgresReplayStore,
  openPostgres,
  type PostgresDatabase,
} from '../../src/index.ts';
import { testServer } from '../server.ts';

const context = testServer();
/** Nodes whose clocks differ by so many seconds, and step back now and then. */
const CLOCKS = [0, 0, -45, 70, 400];
const START = 1_795_176_000;
const databases: PostgresDatabase[] = [];

beforeAll(async () => {
  const url = await context.server.createDatabase();
  for (const _ of CLOCKS) databases.push(await openPostgres({ url, maxConnections: 3 }));
});
afterAll(async () => {
  for (const each of databases) await each.close();
});

/** The same every time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const name = (of: string): string => of.padEnd(43, 'A');

describe('nodes whose clocks differ, on one database', () => {
  test('E03 accept each key once, whoever forgets what has ended for him', async () => {
    const stores = databases.map((each) => createPostgresReplayStore(each));
    const accepted = new Map<string, number>();
    const random = randomFrom(1);
    let refused = 0;
    for (let round = 0; round < 60; round += 1) {
      const time = START + round * 3;
      await Promise.all(
        Array.from({ length: 24 }, async () => {
          const node = random(stores.length);
          const madeAt = time - random(90);
          const key = name(`key-${madeAt}-${random(3)}`);
          const now = time + (CLOCKS[node] as number) - (random(10) === 0 ? 20 : 0);
          const store = stores[node] as ReplayStore;
          const accept = async () => store.accept([{ key, expiresAt: madeAt + 120 }], now);
          const verdict = await accept().catch(() => 'refused');
          if (verdict === 'accepted') accepted.set(key, (accepted.get(key) ?? 0) + 1);
          else refused += 1;
        }),
      );
    }
    ok(accepted.size > 50 && refused > 50, `${accepted.size} accepted, ${refused} refused`);
    strictEqual(Math.max(...accepted.values()), 1);
  });

  test('I09 never spend more than a budget together, whoever gives back what has ended for him', async () => {
    const ledgers = databases.map((each) => createPostgresBudgetLedger(each));
    const settled = new Map<string, number>();
    const random = randomFrom(2);
    let lost = 0;
    for (let round = 0; round < 60; round += 1) {
      const time = START + round * 5;
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          const node = random(ledgers.length);
          const ends = START + 100 + 100 * random(4);
          const accounts = [...new Set([name(`a-${ends}-${random(2)}`), name(`b-${ends}`)])];
          const now = time + (CLOCKS[node] as number) - (random(10) === 0 ? 20 : 0);
          const amount = 1 + random(7);
          const ledger = ledgers[node] as BudgetLedger;
          const id = randomUUID();
          const charges = accounts.map((account) => ({
            account,
            limit: '40',
            amount: `${amount}`,
            expiresAt: ends + 3600,
          }));
          const reservation = { id, owner: `node ${node}`, charges, expiresAt: now + 5 };
          const reserve = async () => ledger.reserve(reservation, now);
          const reserved = await reserve().catch(() => undefined);
          if (reserved?.verdict !== 'reserved') return;
          if (random(4) === 0) return void (await ledger.release(id));
          if (random(6) === 0) return;
          if ((await ledger.settle(id, now + random(9))) === 'lost') {
            lost += 1;
            return;
          }
          if (random(5) === 0) await ledger.release(id);
          for (const account of accounts)
            settled.set(account, (settled.get(account) ?? 0) + amount);
        }),
      );
    }
    ok(settled.size >= 8 && lost > 0, `${settled.size} accounts, ${lost} lost`);
    for (const [account, spent] of settled) ok(spent <= 40, `${account}: ${spent}`);
    ok([...settled.values()].some((spent) => spent > 33));
  });
});

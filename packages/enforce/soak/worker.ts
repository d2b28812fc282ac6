// Spends from the ledger until it is told to stop, or killed. Started by budget.ts as a process of its own.
import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { TaperError } from '@taper/core';
import { createRandom } from '@taper/testkit';
import { createSqliteBudgetLedger, openSqliteDatabase } from '../src/sqlite/index.ts';
import { decimalOf, growTree, lineOf } from './tree.ts';
import type { JournalLine } from './verdict.ts';

/** Spends that a worker has in flight. */
const IN_FLIGHT = 8;

/** Seconds. */
const RESERVATION_LIFETIME = 5;
const TOKEN_LIFETIME = 86_400;

/** Spends after which the worker says how far it is. */
const REPORT_EVERY = 10;

const [path = '', journalPath = '', treeSeed = '', spends = '', seed = ''] = process.argv.slice(2);
const tree = growTree(treeSeed, Number(spends));
const random = createRandom(seed);
const ledger = createSqliteBudgetLedger(openSqliteDatabase(path));
const journal = openSync(journalPath, 'a', 0o600);
/** Seconds by which this process's clock is wrong: two may differ by more than a reservation lives. */
const skew = random.between(-4, 4);

/** How often each answer was given since the last report. */
let counts: Record<string, number> = {};
let stopping = false;

process.on('message', () => {
  stopping = true;
});
process.on('disconnect', () => process.exit());
await Promise.all(Array.from({ length: IN_FLIGHT }, () => keepSpending()));
process.send?.(counts, () => process.disconnect());

async function keepSpending(): Promise<void> {
  let done = 0;
  while (!stopping) {
    const answer = await spend().catch((error: unknown) => {
      if (error instanceof TaperError && error.code === 'store_unavailable') return 'unavailable';
      throw error;
    });
    counts[answer] = (counts[answer] ?? 0) + 1;
    done += 1;
    if (done % REPORT_EVERY !== 0) continue;
    process.send?.(counts);
    counts = {};
  }
}

async function spend(): Promise<string> {
  const account = random.between(0, tree.length - 1);
  const cents = random.between(1, 200);
  const id = randomUUID();
  const charges = lineOf(tree, account).map((each) => ({
    account: each.id,
    limit: decimalOf(each.limit),
    amount: decimalOf(cents),
    expiresAt: now() + TOKEN_LIFETIME,
  }));
  const expiresAt = now() + RESERVATION_LIFETIME;
  const { verdict } = await ledger.reserve(
    { id, owner: String(process.pid), charges, expiresAt },
    now(),
  );
  if (verdict !== 'reserved') return verdict;
  const fate = random.between(0, 19);
  if (fate === 0) return 'abandoned';
  if (fate === 1) {
    await ledger.release(id);
    return 'released';
  }
  write({ what: 'about', reservation: id, account, cents });
  const settled = await ledger.settle(id, now());
  write({
    what: settled === 'settled' ? 'permitted' : 'lost',
    reservation: id,
    account,
    cents,
  });
  return settled;
}

function write(line: JournalLine): void {
  writeSync(journal, `${JSON.stringify(line)}\n`);
}

function now(): number {
  return Math.floor(Date.now() / 1000) + skew;
}

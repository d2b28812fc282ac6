// One process among several that share a SQLite file. Started by stores.test.ts, which tells it line by line what to do and reads
// one line of answer for each.
import { createInterface } from 'node:readline';
import {
  createSqliteBudgetLedger,
  createSqliteReplayStore,
  createSqliteRevocationView,
  openSqliteDatabase,
} from '../../src/sqlite/index.ts';

const [path = '', time = ''] = process.argv.slice(2);
const database = openSqliteDatabase(path);
const replay = createSqliteReplayStore(database);
const ledger = createSqliteBudgetLedger(database, { clock: { now: () => Number(time) } });
const view = createSqliteRevocationView(database);

const tasks: Readonly<Record<string, (...inputs: never[]) => unknown>> = {
  accept: replay.accept,
  reserve: ledger.reserve,
  settle: ledger.settle,
  release: ledger.release,
  check: view.check,
  revoke: view.revoke,
};

process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [task, ...inputs]: [string, ...never[]] = JSON.parse(line);
  const answer = await tasks[task]?.(...inputs);
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}

// Many processes spend from one SQLite ledger and are killed again and again; in the end no limit may have been passed and
// nothing may be missing. node --conditions=@taper/source packages/enforce/soak/budget.ts [--spends N] [--processes N] [--seed N]
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@taper/testkit';
import { createSqliteBudgetLedger, openSqliteDatabase } from '../src/sqlite/index.ts';
import { centsOf, decimalOf, growTree } from './tree.ts';
import { type JournalLine, judge, type LedgerState } from './verdict.ts';

/** About so many kills are spread over a run. */
const KILLS = 60;

/** Seconds after which every reservation of every worker has expired, whatever its clock. */
const ALL_EXPIRED = 60;

const { values } = parseArgs({
  options: {
    spends: { type: 'string', default: '100000' },
    processes: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now()) },
  },
});
const [spends, processes] = [values.spends, values.processes].map(Number);
if (!isCount(spends) || !isCount(processes)) {
  console.error('--spends and --processes take whole numbers above 0.');
  process.exit(2);
}
process.exitCode = await soak(spends, processes, values.seed);

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

async function soak(spends: number, processes: number, seed: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-soak-'));
  const path = join(folder, 'ledger.db');
  const tree = growTree(seed, spends);
  const random = createRandom(`soak kills ${seed}`);
  const counts: Record<string, number> = {};
  const workers = new Set<ChildProcess>();
  let done = 0;
  let kills = 0;
  let started = 0;
  let nextKill = 0;
  let stopping = false;

  const begin = performance.now();
  await new Promise<void>((resolve, reject) => {
    function start(): void {
      started += 1;
      const journal = join(folder, `journal-${started}`);
      const draws = [seed, String(spends), `soak worker ${seed} ${started}`];
      const worker = fork(join(import.meta.dirname, 'worker.ts'), [path, journal, ...draws], {
        execArgv: ['--conditions=@taper/source'],
      });
      workers.add(worker);
      worker.on('message', (report: Record<string, number>) => {
        for (const [answer, count] of Object.entries(report)) {
          counts[answer] = (counts[answer] ?? 0) + count;
          done += count;
        }
        progress();
      });
      worker.on('exit', (code, signal) => {
        workers.delete(worker);
        if (signal !== 'SIGKILL' && code !== 0) {
          stopping = true;
          for (const other of workers) other.kill('SIGKILL');
          reject(new Error(`a worker ended with ${code}`));
        }
        if (!stopping) start();
        else if (workers.size === 0) resolve();
      });
    }

    function progress(): void {
      if (stopping) return;
      if (done >= spends) {
        stopping = true;
        for (const worker of workers) worker.send('stop', () => undefined);
        return;
      }
      if (done < nextKill) return;
      nextKill += random.between(1, Math.ceil((2 * spends) / KILLS));
      kills += 1;
      const victim = random.pick([...workers]);
      setTimeout(() => victim.kill('SIGKILL'), random.between(0, 20));
    }

    for (let index = 0; index < processes; index += 1) start();
  });
  const seconds = (performance.now() - begin) / 1000;

  const journal = readJournals(folder);
  const ledger = await readLedger(path);
  const bytes = statSync(path).size;
  const verdict = judge(tree, journal, ledger);
  console.log(`${done} spends by ${processes} processes in ${seconds.toFixed(1)} s`);
  console.log(`  ${Math.round(done / seconds)} a second, ${kills} kills, seed ${seed}`);
  for (const [answer, count] of Object.entries(counts)) console.log(`  ${answer}: ${count}`);
  console.log(`  journalled as permitted: ${verdict.permitted}`);
  console.log(`  in doubt, settled or not: ${verdict.inDoubt}`);
  console.log(`  accounts: ${tree.length}, spent to the last cent: ${verdict.exhausted}`);
  const roots = tree.filter(({ parent }) => parent === undefined);
  for (const { id, limit } of roots)
    console.log(`  root: ${decimalOf(ledger.taken.get(id) ?? 0)} of ${decimalOf(limit)}`);
  console.log(`  file: ${bytes} bytes`);
  for (const breach of verdict.breaches) console.error(`BREACH ${breach}`);
  if (verdict.breaches.length > 0) {
    console.error(`The files are in ${folder}`);
    return 1;
  }
  rmSync(folder, { recursive: true, force: true });
  console.log('no breach');
  return 0;
}

/** The last line of a killed worker may be cut off: it was never finished, so it says nothing. */
function readJournals(folder: string): readonly JournalLine[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('journal-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((line): JournalLine => JSON.parse(line));
}

/** Opens the ledger as a restart would, after every reservation has expired. */
async function readLedger(path: string): Promise<LedgerState> {
  const database = openSqliteDatabase(path);
  const countHeld = database.prepare('SELECT count(*) AS held FROM budget_charge');
  const heldNow = (): number => Number(countHeld.get()?.['held']);
  const later = Math.floor(Date.now() / 1000) + ALL_EXPIRED;
  for (let before = Number.POSITIVE_INFINITY; heldNow() > 0 && heldNow() < before; ) {
    before = heldNow();
    const ledger = createSqliteBudgetLedger(database, { clock: { now: () => later } });
    await ledger.release('00000000-0000-0000-0000-000000000000');
  }
  const rows = database.prepare('SELECT account, taken FROM budget_account').all();
  const taken = new Map(
    rows.map(({ account, taken }) => [String(account), centsOf(String(taken))] as const),
  );
  const state = { taken, held: heldNow() };
  database.close();
  return state;
}

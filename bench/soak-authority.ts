// A node of the authority is killed under load again and again: how long until it answers again, and is anything lost or done twice?
// node --conditions=@taper/source bench/soak-authority.ts [--kills N] [--store sqlite|postgres] [--seed N] [--json FILE]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createAdministratorClient } from '@taper/cli/administrator-client';
import { HOME_FILES } from '@taper/cli/authority';
import { createSigner, createVerifier } from '@taper/core';
import { createRandom } from '@taper/testkit';
import { startPostgres } from '@taper/testkit/postgres';
import { createTokenClient } from './authority-client.ts';
import { Breach, compare, type Found, Ledger } from './authority-ledger.ts';
import { makeBenchHome, type NodeProcess, startNode } from './authority-process.ts';
import { grantDocument } from './authority-requests.ts';
import { createWorkers, type Workers } from './authority-workers.ts';
import { at } from './load.ts';

/** Milliseconds from the start of a process to its first root, at the 99th percentile. */
const LIMIT = 2000;

/** Clients that ask at the same time. */
const WIDTH = 12;

/** Lives between two comparisons of all that is there. */
const COMPARE_EVERY = 10;

/** Milliseconds: of a number of restarts. */
interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export interface AuthorityLives {
  readonly store: string;
  readonly kills: number;
  readonly acknowledged: {
    readonly roots: number;
    readonly agents: number;
    readonly revocations: number;
  };
  readonly found: Found;
  /** Until all modules of the process were loaded. */
  readonly loaded: Times;
  /** Until the process listens. */
  readonly listening: Times;
  /** Until it has issued a root. */
  readonly root: Times;
  /** Until a revocation is in the log: for that it has to have the log. */
  readonly revocation: Times;
}

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    store: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) },
    /** Where to write the results for machines. */
    json: { type: 'string' },
  },
});
const kills = Number(values.kills);
const stores = values.store === undefined ? ['sqlite', 'postgres'] : [values.store];
if (!Number.isSafeInteger(kills) || kills < 1) {
  console.error('--kills takes a whole number above 0.');
  process.exit(2);
}
if (!stores.every((each) => each === 'sqlite' || each === 'postgres')) {
  console.error('--store takes sqlite or postgres.');
  process.exit(2);
}
process.exitCode = await soak();

async function soak(): Promise<number> {
  const results: AuthorityLives[] = [];
  for (const store of stores) {
    const folder = mkdtempSync(join(tmpdir(), 'taper-soak-authority-'));
    const server = store === 'postgres' ? await startPostgres() : undefined;
    try {
      const found = await live(store, folder, await server?.createDatabase());
      results.push(found);
      print(found);
      rmSync(folder, { recursive: true });
    } catch (error) {
      console.error(error instanceof Breach ? `BREACH ${error.message}` : error);
      console.error(`seed ${values.seed}; the files are in ${folder}`);
      return 1;
    } finally {
      await server?.stop();
    }
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  return results.every(({ root }) => root.p99 <= LIMIT) ? 0 : 1;
}

async function live(
  store: string,
  folder: string,
  database: string | undefined,
): Promise<AuthorityLives> {
  await makeBenchHome(folder, database);
  // Most of a start would be spent on compiling the same sources again.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compile-cache');
  const random = createRandom(`authority lives ${values.seed}`);
  let node = await startNode(folder);
  try {
    const [made] = await node.ask({ do: 'enrol', names: ['desk'] });
    if (made === undefined) throw new Error('there is no agent');
    await node.ask({ do: 'apply', grants: grantDocument('acme', ['desk']) });
    const issuer = node.anchors[0]?.issuer ?? '';
    const tokens = createTokenClient(node.url, WIDTH);
    const ledger = new Ledger();
    const client = administrator(folder, node, issuer);
    const workers = createWorkers({
      ledger,
      issuer,
      desk: { ...made, signer: createSigner(made.privateJwk) },
      tokens,
      client,
      random: () => random.between(0, 999_999) / 1_000_000,
    });
    const loaded: number[] = [];
    const listening: number[] = [];
    const roots: number[] = [];
    const revocations: number[] = [];
    let found: Found | undefined;
    await workers.knock();
    for (let life = 1; life <= kills; life += 1) {
      const working = workers.work(WIDTH);
      await pause(random.between(100, 1200));
      await node.kill();
      const begun = performance.now();
      node = await startNode(folder);
      loaded.push(node.loaded);
      listening.push(node.started);
      await until(workers.knock, begun);
      roots.push(performance.now() - begun);
      await until(workers.knockForRevocation, begun);
      revocations.push(performance.now() - begun);
      workers.stop();
      await working;
      await workers.repeat();
      if (life % COMPARE_EVERY === 0 || life === kills) {
        found = await compare(ledger, node, folder, client, 'desk');
        console.error(`${store}: ${life} kills, ${found.roots} roots`);
      }
    }
    tokens.close();
    if (found === undefined) throw new Error('nothing was compared');
    return {
      store,
      kills,
      acknowledged: {
        roots: ledger.roots.size,
        agents: ledger.enrolled.size,
        revocations: ledger.revocations.size,
      },
      found,
      loaded: timesOf(loaded),
      listening: timesOf(listening),
      root: timesOf(roots),
      revocation: timesOf(revocations),
    };
  } finally {
    await node.close().catch(() => undefined);
  }
}

/** The first administrator. */
function administrator(
  folder: string,
  { anchors }: NodeProcess,
  issuer: string,
): ReturnType<typeof createAdministratorClient> {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const clock = (): number => Math.floor(Date.now() / 1000);
  const { aat_chain: tokens } = read(HOME_FILES.administratorChain);
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain(tokens, clock());
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  const signer = createSigner(read(HOME_FILES.administratorKey));
  return createAdministratorClient(issuer, { chain: verdict.chain, signer }, clock);
}

/** Tries until it works. */
async function until(knock: Workers['knock'], begun: number): Promise<void> {
  for (;;) {
    try {
      return await knock();
    } catch (cause) {
      if (cause instanceof Breach || performance.now() - begun > 60_000) throw cause;
      await pause(5);
    }
  }
}

function timesOf(values: readonly number[]): Times {
  return { p50: at(values, 0.5), p99: at(values, 0.99), most: Math.max(...values) };
}

function print({ store, kills, acknowledged, found, ...times }: AuthorityLives): void {
  console.log(`\n${store}: ${kills} kills under load, seed ${values.seed}`);
  console.log(`  acknowledged: ${JSON.stringify(acknowledged)}`);
  console.log(`  found: ${JSON.stringify(found)}; nothing lost, nothing twice`);
  console.log('  milliseconds since the process was started      p50     p99    most');
  const rows = {
    loaded: 'its modules are loaded',
    listening: 'it listens',
    root: 'it has issued a root',
    revocation: 'a revocation is in the log',
  } as const;
  for (const [member, name] of Object.entries(rows)) {
    const { p50, p99, most } = times[member as keyof typeof rows];
    console.log(
      `  ${name.padEnd(44)}${[p50, p99, most].map((each) => each.toFixed(0).padStart(8)).join('')}`,
    );
  }
  const isMet = times.root.p99 <= LIMIT;
  console.log(
    `  until a root, 99th percentile at most ${LIMIT}: ${isMet ? 'pass' : 'MISS'}; load ${loadavg()[0]?.toFixed(1)}`,
  );
}

/**
 * Has the verifier in Python (verifiers/python) judge every vector and what the chain fuzzer makes, and compares:
 *
 *   npm run verifiers -- [--chains N] [--seed S]
 *
 * Ends with 1 on any difference in verdict, or in a reason that the specifications settle, and with 2 where there is no
 * Python 3.11 with `cryptography`.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type PythonRun, runPython, whyNoPython } from '../src/index.ts';
import { runCampaign } from './campaign.ts';
import { createEmitter } from './emit.ts';

/** Chains in one file, of about 25 MB: one is judged while the next is made. */
const CHUNK = 10_000;

const VECTORS = fileURLToPath(new URL('../../../vectors/', import.meta.url));

/** Writes chains and what became of them here; says how many. */
export function emitChains(
  path: string,
  seed: string,
  chains: number,
  first = 0,
  step = 1,
): number {
  const file = openSync(path, 'w');
  try {
    const until = Number.POSITIVE_INFINITY;
    return runCampaign({ seed, first, step, chains, until, emitter: createEmitter(file) }).chains;
  } finally {
    closeSync(file);
  }
}

/** The suites of vectors/, as paths. */
export function suites(): string[] {
  const names = readdirSync(VECTORS).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => join(VECTORS, name));
}

async function compareChains(chains: number, seed: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-verifiers-'));
  const step = Math.ceil(chains / CHUNK);
  const judge = (path: string): Promise<PythonRun> => runPython('taper_verify', 'compare', path);
  let agrees = true;
  let judging: Promise<PythonRun> | undefined;
  const finish = async (): Promise<void> => {
    const run = await judging;
    if (run === undefined) return;
    agrees = report(run) && agrees;
  };
  try {
    for (let first = 0; first < step; first += 1) {
      const path = join(folder, `${first % 2}.jsonl`);
      emitChains(path, seed, Math.min(CHUNK, chains - first * CHUNK), first, step);
      await finish();
      judging = judge(path);
    }
    await finish();
  } finally {
    rmSync(folder, { recursive: true });
  }
  return agrees;
}

function report({ status, output }: PythonRun): boolean {
  process.stdout.write(output);
  return status === 0;
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      chains: { type: 'string', default: '100000' },
      seed: { type: 'string', default: randomBytes(6).toString('hex') },
    },
  });
  const chains = Number(values.chains);
  if (!Number.isSafeInteger(chains) || chains < 1)
    throw new TypeError('--chains takes a whole number above 0');
  const missing = whyNoPython();
  if (missing !== undefined) {
    console.error(`the verifier in Python cannot run: ${missing}`);
    return 2;
  }
  const tests = report(await runPython('unittest'));
  const vectors = report(await runPython('taper_verify', 'suite', ...suites()));
  console.log(`chains of the fuzzer, seed ${values.seed}`);
  const fuzzed = await compareChains(chains, values.seed);
  return tests && vectors && fuzzed ? 0 : 1;
}

if (import.meta.main) process.exitCode = await run();

/**
 * Attacks chains and judges what the verifier lets through:
 *
 *   npm run fuzz -- [--seconds N] [--chains N] [--seed S] [--workers N] [--json]
 *   npm run fuzz -- --seed S --replay FAMILY.MUTATION
 *
 * `--emit FILE` takes down every chain and its verdict as JSON lines, for verifiers/python; several workers write FILE.0,
 * FILE.1, …. Without it no file is written. Ends with 1 on any escalation, false denial or crash.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { addTally, emptyTally, replay, runCampaign, type Tally } from './campaign.ts';
import { createEmitter } from './emit.ts';
import { printable, summarize } from './report.ts';

interface Share {
  readonly seed: string;
  readonly first: number;
  readonly step: number;
  readonly chains: number;
  readonly seconds: number;
  readonly emit: string | undefined;
}

function runShare({ seconds, emit, ...share }: Share): Tally {
  const until = performance.now() + seconds * 1000;
  if (emit === undefined) return runCampaign({ ...share, until });
  const file = openSync(emit, 'w');
  try {
    return runCampaign({ ...share, until, emitter: createEmitter(file) });
  } finally {
    closeSync(file);
  }
}

function inWorker(share: Share): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended early with ${code}`)));
  });
}

function wholeNumber(text: string, option: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TypeError(`--${option} takes a whole number above 0, not ${text}`);
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      chains: { type: 'string' },
      seed: { type: 'string', default: randomBytes(6).toString('hex') },
      workers: { type: 'string', default: '1' },
      replay: { type: 'string' },
      emit: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { seed } = values;
  const started = performance.now();
  const tally = emptyTally();
  if (values.replay !== undefined) {
    const [family, mutation] = values.replay.split('.').map(Number);
    if (family === undefined || mutation === undefined || Number.isNaN(family + mutation))
      throw new TypeError('--replay takes FAMILY.MUTATION');
    addTally(tally, replay(seed, family, mutation));
  } else {
    const workers = wholeNumber(values.workers, 'workers');
    const chains =
      values.chains === undefined ? Number.MAX_SAFE_INTEGER : wholeNumber(values.chains, 'chains');
    const seconds =
      values.seconds === undefined
        ? values.chains === undefined
          ? 30
          : 86_400
        : wholeNumber(values.seconds, 'seconds');
    const shares = Array.from({ length: workers }, (_, first) => ({
      seed,
      first,
      step: workers,
      chains: Math.ceil(chains / workers),
      seconds,
      emit: values.emit && (workers === 1 ? values.emit : `${values.emit}.${first}`),
    }));
    const [only] = shares;
    const tallies =
      workers === 1 && only !== undefined
        ? [runShare(only)]
        : await Promise.all(shares.map(inWorker));
    for (const each of tallies) addTally(tally, each);
  }
  const summary = summarize(tally, seed, (performance.now() - started) / 1000);
  console.log(values.json ? JSON.stringify(summary, null, 2) : printable(summary));
  return summary.failures.length > 0 ? 1 : 0;
}

if (isMainThread) {
  process.exitCode = await run();
} else {
  parentPort?.postMessage(runShare(workerData as Share));
}

// Whether memory stays flat while a process judges calls for hours. The clock of the enforcement point runs ahead.
// node --expose-gc --conditions=@taper/source bench/soak-memory.ts [--requests N]
import { parseArgs } from 'node:util';
import { forgetfulAuditSink, memoryPorts, pointWith } from './ports.ts';
import { sessionTable } from './session.ts';
import { createTraffic, judgeAll } from './soak-calls.ts';

/** Readings of a run. What stores hold at most they hold after the first: proofs for minutes, budgets as long as tokens. */
const READINGS = 10;

/** By how much later readings may be above earlier ones. */
const ALLOWED_GROWTH = 1.05;

/** Calls under way at the same time. */
const WAVE = 50;

const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } });
const requests = Number(values.requests);
if (!Number.isSafeInteger(requests) || requests < READINGS * WAVE || globalThis.gc === undefined) {
  console.error('--requests takes a whole number from 500 on, and node needs --expose-gc.');
  process.exit(2);
}
process.exitCode = await soak();

async function soak(): Promise<number> {
  const traffic = createTraffic({ callsPerSecond: 25, callsPerChain: 100, inSessions: true });
  const { options } = memoryPorts(forgetfulAuditSink());
  const point = pointWith({ ...options, sessions: sessionTable(100) }, traffic.now);
  const heaps: number[] = [];
  const start = performance.now();
  for (let judged = 0; judged < requests; ) {
    const calls = await traffic.prepare(point, WAVE);
    await judgeAll(point, calls);
    judged += WAVE;
    if (judged < ((heaps.length + 1) * requests) / READINGS) continue;
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    heaps.push(heapUsed);
    const [heap, outside, resident] = [heapUsed, external, rss].map((bytes) =>
      (bytes / 2 ** 20).toFixed(1),
    );
    console.log(
      `${String(judged).padStart(9)} requests  heap ${heap} MB  external ${outside} MB  resident ${resident} MB`,
    );
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(`${seconds.toFixed(0)} s, making the proofs included`);
  const mean = (from: number, to: number): number =>
    heaps.slice(from, to).reduce((sum, heap) => sum + heap, 0) / (to - from);
  const growth = mean(READINGS - 3, READINGS) / mean(1, 4);
  const isFlat = growth <= ALLOWED_GROWTH;
  console.log(
    `readings 8 to 10 to readings 2 to 4: ${growth.toFixed(3)}, ${isFlat ? 'flat' : 'GROWING'}`,
  );
  return isFlat ? 0 : 1;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identifier, CONTRACT_TIME as T } from '../../src/testing/contract.ts';

interface Worker {
  ask(task: string, ...inputs: unknown[]): Promise<unknown>;
  /** As a crash or `kill -9` ends it. */
  kill(): Promise<void>;
}

let folder = '';
let running: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-processes-'));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map(end));
  rmSync(folder, { recursive: true, force: true });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function start(now = T): Promise<Worker> {
  const child = spawn(
    process.execPath,
    ['--conditions=@taper/source', join(import.meta.dirname, 'worker.ts'), file(), String(now)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  running.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> =>
    JSON.parse((await lines.next()).value ?? '"no answer"');
  expect(await next()).toBe('ready');
  return {
    ask(task, ...inputs) {
      child.stdin.write(`${JSON.stringify([task, ...inputs])}\n`);
      return next();
    },
    kill: () => end(child),
  };
}

function file(): string {
  return join(folder, 'store.db');
}

function key(name: string, expiresAt = T + 120) {
  return { key: identifier(name), expiresAt };
}

function reservation(name: string, amount: string, expiresAt = T + 10) {
  const charges = ['root', 'child'].map((account) => ({
    account: identifier(account),
    limit: '10',
    amount,
    expiresAt: T + 900,
  }));
  return { id: identifier(name), owner: 'a process', charges, expiresAt };
}

describe('processes that share a file', () => {
  test('E02 E03 E16 I12 accept a proof once: of two that are shown it at the same time, exactly one', async () => {
    const workers = await Promise.all([start(), start(), start()]);
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all(
        workers.map((worker) => worker.ask('accept', [key(`proof ${round}`)], T)),
      );
      expect(answers.toSorted()).toEqual(['accepted', 'replayed', 'replayed']);
    }
  });

  test('I09 I12 never spend more than the limit together', async () => {
    const workers = await Promise.all([start(), start(), start()]);
    const verdicts: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      const answers = workers.map((worker, index) =>
        worker.ask('reserve', reservation(`${round} ${index}`, '1'), T),
      );
      verdicts.push(...(await Promise.all(answers)));
    }
    expect(verdicts).toHaveLength(30);
    expect(
      verdicts.filter((each) => (each as { verdict: string }).verdict === 'reserved'),
    ).toHaveLength(10);
  });

  test('M03 see a revocation as soon as another has made it', async () => {
    const [authority, point] = await Promise.all([start(), start()]);
    const query = {
      tokens: [identifier('leaf')],
      keys: [],
      oldestIssuedAt: T,
      logs: [],
      epochs: new Map(),
      chains: [],
      evidence: undefined,
    };
    expect(await point.ask('check', query, T)).toEqual({ verdict: 'good', asOf: T });
    await authority.ask('revoke', { token: identifier('leaf'), expiresAt: T + 900 }, T);
    const revoked = { verdict: 'revoked', what: 'token', index: 0 };
    expect(await point.ask('check', query, T)).toEqual(revoked);
    await Promise.all([authority.kill(), point.kill()]);
    expect(await (await start()).ask('check', query, T)).toEqual(revoked);
  });
});

describe('Z06 a process that is killed', () => {
  test('E02 leaves the proofs that it accepted used', async () => {
    const first = await start();
    expect(await first.ask('accept', [key('proof')], T)).toBe('accepted');
    await first.kill();
    const second = await start();
    expect(await second.ask('accept', [key('proof')], T)).toBe('replayed');
  });

  test('I10 between reserve and settle leaks nothing: the amount is held until it expires and is then given back', async () => {
    const first = await start();
    expect(await first.ask('reserve', reservation('left behind', '10'), T)).toEqual({
      verdict: 'reserved',
    });
    await first.kill();
    const second = await start(T + 10);
    const exceeded = { verdict: 'exceeded', account: identifier('root') };
    expect(await second.ask('reserve', reservation('too early', '1'), T + 10)).toEqual(exceeded);
    expect(await second.ask('reserve', reservation('in time', '10', T + 20), T + 11)).toEqual({
      verdict: 'reserved',
    });
    expect(await second.ask('settle', identifier('left behind'), T + 11)).toBe('lost');
  });

  test('I10 leaves behind what its successor gives back when it opens the file', async () => {
    const first = await start();
    await first.ask('reserve', reservation('left behind', '10'), T);
    await first.kill();
    const second = await start(T + 11);
    // By the clock of this call it has not expired yet: it was given back at opening.
    expect(await second.ask('settle', identifier('left behind'), T)).toBe('lost');
    expect(await second.ask('reserve', reservation('next', '10'), T)).toEqual({
      verdict: 'reserved',
    });
  });

  test('I10 I11 after settle has spent, and what it spent stays spent', async () => {
    const first = await start();
    await first.ask('reserve', reservation('one', '10'), T);
    expect(await first.ask('settle', identifier('one'), T)).toBe('settled');
    await first.kill();
    const second = await start(T + 600);
    expect(await second.ask('settle', identifier('one'), T)).toBe('lost');
    expect(await second.ask('reserve', reservation('two', '0.01', T + 620), T + 600)).toEqual({
      verdict: 'exceeded',
      account: identifier('root'),
    });
  });
});

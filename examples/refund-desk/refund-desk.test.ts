import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Summary } from './story.ts';

// The whole example, as `npm start` runs it: against the packages as they are built.
const SCRIPT = fileURLToPath(new URL('./run.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  /** All of its standard output so far. */
  output(): string;
  errors(): string;
  /** Waits for a text in the output. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<number | null>;
}

function start(...parameters: readonly string[]): Run {
  const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder };
  const child = spawn(process.execPath, [SCRIPT, ...parameters], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    output: () => output,
    errors: () => errors,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) return match;
        if (child.exitCode !== null) throw new Error(`ended before ${pattern}: ${errors}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    ended,
  };
}

const URL_PATTERN = /http:\/\/127\.0\.0\.1:(\d+)\/mcp/;

describe('the refund desk', () => {
  test('permits the two calls that were delegated and refuses every other, for the reason that is meant', async () => {
    const receipts = join(folder, 'receipts');
    const run = start('--json', '--receipts', receipts);
    expect(await run.ended).toBe(0);
    expect(run.errors()).toBe('');
    const summary = JSON.parse(run.output()) as Summary;
    expect(summary.ok).toBe(true);
    expect(
      summary.attempts.map(({ by, code, refused_by = '' }) => `${by} ${code} ${refused_by}`.trim()),
    ).toEqual([
      'query agent permitted',
      'refund agent permitted',
      'query agent argument_refused toolkit',
      'query agent argument_refused server',
      'query agent tool_not_granted server',
      'query agent tool_not_granted server',
      'query agent constraint_widened toolkit',
      'query agent constraint_widened server',
      'query agent parent_hash_mismatch server',
      'query agent algorithm_not_allowed server',
      'query agent algorithm_not_allowed server',
      'query agent token_expired server',
      'refund agent argument_refused server',
      'refund agent argument_refused server',
      'refund agent proof_replayed server',
      'thief presentation_missing server',
      'thief signature_invalid server',
      'thief proof_replayed server',
      'thief proof_arguments_mismatch server',
      'thief proof_audience_mismatch server',
    ]);
    expect(summary.executions).toEqual({ customer_orders: 1, refund_order: 1 });
    expect(summary.executions_when_refused).toBe(0);
    expect(summary.refunds).toEqual([
      { order: '5003', amount: '42.90', reason: expect.any(String) },
    ]);
    expect(summary.receipts).toHaveLength(2);
    for (const file of summary.receipts)
      expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>/i);
    expect(readdirSync(folder)).toEqual(['receipts']);
  });

  test('tells its story in 80 columns and without colour when nobody watches', async () => {
    const run = start();
    const [, port] = await run.until(URL_PATTERN);

    const statusWith = async (headers: { [name: string]: string }) => {
      const request = get({ host: '127.0.0.1', port, path: '/mcp', headers });
      const [response] = await once(request, 'response');
      response.resume();
      return response.statusCode as number;
    };
    expect(await statusWith({ host: 'evil.example' })).toBe(403);
    expect(await statusWith({ origin: 'http://evil.example' })).toBe(403);
    expect(await statusWith({})).toBe(405);

    expect(await run.ended).toBe(0);
    const output = run.output();
    expect(stripVTControlCharacters(output)).toBe(output);
    const tooLong = output.split('\n').filter((line) => [...line].length > 80);
    expect(tooLong.filter((line) => !line.includes(folder))).toEqual([]);
    const left = readdirSync(folder);
    expect(left).toEqual([expect.stringMatching(/^taper-receipts-/)]);
    expect(readdirSync(join(folder, left[0] as string)).sort()).toEqual([
      'permitted-refund.html',
      'widened-chain.html',
    ]);
  });
});

describe('in bad weather', () => {
  test('says that the port is taken, and leaves nothing behind', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const run = start('--port', String(port));
    expect(await run.ended).toBe(1);
    expect(run.errors()).toContain('--port');
    expect(run.errors()).not.toContain('    at ');
    expect(readdirSync(folder)).toEqual([]);
    other.close();
  });

  test.each(['x', '-1', '65536'])('refuses %s as a port', async (port) => {
    const run = start(`--port=${port}`);
    expect(await run.ended).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each(['MCP server', 'query agent', 'refund agent', 'thief'])(
    'ends with an error and tidies up when the %s crashes',
    async (who) => {
      const run = start();
      const [, pid] = await run.until(new RegExp(`${who} +process (\\d+)`));
      process.kill(Number(pid), 'SIGKILL');
      expect(await run.ended).toBe(1);
      expect(run.errors()).not.toContain('    at ');
      expect(run.errors().trim()).not.toBe('');
      expect(readdirSync(folder).filter((name) => !name.startsWith('taper-receipts-'))).toEqual([]);
    },
  );

  test.runIf(process.platform !== 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends its processes and tidies up on %s', async (signal, exitCode) => {
    const run = start();
    const [, port] = await run.until(URL_PATTERN);
    run.child.kill(signal);
    expect(await run.ended).toBe(exitCode);
    expect(readdirSync(folder).filter((name) => !name.startsWith('taper-receipts-'))).toEqual([]);
    const socket = connect(Number(port), '127.0.0.1');
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('ends its processes when it is killed itself', async () => {
    const run = start();
    const pids: number[] = [];
    for (const who of ['MCP server', 'query agent', 'refund agent', 'thief']) {
      const [, pid] = await run.until(new RegExp(`${who} +process (\\d+)`));
      pids.push(Number(pid));
    }
    run.child.kill('SIGKILL');
    await run.ended;
    const isAlive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  });

  test('ends quietly when nobody reads its output any more', async () => {
    const run = start();
    await run.until(URL_PATTERN);
    run.child.stdout?.destroy();
    expect(await run.ended).toBe(141);
    expect(existsSync(folder)).toBe(true);
    expect(readdirSync(folder).filter((name) => !name.startsWith('taper-receipts-'))).toEqual([]);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Step } from './page.ts';

// The whole example, as a reader runs it: against the packages as they are built.
const SCRIPT = fileURLToPath(new URL('./run.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, maxRetries: 10 }));

interface Run {
  readonly child: ChildProcess;
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
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** Whether something listens there. */
async function isOpen(port: string | undefined): Promise<boolean> {
  const socket = connect(Number(port), '127.0.0.1');
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}

/** A JWS, an enrolment token, or the private member of a JWK. */
const SECRET = /eyJ[\w-]+\.[\w-]+|taper_enrol_|"d":/;

describe('the incident', () => {
  test('lets each agent do its part, production once and by approval, and nothing when it is over', async () => {
    const run = start('--json');
    expect([await run.ended, run.errors()]).toEqual([0, '']);
    const { ok, steps, deployments } = JSON.parse(run.output()) as {
      readonly ok: boolean;
      readonly steps: readonly Step[];
      readonly deployments: unknown;
    };
    expect(ok).toBe(true);
    expect(steps.map(({ by, code }) => `${by} ${code}`)).toEqual([
      'triage permitted',
      'triage tool_not_granted', // by its own toolkit
      'triage tool_not_granted', // by the platform
      'triage argument_refused',
      'deployer permitted',
      'a listener proof_replayed',
      'deployer approval_required',
      'deployer permitted',
      'a listener proof_replayed',
      'deployer approval_required',
      'triage permitted',
      'triage permitted',
      'deployer key_rotated',
      'triage revoked',
      'deployer revoked',
    ]);
    const release = { service: 'checkout', version: '2.4.0' };
    expect(deployments).toEqual([
      { environment: 'staging', ...release },
      { environment: 'production', ...release },
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('tells its story in 80 columns, without colour and without a secret', async () => {
    const run = start();
    expect([await run.ended, run.errors()]).toEqual([0, '']);
    const output = run.output();
    expect(stripVTControlCharacters(output)).toBe(output);
    expect(output.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
    expect(output).not.toMatch(SECRET);
    expect(output).toContain('tool "deploy_production" with exactly these arguments');
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(process.platform !== 'win32')(
    'ends its processes and tidies up on Ctrl-C',
    async () => {
      const run = start();
      const [, port] = await run.until(/platform +http:\/\/127\.0\.0\.1:(\d+)/);
      run.child.kill('SIGINT');
      expect(await run.ended).toBe(130);
      expect(readdirSync(folder)).toEqual([]);
      expect(await isOpen(port)).toBe(false);
    },
  );

  test('ends its processes when it is killed itself', async () => {
    const run = start();
    const [, authority, platform] = await run.until(
      /authority +http:\/\/127\.0\.0\.1:(\d+)[\s\S]*platform +http:\/\/127\.0\.0\.1:(\d+)/,
    );
    run.child.kill('SIGKILL');
    await run.ended;
    for (const port of [authority, platform])
      await expect.poll(() => isOpen(port), { timeout: 20_000 }).toBe(false);
  });

  test('refuses an option that it does not have', async () => {
    const run = start('--jsn');
    expect(await run.ended).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});

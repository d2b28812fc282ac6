import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TrailRow } from './audit-trail.ts';
import type { Summary } from './conclude.ts';

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
const PAYMENTS_PATTERN = /http:\/\/127\.0\.0\.1:(\d+) \(pays\)/;

/** A JWS (token, proof, approval) or the private member of a JWK. Evidence holds chains, which are worth nothing without the key. */
const SECRET = /eyJ[\w-]+\.[\w-]+|"d":/;
const PRIVATE_KEY = /"d":/;
const EVIDENCE = ['payments.changed.json', 'payments.evidence.json'] as const;

const ASKED = { decision: 'approval_required' };

const READ: TrailRow = {
  server: 'orders',
  chain: ['authority', 'orchestrator', 'query agent'],
  call: 'customer_orders C-1001',
  decision: 'permit',
  approved_by: [],
  outcome: 'executed',
};

/** How the log of the payment API explains a call of the refund agent. */
function refundRow(args: string, row: Partial<TrailRow>): Partial<TrailRow> {
  return {
    server: 'payments',
    chain: ['authority', 'orchestrator', 'refund agent'],
    call: `refund_order ${args}`,
    policy: 'refunds',
    approved_by: [],
    ...(row.decision === 'permit' ? {} : { denial: 'approval_required' }),
    ...row,
  };
}

/** What must not be missing to the end; the login is not needed any more when somebody has signed in. */
const ACTORS = [
  'authority',
  'MCP server',
  'payment API',
  'query agent',
  'refund agent',
  'Nora',
  'thief',
] as const;

const CLI = fileURLToPath(new URL('../../packages/cli/bin/taper.js', import.meta.url));

function isLeftBehind(name: string): boolean {
  return !name.startsWith('taper-output-');
}

/** The logs verify to their end, also by the command; a line that is taken out is found. */
function expectLogs({ audit, trail }: Summary, output: string): void {
  for (const server of ['orders', 'payments'] as const) {
    const check = audit.find(({ name }) => name === server);
    const file = join(output, `${server}.audit`);
    const lines = readFileSync(`${file}.log`, 'utf8').trimEnd().split('\n');
    expect(check).toMatchObject({
      ok: true,
      verdict: 'intact',
      events: lines.length,
      proved_through: lines.length,
      tampered: [{ found: 'sequence_gap' }, { found: 'cut_off', line: lines.length }],
    });
    const decisions = trail.filter((row) => row.server === server);
    const permitted = decisions.filter(({ decision }) => decision === 'permit');
    expect(lines).toHaveLength(decisions.length + permitted.length); // each outcome, too

    const options = ['--key', `${file}.pub.jwk`, '--head', `${file}.head.json`];
    const verify = () =>
      spawnSync(process.execPath, [CLI, 'audit', 'verify', `${file}.log`, ...options]).status;
    expect(verify()).toBe(0);
    writeFileSync(`${file}.log`, `${lines.toSpliced(1, 1).join('\n')}\n`);
    expect(verify()).toBe(1);
  }
}

/** The evidence passes, in a process that knows nothing else; the copy does not, and the event that was changed is named. */
function expectEvidence(output: string): void {
  const verify = (
    bundle: string,
  ): { readonly status: number | null; readonly verdict: unknown } => {
    const words = [
      'verify',
      bundle,
      '--anchors',
      'anchors.json',
      '--policy',
      'trust.json',
      '--json',
    ];
    const options = { cwd: output, encoding: 'utf8' } as const;
    const { status, stdout } = spawnSync(process.execPath, [CLI, ...words], options);
    return { status, verdict: JSON.parse(stdout) };
  };
  const all = { authentic: 'pass', authorized: 'pass', complete: 'pass', problems: [] };
  expect(verify('payments.evidence.json')).toMatchObject({
    status: 0,
    verdict: { verdict: 'pass', ...all, not_revoked_as_of: expect.any(Number) },
  });
  const problem = { code: 'signature_invalid', path: 'logs[0].items[3]', outcome: 'fail' };
  expect(verify('payments.changed.json')).toMatchObject({
    status: 1,
    verdict: {
      authentic: 'fail',
      problems: expect.arrayContaining([expect.objectContaining(problem)]),
    },
  });
}

describe('the refund desk', () => {
  test('permits the calls that were delegated and refuses every other, for the reason that is meant', async () => {
    const output = join(folder, 'output');
    const run = start('--json', '--output', output);
    expect(await run.ended).toBe(0);
    expect(run.errors()).toBe('');
    expect(readdirSync(folder)).toEqual(['output']);
    const summary = JSON.parse(run.output()) as Summary;
    expect(summary.ok).toBe(true);
    expect(
      summary.attempts.map(({ by, code, refused_by = '' }) => `${by} ${code} ${refused_by}`.trim()),
    ).toEqual([
      'orchestrator issued',
      'orchestrator grant_none authority',
      'query agent permitted',
      'refund agent permitted',
      'refund agent approval_required server',
      'refund agent permitted',
      'query agent argument_refused toolkit',
      'query agent argument_refused server',
      'query agent tool_not_granted server',
      'query agent tool_not_granted server',
      'query agent grant_none authority',
      'query agent constraint_widened toolkit',
      'query agent constraint_widened server',
      'query agent parent_hash_mismatch server',
      'query agent algorithm_not_allowed server',
      'query agent algorithm_not_allowed server',
      'query agent token_expired server',
      'refund agent budget_exceeded server',
      'refund agent argument_refused server',
      'refund agent argument_refused server',
      'refund agent approval_action_mismatch server',
      'refund agent approval_required server',
      'refund agent approval_approver_unknown server',
      'refund agent approval_action_mismatch server',
      'refund agent request_input_undeclared server',
      'refund agent route_not_declared server',
      'refund agent tenant_mismatch server',
      'thief presentation_missing server',
      'thief signature_invalid server',
      'thief proof_replayed server',
      'thief proof_arguments_mismatch server',
      'thief proof_audience_mismatch server',
      'thief agent_unknown authority',
      'refund agent revoked server',
      'refund agent revoked server',
      'refund agent key_not_current authority',
      'query agent permitted',
      'query agent definition_changed server',
    ]);
    expect(summary.executions).toEqual({ customer_orders: 2, refund_order: 2 });
    expect(summary.executions_when_refused).toBe(0);
    expect(summary.refunds).toEqual([
      { order: '5003', amount: '42.90', reason: 'goods returned' },
      { order: '5007', amount: '189.00', reason: 'goods returned' },
    ]);
    expect(summary.trail.filter(({ decision }) => decision !== 'deny')).toEqual([
      READ,
      READ,
      refundRow('42.90, 5003, goods returned', { decision: 'permit', outcome: 'executed' }),
      refundRow('189.00, 5007, goods returned', ASKED),
      refundRow('189.00, 5007, goods returned', {
        decision: 'permit',
        outcome: 'executed',
        approved_by: ['Nora'],
      }),
      refundRow('189.00, 5007, damaged on arrival', ASKED),
    ]);
    expect(summary.evidence).toMatchObject({ ok: true, unreachable: expect.stringMatching(/^E/) });
    expectEvidence(output);
    expectLogs(summary, output);
  });

  test('tells its story in 80 columns and without colour when nobody watches', async () => {
    const run = start();
    const [, port] = await run.until(URL_PATTERN);
    const [, payments] = await run.until(PAYMENTS_PATTERN);

    const statusOf = async (to: string | undefined, path: string, headers = {}) => {
      const request = get({ host: '127.0.0.1', port: to, path, headers });
      const [response] = await once(request, 'response');
      response.resume();
      return response.statusCode as number;
    };
    expect(await statusOf(port, '/mcp', { host: 'evil.example' })).toBe(403);
    expect(await statusOf(port, '/mcp', { origin: 'http://evil.example' })).toBe(403);
    expect(await statusOf(port, '/mcp')).toBe(405);
    expect(await statusOf(payments, '/payouts')).toBe(404);
    expect(await statusOf(payments, '/approvals/AAAAAAAAAAAAAAAAAAAAAA')).toBe(404);

    expect([await run.ended, run.errors()]).toEqual([0, '']);
    const output = run.output();
    expect(stripVTControlCharacters(output)).toBe(output);
    const tooLong = output.split('\n').filter((line) => [...line].length > 80);
    expect(tooLong.filter((line) => !line.includes(folder))).toEqual([]);
    const left = readdirSync(folder);
    expect(left).toEqual([expect.stringMatching(/^taper-output-/)]);
    const kept = join(folder, left[0] as string);
    expect(readdirSync(kept).sort()).toEqual([
      'anchors.json',
      'approval.txt',
      'approved-refund.html',
      'orders.audit.head.json',
      'orders.audit.log',
      'orders.audit.pub.jwk',
      'other-tenant.html',
      'payments.audit.head.json',
      'payments.audit.log',
      'payments.audit.pub.jwk',
      ...EVIDENCE,
      'permitted-refund.html',
      'trust.json',
      'widened-chain.html',
    ]);
    // the approver has seen the exact call, and that its chain was checked
    expect(output).toContain('tool "refund_order" with exactly these arguments');
    const seen = readFileSync(join(kept, 'approval.txt'), 'utf8');
    for (const part of ['"refund_order"', '"189.00"', '"5007"', '"goods returned"', 'VERIFIED'])
      expect(seen).toContain(part);
    for (const name of readdirSync(kept)) {
      const text = readFileSync(join(kept, name), 'utf8');
      const isEvidence = EVIDENCE.some((each) => each === name);
      expect(`${name} ${text}`).not.toMatch(isEvidence ? PRIVATE_KEY : SECRET);
      if (name.endsWith('.html')) expect(text).toMatch(/^<!doctype html>/i);
    }
    expect(output).not.toMatch(SECRET);
  });
});

describe('a process without network', () => {
  // Where the system can take the network away, the example does not need this; elsewhere it does.
  const TRIES = {
    'a socket': `await once(connect(PORT, '127.0.0.1'), 'connect')`,
    fetch: `await fetch('http://127.0.0.1:PORT')`,
    'a server': `await once(createServer().listen(0), 'listening')`,
    'a datagram': `await promisify((done) => createSocket('udp4').send('x', PORT, '127.0.0.1', done))()`,
    'a look-up of a name': `await lookup('localhost')`,
    'a WebSocket': `const [event] = await new Promise((done) => {
      const socket = new WebSocket('ws://127.0.0.1:PORT');
      for (const name of ['open', 'error']) socket.addEventListener(name, ({ type }) => done([type]));
    }); if (event === 'error') throw new Error('no connection');`,
  } as const;

  const BLOCK = new URL('./no-network.ts', import.meta.url).href;

  test.each(Object.entries(TRIES))(
    'reaches nothing with %s, and does without the block',
    async (_, code) => {
      const server = createServer((_request, response) => response.end());
      server.on('upgrade', (request, socket) => {
        const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        const accept = createHash('sha1').update(key).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const script = `
      import { createHash } from 'node:crypto';
import { once } from 'node:events';
      import { connect, createServer } from 'node:net';
      import { createSocket } from 'node:dgram';
      import { lookup } from 'node:dns/promises';
      import { promisify } from 'node:util';
      ${code.replaceAll('PORT', String(port))}
      process.exit(0);`;
      const run = async (...options: string[]): Promise<number | null> => {
        const words = [...options, '--input-type=module', '--eval', script];
        const child = spawn(process.execPath, words, { stdio: 'ignore' });
        return (await once(child, 'close'))[0] as number | null;
      };
      expect(await run()).toBe(0);
      expect(await run('--import', BLOCK)).toBe(1);
      server.closeAllConnections();
      server.close();
    },
  );
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

  // One of each kind: where roots come from, a server, an agent, a person.
  test.each(['authority', 'payment API', 'refund agent', 'Nora'])(
    'ends with an error and tidies up when a process crashes: %s',
    async (who) => {
      const run = start();
      const [, pid] = await run.until(new RegExp(`${who} +process (\\d+)`));
      process.kill(Number(pid), 'SIGKILL');
      expect(await run.ended).toBe(1);
      expect(run.errors()).not.toContain('    at ');
      expect(run.errors().trim()).not.toBe('');
      expect(readdirSync(folder).filter(isLeftBehind)).toEqual([]);
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
    expect(readdirSync(folder).filter(isLeftBehind)).toEqual([]);
    const socket = connect(Number(port), '127.0.0.1');
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('ends its processes when it is killed itself', async () => {
    const run = start();
    const pids: number[] = [];
    for (const who of ['login', ...ACTORS]) {
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
    expect(readdirSync(folder).filter(isLeftBehind)).toEqual([]);
  });
});

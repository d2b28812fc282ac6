import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExitCode, type Io, run } from '@taper/cli';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOW, Workspace } from './workspace.ts';

const ORIGIN = 'log.example.com/revocations';

interface Running {
  readonly url: string;
  stop(): Promise<ExitCode>;
}

const running: Running[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

/** Runs a command that serves, until it is stopped. */
async function start(workspace: Workspace, argv: readonly string[]): Promise<Running> {
  const controller = new AbortController();
  let told = '';
  let listening: (url: string) => void = () => {};
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const sink = {
    isTerminal: false,
    async write(text: string) {
      told += text;
      const found = /http:\/\/[0-9.:]+/.exec(told);
      if (found !== null) listening(found[0]);
      return true;
    },
  };
  const io: Io = {
    stdin: (async function* () {})(),
    stdinIsTerminal: false,
    stdout: sink,
    stderr: sink,
    cwd: workspace.folder,
    env: {},
    clock: () => NOW,
    stopped: controller.signal,
  };
  const ended = run(argv, io);
  const failed = ended.then((code) => {
    throw new Error(`ended with ${code}: ${told}`);
  });
  const server: Running = {
    url: await Promise.race([url, failed]),
    stop() {
      controller.abort();
      return ended;
    },
  };
  failed.catch(() => undefined);
  running.push(server);
  return server;
}

const SERVE = [
  ...[
    'revocation',
    'serve',
    'revocations',
    '--log-key',
    'log.jwk',
    '--authority-key',
    'authority.jwk',
  ],
  ...['--anchors', 'anchors.json', '--listen', '127.0.0.1:0', '--interval', '20'],
];

let workspace: Workspace;
beforeEach(async () => {
  workspace = new Workspace();
  await workspace.issue();
  for (const name of ['log', 'authority'])
    await workspace.taper([
      'key',
      'new',
      '--out',
      `${name}.jwk`,
      '--public-out',
      `${name}.pub.jwk`,
    ]);
});

async function makeLog(): Promise<void> {
  const { exitCode, stderr } = await workspace.taper([
    ...['log', 'init', 'revocations', '--origin', ORIGIN, '--key', 'log.jwk'],
  ]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
}

const revoke = (...more: readonly string[]) =>
  workspace.json(['revoke', ...more, '--origin', ORIGIN]);

const audit = () =>
  workspace.json([
    ...['revocation', 'audit', 'revocations'],
    ...['--authority', 'authority.pub.jwk', '--anchors', 'anchors.json'],
  ]);

describe('taper revoke, taper revocation', () => {
  it('take a token back: request, entry, epoch, audit', async () => {
    await makeLog();
    const { url, stop } = await start(workspace, SERVE);
    const asked = ['chain.json', '--key', 'planner.jwk', '--to', url];
    const first = await revoke(
      ...asked,
      '--authority',
      'authority.pub.jwk',
      '--reason',
      'superseded',
    );
    expect(first).toMatchObject({
      exitCode: 0,
      result: { direct: true, added: true, verified: true },
    });
    const again = await revoke(...asked);
    expect(again).toMatchObject({ result: { index: first.result.index, added: false } });
    const size = async (): Promise<number> =>
      Number((await (await fetch(`${url}/checkpoint`)).text()).split('\n')[1]);
    for (let tries = 0; (await size()) < first.result.index + 3 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await stop()).toBe(0);
    const { exitCode, result } = await audit();
    expect({ exitCode, ...result }).toMatchObject({
      exitCode: 0,
      ok: true,
      revocations: 1,
      problems: [],
      epoch: { revoked: 1 },
    });
  });

  it('go on after a restart with what was revoked', async () => {
    await makeLog();
    const before = await start(workspace, SERVE);
    const asked = ['chain.json', '--key', 'planner.jwk', '--to'];
    const first = await revoke(...asked, before.url);
    await before.stop();
    const after = await start(workspace, SERVE);
    expect(await revoke(...asked, after.url)).toMatchObject({
      result: { index: first.result.index, added: false },
    });
  });

  it('send a request that was made before; a key revokes itself', async () => {
    await makeLog();
    const { url } = await start(workspace, SERVE);
    const made = await revoke(
      'chain.json',
      '--key',
      'planner.jwk',
      '--holder-key',
      '--out',
      'kept.jwt',
    );
    expect(made).toMatchObject({ exitCode: 0, result: { out: 'kept.jwt' } });
    const sent = await revoke('--request', 'kept.jwt', '--to', url);
    expect(sent).toMatchObject({ exitCode: 0, result: { added: true } });
  });

  it('let the authority revoke agents, tenants and tokens by their hash', async () => {
    await makeLog();
    const { url } = await start(workspace, SERVE);
    const by = ['--key', 'authority.jwk', '--to', url];
    const hash = 'A'.repeat(43);
    for (const target of [
      ['--agent', 'researcher', '--agent-key', 'reader.pub.jwk', '--agent-key', 'planner.pub.jwk'],
      ['--tenant', 'acme', '--issued-before', `${NOW}`],
      ['--token', hash, '--root', hash, '--until', `${NOW + 60}`],
    ])
      expect(await revoke(...target, ...by)).toMatchObject({
        exitCode: 0,
        result: { added: true },
      });
    const refused = await revoke(
      '--tenant',
      'acme',
      '--issued-before',
      `${NOW}`,
      '--key',
      'planner.jwk',
      '--to',
      url,
    );
    expect(refused).toMatchObject({ exitCode: 1, error: { code: 'server_refused' } });
  });

  it('M11: a stranger is refused, and the audit of the log sees nothing of it', async () => {
    await makeLog();
    const { url, stop } = await start(workspace, SERVE);
    const refused = await revoke('chain.json', '--key', 'stranger.jwk', '--to', url);
    expect(refused).toMatchObject({ exitCode: 1, error: { code: 'server_refused' } });
    await stop();
    expect(await audit()).toMatchObject({ result: { ok: true, revocations: 0 } });
  });

  it('an audit with another key of the authority fails', async () => {
    await makeLog();
    const { url, stop } = await start(workspace, SERVE);
    await revoke('chain.json', '--key', 'planner.jwk', '--to', url);
    await stop();
    const { exitCode, result } = await workspace.json([
      ...['revocation', 'audit', 'revocations'],
      ...['--authority', 'stranger.pub.jwk', '--anchors', 'anchors.json'],
    ]);
    expect(exitCode).toBe(1);
    expect(result.problems).toContainEqual(
      expect.objectContaining({ code: 'entry_signature_invalid' }),
    );
  });

  it('a key of the log is not the key of the authority', async () => {
    await makeLog();
    const argv = SERVE.map((word) => (word === 'authority.jwk' ? 'log.jwk' : word));
    expect(await workspace.json(argv)).toMatchObject({
      exitCode: 1,
      error: { code: 'option_invalid' },
    });
  });
});

describe('taper revoke', () => {
  it('wants one thing to revoke, and all that it needs', async () => {
    const cases: readonly (readonly string[])[] = [
      ['--key', 'planner.jwk'],
      ['chain.json', '--tenant', 'acme', '--key', 'planner.jwk'],
      ['chain.json'],
      ['--tenant', 'acme', '--key', 'planner.jwk'],
      ['--agent', 'a', '--key', 'planner.jwk'],
      ['--token', 'A'.repeat(43), '--root', 'A'.repeat(43), '--key', 'planner.jwk'],
      ['--token', 'A'.repeat(43), '--until', '1', '--key', 'planner.jwk'],
      ['chain.json', '--hop', '1', '--key', 'planner.jwk'],
      ['chain.json', '--request', 'x', '--key', 'planner.jwk'],
      ['chain.json', '--key', 'planner.jwk', '--to', 'ftp://x'],
      ['chain.json', '--key', 'planner.jwk', '--to', 'http://revocation.example.com'],
    ];
    for (const argv of cases)
      expect(await revoke(...argv), argv.join(' ')).toMatchObject({
        exitCode: 2,
        error: { code: 'usage' },
      });
    expect(await revoke('chain.json', '--key', 'planner.jwk', '--hop', '0')).toMatchObject({
      exitCode: 0,
    });
  });

  it('does not send a request that is for another log', async () => {
    await revoke('chain.json', '--key', 'planner.jwk', '--out', 'kept.jwt');
    const { error } = await workspace.json([
      'revoke',
      '--origin',
      'other',
      '--request',
      'kept.jwt',
    ]);
    expect(error).toMatchObject({ code: 'request_malformed' });
  });

  it('tells a server that is not there from one that answers nonsense, and believes neither', async () => {
    const asked = ['chain.json', '--key', 'planner.jwk', '--to'];
    expect(await revoke(...asked, 'http://127.0.0.1:1')).toMatchObject({
      exitCode: 3,
      error: { code: 'server_unreachable' },
    });
    const bodies = [
      '',
      'not JSON',
      '{}',
      '{"index":0,"entry":"{}","direct":true}',
      'x'.repeat(300_000),
    ];
    for (const body of bodies) {
      const server = createServer((_, answer) => {
        answer.writeHead(201, { 'content-type': 'application/json' }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const { exitCode, error } = await revoke(...asked, `http://127.0.0.1:${port}`);
      server.close();
      expect({ exitCode, code: error.code }).toEqual({
        exitCode: 1,
        code: 'server_answer_invalid',
      });
    }
  });
});

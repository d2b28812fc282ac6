import { statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type ApprovalAction,
  type ApprovalRequest,
  importPublicKey,
  unsafeApprover,
  verifyApproval,
} from '@taper/core';
import { approvalDesk, approvalUrl, createMemoryApprovalSource } from '@taper/enforce';
import { tokenHash } from '@taper/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { fixedKey, NOW, READ_TWO, type Result, Workspace } from './workspace.ts';

const { d: adaSecret, ...adaJwk } = fixedKey('ada');
const ada = importPublicKey(adaJwk);

/** A request that waits for the group finance, under the chain that `issue` made. */
async function scene(
  changes: Partial<ApprovalAction> = {},
  request: Partial<ApprovalRequest> = {},
  more: readonly string[] = [],
): Promise<{ workspace: Workspace; action: ApprovalAction }> {
  const workspace = new Workspace();
  workspace.write('ada.jwk', JSON.stringify({ ...adaJwk, d: adaSecret }), 0o600);
  await workspace.issue(READ_TWO, more);
  const chain: readonly string[] = JSON.parse(workspace.read('chain.json')).aat_chain;
  const action: ApprovalAction = {
    tool: 'read_file',
    arguments: { path: '/q1' },
    tokens: [tokenHash(chain.at(-1) as string)],
    enforcementPoint: 'https://tools.example.com',
    nonce: 'n'.repeat(22),
    issuedAt: NOW,
    expiresAt: NOW + 900,
    ...changes,
  };
  const requirements = [{ group: 'finance', count: 1 }];
  const whole = { action, requirements, chains: [chain], approvals: [], ...request };
  workspace.write('request.json', JSON.stringify(whole));
  return { workspace, action };
}

const APPROVE = ['approve', 'request.json', '--key', 'ada.jwk', '--anchors', 'anchors.json'];

/** Types an answer at a terminal. */
function answer(workspace: Workspace, text: string, more: readonly string[] = []): Promise<Result> {
  const options = { stdin: text, terminal: true, env: { NO_COLOR: '1' } };
  return workspace.taper([...APPROVE, ...more], options);
}

function isApproval(text: string, action: ApprovalAction): boolean {
  const verdict = verifyApproval(text.trim(), { action, approver: ada, now: NOW });
  return !('code' in verdict);
}

describe('taper approve', () => {
  it('signs the action when the word is typed out', async () => {
    const { workspace, action } = await scene();
    const { exitCode, stdout } = await answer(workspace, 'approve\n');
    expect(exitCode).toBe(0);
    expect(isApproval(stdout, action)).toBe(true);
    expect(unsafeApprover(stdout.trim())).toMatchObject({ group: 'finance' });
  });

  it.each([
    '\n',
    'y\n',
    'yes\n',
    'Approve\n',
    'approve it\n',
    ' approve\n',
    'approve',
    '',
    'refuse\napprove\n',
  ])('signs nothing for the answer %j', async (text) => {
    const { workspace } = await scene();
    const { exitCode, stdout, stderr } = await answer(workspace, text, ['--out', 'a.jws']);
    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('Type approve');
    expect(stderr).not.toMatch(/eyJ/);
    expect(workspace.files()).not.toContain('a.jws');
  });

  it('signs nothing where nobody can be asked, unless it is told --yes', async () => {
    const { workspace, action } = await scene();
    const unasked = await workspace.taper(APPROVE, { stdin: 'approve\n' });
    expect(unasked).toMatchObject({ exitCode: 1, stdout: '' });
    expect(unasked.stderr).toContain('nothing was signed: nobody could be asked');
    const { exitCode, stdout, stderr } = await workspace.taper([...APPROVE, '--yes']);
    expect(exitCode).toBe(0);
    expect(isApproval(stdout, action)).toBe(true);
    expect(stderr).toContain('"path": "/q1"');
  });

  it('says with --json what it has signed, and nothing else', async () => {
    const { workspace, action } = await scene();
    const { exitCode, result } = await workspace.json([...APPROVE, '--yes']);
    expect(exitCode).toBe(0);
    expect(isApproval(result.approval, action)).toBe(true);
    expect(result).toMatchObject({ group: 'finance', tool: 'read_file', sent: false });
  });

  it('writes the approval for its owner alone, whole or not at all', async () => {
    const { workspace, action } = await scene();
    expect((await answer(workspace, 'approve\n', ['--out', 'a.jws'])).stdout).toBe('');
    expect(isApproval(workspace.read('a.jws'), action)).toBe(true);
    expect(statSync(join(workspace.folder, 'a.jws')).mode & 0o777).toBe(0o600);
    const again = await workspace.json([...APPROVE, '--yes', '--out', 'a.jws']);
    expect(again.error.code).toBe('file_exists');
  });
});

describe('what an approver is shown', () => {
  it('is everything that is signed, and under whose authority (P06)', async () => {
    const { workspace, action } = await scene();
    const { stderr } = await answer(workspace, 'no\n');
    for (const text of [
      '"read_file"',
      '"path": "/q1"',
      '"https://tools.example.com"',
      '2026-01-01T00:15:00Z',
      '15 min 0 s',
      '"finance"',
      action.nonce,
      action.tokens[0] as string,
      'VERIFIED',
      'https://issuer.example',
      'hop 0',
    ])
      expect(stderr, text).toContain(text);
  });

  it('names times in UTC and as the clock on the wall shows them', async () => {
    const { workspace } = await scene();
    const { stderr } = await answer(workspace, 'no\n');
    const wall = new Date((NOW + 900) * 1000);
    const [, hours, minutes] = /GMT([+-]\d{2})(\d{2})/.exec(wall.toString()) ?? [];
    const [time] = wall.toTimeString().split(' ');
    expect(stderr).toContain(`${time} ${hours}:${minutes})`);
    expect(stderr).toContain('2026-01-01T00:15:00Z');
  });

  it('escapes and flags what hides, reorders or controls (P14, C21)', async () => {
    const tools = { send: {} };
    const { workspace } = await scene();
    await workspace.issue(tools);
    const chain: readonly string[] = JSON.parse(workspace.read('chain.json')).aat_chain;
    const request = JSON.parse(workspace.read('request.json'));
    request.action.tool = 'send';
    request.action.tokens = [tokenHash(chain[0] as string)];
    request.action.arguments = {
      to: '\u202emoc.live@kcab\u202c',
      'amount\u200b': '1',
      note: 'fine\u001b[2K\u001b[1A',
      tag: '\u{e0041}',
    };
    request.chains = [chain];
    workspace.write('request.json', JSON.stringify(request));
    const { stderr } = await answer(workspace, 'no\n');
    expect(stderr).toContain('"to": "\\u202emoc.live@kcab\\u202c"');
    expect(stderr).toContain('"amount\\u200b": "1"');
    expect(stderr).toContain('"note": "fine\\u001b[2K\\u001b[1A"');
    expect(stderr).toMatch(
      /WARNING[\s\S]*U\+001B[\s\S]*U\+200B[\s\S]*U\+202C[\s\S]*U\+202E[\s\S]*U\+E0041/,
    );
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  });

  it('carries no warning where there is nothing to warn of', async () => {
    const { workspace } = await scene();
    expect((await answer(workspace, 'no\n')).stderr).not.toContain('WARNING');
  });

  it('is never shortened (P14)', async () => {
    const { workspace } = await scene();
    await workspace.issue({ send: {} });
    const chain: readonly string[] = JSON.parse(workspace.read('chain.json')).aat_chain;
    const request = JSON.parse(workspace.read('request.json'));
    const text = `${'harmless '.repeat(5000)}and pay mallory`;
    const list = Array.from({ length: 2000 }, (_, index) => `entry ${index}`);
    request.action = { ...request.action, tool: 'send', arguments: { text, list } };
    request.action.tokens = [tokenHash(chain[0] as string)];
    request.chains = [chain];
    workspace.write('request.json', JSON.stringify(request));
    const { stderr } = await answer(workspace, 'no\n');
    expect(stderr).toContain(text);
    for (const entry of list) expect(stderr).toContain(JSON.stringify(entry));
  });

  it('is shown before anything is asked', async () => {
    const { workspace } = await scene();
    const { stderr } = await answer(workspace, 'no\n');
    expect(stderr.indexOf('"path": "/q1"')).toBeGreaterThan(-1);
    expect(stderr.indexOf('Type approve')).toBeGreaterThan(stderr.indexOf('VERIFIED'));
  });
});

describe('taper approve refuses', () => {
  async function denialOf(workspace: Workspace, more: readonly string[] = []): Promise<string> {
    const { exitCode, result, error } = await workspace.json([...APPROVE, '--yes', ...more]);
    expect(exitCode).toBe(1);
    expect(result).toBeUndefined();
    expect(error.code).toBe('refused');
    return error.denial.code;
  }

  it('chains that the approver’s own anchors do not verify', async () => {
    const { workspace } = await scene();
    const { d: _, ...jwk } = fixedKey('stranger');
    workspace.write('anchors.json', JSON.stringify([{ iss: 'https://issuer.example', jwk }]));
    expect(await denialOf(workspace)).toBe('signature_invalid');
  });

  it('chains that are not those of the action', async () => {
    const { workspace } = await scene({ tokens: ['h'.repeat(43)] });
    expect(await denialOf(workspace)).toBe('approval_action_mismatch');
  });

  it('an action that its chain does not allow', async () => {
    const args = await scene({ arguments: { path: '/q3' } });
    expect(await denialOf(args.workspace)).toBe('argument_refused');
    const tool = await scene({ tool: 'send' });
    expect(await denialOf(tool.workspace)).toBe('tool_not_granted');
  });

  it('an approver who holds a key on the chain (P03)', async () => {
    const { workspace } = await scene();
    const own = ['approve', 'request.json', '--key', 'planner.jwk', '--anchors', 'anchors.json'];
    const { error, result } = await workspace.json([...own, '--yes']);
    expect(result).toBeUndefined();
    expect(error.denial).toMatchObject({ code: 'approval_by_requester', hop: 0 });
  });

  it('an action that has expired, and one whose chain has', async () => {
    const { workspace } = await scene({ expiresAt: NOW + 60, issuedAt: NOW - 60 });
    expect(await denialOf(workspace, ['--now', String(NOW + 60)])).toBe('approval_expired');
    const long = await scene({ expiresAt: NOW + 7200 });
    expect(await denialOf(long.workspace, ['--now', String(NOW + 3600)])).toBe('token_expired');
  });

  it('no chain for its caveats that are the enforcement point’s to check', async () => {
    const caveats = [
      '--tenant',
      'acme',
      '--purpose',
      'close the quarter',
      '--approval',
      'read_file=finance:1',
    ];
    const { workspace, action } = await scene({}, {}, [
      ...caveats,
      '--audience',
      'https://other.example',
    ]);
    const { exitCode, result } = await workspace.json([...APPROVE, '--yes']);
    expect(exitCode).toBe(0);
    expect(isApproval(result.approval, action)).toBe(true);
  });

  it('a group that nobody asked, and to choose between two', async () => {
    const { workspace } = await scene();
    const board = await workspace.json([...APPROVE, '--yes', '--group', 'board']);
    expect(board).toMatchObject({ exitCode: 2, error: { code: 'usage', field: '--group' } });
    const requirements = ['finance', 'board'].map((group) => ({ group, count: 1 }));
    const two = await scene({}, { requirements });
    const unsaid = await two.workspace.json([...APPROVE, '--yes']);
    expect(unsaid).toMatchObject({ exitCode: 2, error: { code: 'usage', field: '--group' } });
    const said = await two.workspace.json([...APPROVE, '--yes', '--group', 'board']);
    expect(said.result).toMatchObject({ group: 'board' });
  });

  it.each<[string, object]>([
    ['with a member more', { note: 'harmless' }],
    ['without requirements', { requirements: [] }],
    ['with a threshold of 0 (P09)', { requirements: [{ group: 'finance', count: 0 }] }],
    ['without arguments (P08)', { action: { tool: 'read_file' } }],
  ])('a request %s', async (_what, changes) => {
    const { workspace } = await scene();
    const request = { ...JSON.parse(workspace.read('request.json')), ...changes };
    workspace.write('request.json', JSON.stringify(request));
    expect((await workspace.json([...APPROVE, '--yes'])).error.code).toBe('request_malformed');
  });

  it('a request that names a member twice, so that nobody sees another value than is signed (P06)', async () => {
    const { workspace } = await scene();
    const twice = workspace.read('request.json').replace('"tool":', '"tool":"harmless","tool":');
    workspace.write('request.json', twice);
    expect((await workspace.json([...APPROVE, '--yes'])).error.code).toBe('json_invalid');
  });

  it('both a file and an address, and neither', async () => {
    const { workspace } = await scene();
    const url = ['--url', 'https://tools.example.com/approvals/x'];
    expect((await workspace.json([...APPROVE, '--yes', ...url])).error.code).toBe('usage');
    const neither = APPROVE.filter((word) => word !== 'request.json');
    expect((await workspace.json(neither)).error.code).toBe('usage');
  });
});

describe('taper approve --url', () => {
  const open: Server[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function listen(
    answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  ): Promise<string> {
    const server = createServer(answer);
    open.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/approvals`;
  }

  function approveAt(workspace: Workspace, url: string, more: readonly string[] = []) {
    const rest = APPROVE.filter((word) => word !== 'request.json');
    return workspace.json([...rest, '--yes', '--url', url, ...more]);
  }

  async function desk(workspace: Workspace) {
    const inbox = createMemoryApprovalSource({ groups: { finance: [{ name: 'Ada', key: ada }] } });
    const pending = await inbox.open(JSON.parse(workspace.read('request.json')), NOW);
    const handle = approvalDesk({ inbox, clock: { now: () => NOW } });
    const base = await listen(async (incoming, outgoing) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const { method = 'GET', headers, url } = incoming;
      const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {};
      const init = { method, headers: headers as Record<string, string>, ...body };
      const answered = await handle(new Request(`http://${headers.host}${url}`, init));
      outgoing.writeHead(answered.status, Object.fromEntries(answered.headers));
      outgoing.end(await answered.text());
    });
    const approvals = async () => (await inbox.look(pending.action.nonce, NOW))?.approvals ?? [];
    return { url: approvalUrl(base)(pending), approvals };
  }

  it('fetches the action, signs it, and sends the approval in', async () => {
    const { workspace, action } = await scene();
    const { url, approvals } = await desk(workspace);
    const { exitCode, result } = await approveAt(workspace, url);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ sent: true });
    expect(await approvals()).toEqual([result.approval]);
    expect(isApproval(result.approval, action)).toBe(true);
  });

  it('tells what the desk refuses, by its code', async () => {
    const { workspace } = await scene();
    const { url, approvals } = await desk(workspace);
    await approveAt(workspace, url);
    const { exitCode, error } = await approveAt(workspace, url);
    expect(exitCode).toBe(1);
    expect(error.code).toBe('server_refused');
    expect(error.message).toContain('approval_repeated');
    expect(await approvals()).toHaveLength(1);
    const gone = await approveAt(workspace, url.replace(/n+$/, 'o'.repeat(22)));
    expect(gone.error.code).toBe('server_refused');
  });

  it('sends nothing when the action is not confirmed', async () => {
    const { workspace } = await scene();
    const { url, approvals } = await desk(workspace);
    const rest = APPROVE.filter((word) => word !== 'request.json');
    const options = { stdin: 'no\n', terminal: true };
    expect((await workspace.taper([...rest, '--url', url], options)).exitCode).toBe(1);
    expect(await approvals()).toEqual([]);
  });

  it('follows no redirect (W08)', async () => {
    const { workspace } = await scene();
    let followed = 0;
    const elsewhere = await listen((_request, response) => {
      followed += 1;
      response.end();
    });
    const url = await listen((_request, response) => {
      response.writeHead(302, { location: elsewhere });
      response.end();
    });
    expect((await approveAt(workspace, url)).error.code).toBe('server_answer_invalid');
    expect(followed).toBe(0);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    [
      'of another type',
      (response) => response.setHeader('content-type', 'text/html').end('{}'),
      'server_answer_invalid',
    ],
    [
      'that is no request',
      (response) => response.setHeader('content-type', 'application/json').end('{}'),
      'request_malformed',
    ],
    [
      'that is no JSON',
      (response) => response.setHeader('content-type', 'application/json').end('{'),
      'json_invalid',
    ],
    [
      'that is not UTF-8',
      (response) => response.setHeader('content-type', 'application/json').end(Buffer.from([0xff])),
      'server_answer_invalid',
    ],
    ['that breaks off', (response) => response.destroy(), 'server_unreachable'],
  ])('refuses an answer %s', async (_what, respond, code) => {
    const { workspace } = await scene();
    const url = await listen((_request, response) => respond(response));
    expect((await approveAt(workspace, url)).error.code).toBe(code);
  });

  it('reads no endless answer', async () => {
    const { workspace } = await scene();
    const url = await listen((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(more));
      };
      more();
    });
    expect((await approveAt(workspace, url)).error.code).toBe('server_answer_invalid');
  });

  it('shows what a server says with nothing in it that controls a terminal (C21)', async () => {
    const { workspace } = await scene();
    const url = await listen((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code: '\u001b[2Jok\u202e', title: '\u001b]0;x\u0007' }));
    });
    const rest = APPROVE.filter((word) => word !== 'request.json');
    const { stderr } = await workspace.taper([...rest, '--yes', '--url', url]);
    expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(stderr).toContain('\\u{1b}');
  });

  it.each([
    'http://tools.example.com/approvals/x',
    'https://ada:secret@tools.example.com/',
    'file:///etc/passwd',
    'tools.example.com',
  ])('asks no server at %s', async (url) => {
    const { workspace } = await scene();
    expect(await approveAt(workspace, url)).toMatchObject({
      exitCode: 2,
      error: { code: 'usage' },
    });
  });

  it('says that nobody answers', async () => {
    const { workspace } = await scene();
    const url = await listen(() => undefined);
    for (const server of open.splice(0)) server.close();
    expect(await approveAt(workspace, url)).toMatchObject({
      exitCode: 3,
      error: { code: 'server_unreachable' },
    });
  });
});

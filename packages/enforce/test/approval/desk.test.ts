import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApprovalAction, approvalSubject, approve, parseApprovalRequest } from '@taper/core';
import { createTestClock, TEST_TIME as NOW, present, testKey, tokenHash } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ApprovalDeskOptions,
  approvalDesk,
  approvalUrl,
  createMemoryApprovalSource,
  type PendingAction,
} from '../../src/index.ts';

const ada = testKey('ada');
const grace = testKey('grace');
const SECRET = '4929 0000 0000 6 \u202e<script>alert(1)</script>';
const DESK = 'https://tools.example.com/approvals';

function source() {
  return createMemoryApprovalSource({
    groups: {
      finance: [
        { name: 'Ada', key: ada.publicKey },
        { name: 'Grace', key: grace.publicKey },
      ],
    },
  });
}

const { chain } = present();

function pendingWith(changes: Partial<ApprovalAction> = {}): PendingAction {
  return {
    action: {
      tool: 'pay',
      arguments: { amount: '120.00', card: SECRET },
      tokens: [tokenHash(chain.at(-1) as string)],
      enforcementPoint: 'https://tools.example.com',
      nonce: 'n'.repeat(22),
      issuedAt: NOW,
      expiresAt: NOW + 900,
      ...changes,
    },
    requirements: [{ group: 'finance', count: 1 }],
    chains: [chain],
    approvals: [],
  };
}

function approvedBy(action: ApprovalAction, key = ada): Promise<string> {
  return approve({ action, group: 'finance', signer: key.signer, now: NOW, id: `by-${key.name}` });
}

async function scene(options: Partial<ApprovalDeskOptions> = {}) {
  const inbox = source();
  const clock = createTestClock();
  const desk = approvalDesk({ inbox, clock, ...options });
  const pending = await inbox.open(pendingWith(), NOW);
  const url = approvalUrl(DESK)(pending);
  const send = (body: string, headers: Record<string, string> = {}, to = url) =>
    desk(
      new Request(to, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/jose', ...headers },
      }),
    );
  const subject = approvalSubject(pending.action);
  const approvals = async () => (await inbox.find(subject, NOW))?.approvals.length;
  return { inbox, clock, desk, pending, url, send, approvals };
}

async function codeOf(response: Response): Promise<[number, string]> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const { code, status } = (await response.json()) as { code: string; status: number };
  expect(status).toBe(response.status);
  return [response.status, code];
}

describe('the desk shows', () => {
  test('the exact pending action, to be cached by nobody', async () => {
    const { desk, url, pending } = await scene();
    const response = await desk(new Request(url));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(parseApprovalRequest(await response.text())).toEqual(pending);
  });

  test('nothing at an address that could be guessed, and the same nothing for what is over (P13)', async () => {
    const { desk, url, pending, clock } = await scene();
    const subject = approvalSubject(pending.action);
    for (const path of [
      subject,
      'pay',
      '',
      '/',
      `${pending.action.nonce}/`,
      'o'.repeat(22),
      `${pending.action.nonce}?x=1`,
    ])
      expect(await codeOf(await desk(new Request(`${DESK}/${path}`))), path).toEqual([
        404,
        'not_found',
      ]);
    expect((await desk(new Request(url))).status).toBe(200);
    clock.advance(900);
    expect(await codeOf(await desk(new Request(url)))).toEqual([404, 'not_found']);
  });

  test('in a browser a page that nothing can be clicked on, with everything escaped and flagged (P14, C21)', async () => {
    const { desk, url } = await scene();
    const response = await desk(new Request(url, { headers: { accept: 'text/html,*/*' } }));
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('<mark>\\u{202e}</mark>');
    expect(page).not.toMatch(/<(script|form|a|button|input|img|link|iframe)\b/i);
    expect(page).not.toMatch(/\p{Cf}/u);
  });

  test('nothing to whom the operator does not admit', async () => {
    const { desk, url, send, pending, approvals } = await scene({
      admits: (request) => request.headers.get('authorization') === 'Bearer approver',
    });
    expect(await codeOf(await desk(new Request(url)))).toEqual([403, 'not_admitted']);
    const approval = await approvedBy(pending.action);
    expect(await codeOf(await send(approval))).toEqual([403, 'not_admitted']);
    expect(await approvals()).toBe(0);
    expect((await send(approval, { authorization: 'Bearer approver' })).status).toBe(201);
    expect(await approvals()).toBe(1);
  });
});

describe('looking approves nothing (P13)', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])('with %s', async (method) => {
    const { desk, url, pending, approvals } = await scene();
    const approval = await approvedBy(pending.action);
    for (const to of [url, `${url}?approve=${approval}`, `${url}/approve`])
      await desk(new Request(to, { method }));
    expect(await approvals()).toBe(0);
  });

  test.each<[string, string]>([
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form with files', 'multipart/form-data; boundary=x'],
    ['text', 'text/plain'],
    ['JSON', 'application/json'],
    ['a type with parameters', 'application/jose; charset=utf-8'],
    ['an approval by its older type', 'application/jwt'],
  ])('and neither does %s that is posted', async (_what, type) => {
    const { send, pending, approvals } = await scene();
    const approval = await approvedBy(pending.action);
    expect(await codeOf(await send(approval, { 'content-type': type }))).toEqual([
      415,
      'content_type_unsupported',
    ]);
    expect(await approvals()).toBe(0);
    expect((await send(approval)).status).toBe(201);
  });
});

describe('the desk takes in', () => {
  test('an approval, and says whose it was', async () => {
    const { send, pending, approvals } = await scene();
    const response = await send(await approvedBy(pending.action));
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({
      accepted: { group: 'finance', approver: 'Ada', expiresAt: NOW + 900 },
    });
    expect(await approvals()).toBe(1);
  });

  test.each<[string, (action: ApprovalAction) => Promise<string>, number, string]>([
    ['a click', async () => 'approve', 401, 'approval_malformed'],
    [
      'an elicitation answer (V15)',
      async () => '{"action":"accept","content":{"approve":true}}',
      401,
      'approval_malformed',
    ],
    ['a proof', async () => present().pop, 401, 'approval_malformed'],
    ['nothing', async () => '', 401, 'approval_malformed'],
    [
      'an approval by somebody else',
      (action) => approvedBy(action, testKey('mallory')),
      403,
      'approval_approver_unknown',
    ],
    [
      'one for other arguments',
      (action) => approvedBy({ ...action, arguments: {} }),
      403,
      'approval_action_mismatch',
    ],
    [
      'one that was changed',
      async (action) => (await approvedBy(action)).slice(0, -8),
      401,
      'approval_signature_invalid',
    ],
  ])('not %s', async (_what, make, status, code) => {
    const { send, pending, approvals } = await scene();
    expect(await codeOf(await send(await make(pending.action)))).toEqual([status, code]);
    expect(await approvals()).toBe(0);
    expect((await send(await approvedBy(pending.action))).status).toBe(201);
  });

  test('not an approval of an action that is pending at another address', async () => {
    const { inbox, send, pending, approvals } = await scene();
    const other = await inbox.open(pendingWith({ nonce: 'm'.repeat(22), tool: 'refund' }), NOW);
    const approval = await approvedBy(other.action);
    expect(await codeOf(await send(approval))).toEqual([403, 'approval_action_mismatch']);
    expect((await inbox.look(other.action.nonce, NOW))?.approvals).toEqual([]);
    expect((await send(approval, {}, approvalUrl(DESK)(other))).status).toBe(201);
    expect(await approvals()).toBe(0);
    expect(await approvedBy(pending.action)).not.toBe(approval);
  });

  test('no approver twice', async () => {
    const { send, pending } = await scene();
    const approval = await approvedBy(pending.action);
    expect((await send(approval)).status).toBe(201);
    expect(await codeOf(await send(approval))).toEqual([403, 'approval_repeated']);
    expect((await send(await approvedBy(pending.action, grace))).status).toBe(201);
  });

  test('no body beyond 4096 bytes, and reads no more of it', async () => {
    const { desk, url } = await scene();
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024).fill(0x61));
      },
    });
    const headers = { 'content-type': 'application/jose' };
    const init = { method: 'POST', headers, body, duplex: 'half' };
    const request = new Request(url, init as RequestInit);
    expect(await codeOf(await desk(request))).toEqual([413, 'approval_malformed']);
    expect(pulled).toBeLessThan(10);
  });

  test('no compressed body', async () => {
    const { send, pending } = await scene();
    const encoded = await send(await approvedBy(pending.action), { 'content-encoding': 'gzip' });
    expect(await codeOf(encoded)).toEqual([415, 'content_encoding_unsupported']);
  });

  test('only so many submissions for one action, whoever sends them (P15)', async () => {
    const { send, pending, inbox } = await scene({ submissionsPerAction: 3 });
    for (let sent = 0; sent < 3; sent += 1) expect((await send('no')).status).toBe(401);
    const refused = await send(await approvedBy(pending.action));
    expect(refused.headers.get('retry-after')).toBe('900');
    expect(await codeOf(refused)).toEqual([429, 'too_many_submissions']);
    const other = await inbox.open(pendingWith({ nonce: 'm'.repeat(22), tool: 'refund' }), NOW);
    const approval = await approvedBy(other.action);
    expect((await send(approval, {}, approvalUrl(DESK)(other))).status).toBe(201);
  });
});

describe('when something fails, the desk', () => {
  test.each<[string, Partial<ApprovalDeskOptions>, string]>([
    [
      'its store',
      {
        inbox: {
          ...source(),
          look: () => {
            throw new Error('/var/lib/secret');
          },
        },
      },
      'approval_source_unavailable',
    ],
    ['its clock', { clock: { now: () => Number.NaN } }, 'clock_unavailable'],
    [
      'the operator’s check',
      { admits: () => Promise.reject(new Error('/var/lib/secret')) },
      'approval_source_unavailable',
    ],
  ])('refuses without a word of %s', async (_what, options, code) => {
    const { desk, url } = await scene(options);
    const response = await desk(new Request(url));
    const text = await response.clone().text();
    expect(text).not.toContain('secret');
    expect(await codeOf(response)).toEqual([503, code]);
  });

  test('says nothing of the arguments in any refusal (T02)', async () => {
    const { send, pending, desk, url } = await scene();
    const refusals = [
      await send('approve'),
      await send(await approvedBy({ ...pending.action, arguments: { card: SECRET } })),
      await send(await approvedBy(pending.action), { 'content-type': 'text/plain' }),
      await desk(new Request(`${url}/x`)),
      await send((await approvedBy(pending.action)).slice(0, -8)),
    ];
    for (const refusal of refusals) {
      expect(refusal.status).toBeGreaterThanOrEqual(400);
      expect(await refusal.text()).not.toMatch(/4929|amount|120\.00|eyJ/);
    }
  });
});

describe('the address of the desk is the operator’s (W08)', () => {
  test.each([
    'http://tools.example.com/approvals',
    'https://user@tools.example.com/approvals',
    'https://tools.example.com/approvals?next=',
    'https://tools.example.com/approvals#x',
    'javascript:alert(1)',
    '/approvals',
  ])('and not %s', (desk) => {
    expect(() => approvalUrl(desk)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });

  test('with the nonce of the action behind it, and nothing of what the agent chose', async () => {
    const pending = pendingWith({ tool: '../../x?y' });
    expect(approvalUrl(`${DESK}/`)(pending)).toBe(`${DESK}/${'n'.repeat(22)}`);
    expect(approvalUrl('http://127.0.0.1:8080/a')(pending)).toMatch(
      /^http:\/\/127\.0\.0\.1:8080\/a\//,
    );
  });
});

describe('over a real socket', () => {
  test('an approver fetches the action, signs it, and sends the approval', async () => {
    const { desk, pending, approvals } = await scene();
    const server = await listen(desk);
    try {
      const { port } = server.address() as AddressInfo;
      const url = approvalUrl(`http://127.0.0.1:${port}/approvals`)(pending);
      const request = parseApprovalRequest(await (await fetch(url)).text());
      const body = await approvedBy((request as PendingAction).action);
      const headers = { 'content-type': 'application/jose' };
      const sent = await fetch(url, { method: 'POST', body, headers });
      expect(sent.status).toBe(201);
      expect(await approvals()).toBe(1);
    } finally {
      server.close();
    }
  });
});

/** Serves a fetch-style handler. */
function listen(handle: (request: Request) => Promise<Response>): Promise<Server> {
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
    const { method = 'GET', headers, url } = incoming;
    const init = { method, headers: headers as Record<string, string> };
    const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {};
    const answer = await handle(new Request(`http://${headers.host}${url}`, { ...init, ...body }));
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    outgoing.end(await answer.text());
  };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

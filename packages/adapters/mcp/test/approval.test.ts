import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer } from '@modelcontextprotocol/server';
import { type ApprovalAction, approve, type JsonObject } from '@taper/core';
import { createEnforcementPoint, createMemoryApprovalSource } from '@taper/enforce';
import {
  createPresenter,
  deniedCall,
  type GuardOptions,
  guardTools,
  PRESENTATION_KEY,
} from '@taper/mcp';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agent, anchors, createChain, createParty, newId, now } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { connectHttp, type Revision, serveFactory } from './links.ts';

// A call that needs approval: what the caller is told, what its person is shown, and what counts.

const URL_OF_DESK = 'https://approvals.example/pending';
const REFUND = { order: 'A-1', amount: '25.00' };
const ada = createParty();
const groups = { finance: [{ name: 'Ada', key: ada.publicKey }] };

const approvedBy = (action: ApprovalAction, party = ada): Promise<string> =>
  approve({ action, group: 'finance', signer: party.signer, now: now(), id: newId() });

function createDesk(options: GuardOptions = { approvalUrl: () => URL_OF_DESK }) {
  const ran: unknown[] = [];
  const source = createMemoryApprovalSource({ groups });
  const point = createEnforcementPoint({ audience: AUDIENCE, anchors, approvals: source });
  const create = (): McpServer => {
    const server = new McpServer({ name: 'desk', version: '1.0.0' });
    server.registerTool('refund', { inputSchema: z.looseObject({}) }, (args) => {
      ran.push(args);
      return { content: [] };
    });
    return guardTools(server, point, options);
  };
  return { ran, source, create };
}

const newPresenter = async () =>
  createPresenter({
    chain: await createChain({ caveats: { approvals: { refund: { finance: 1 } } } }),
    signer: agent.signer,
    audience: AUDIENCE,
  });

async function connect(server: McpServer, client: Client): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  await client.connect(near);
  return client;
}

const plain = (): Client => new Client({ name: 'plain', version: '1.0.0' });

/** A client whose person is shown URLs, and answers each with the same. */
function showing(answer: object, revision?: Revision) {
  const shown: unknown[] = [];
  const client = new Client(
    { name: 'showing', version: '1.0.0' },
    {
      capabilities: { elicitation: { url: {} } },
      ...(revision === '2026-07-28' ? { versionNegotiation: { mode: 'auto' as const } } : {}),
    },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    shown.push(params);
    return answer as never;
  });
  return { client, shown };
}

describe('a call that needs approval', () => {
  test('is answered with the exact action, what is missing, and where to approve', async () => {
    const { create, ran } = createDesk();
    const client = await connect(create(), plain());
    const presenter = await newPresenter();
    const result = await presenter.callTool(client, { name: 'refund', arguments: REFUND });
    expect(result.isError).toBe(true);
    expect(deniedCall(result)).toMatchObject({
      code: 'approval_required',
      approval: {
        action: { tool: 'refund', arguments: REFUND, enforcementPoint: AUDIENCE },
        missing: [{ group: 'finance', count: 1 }],
        url: URL_OF_DESK,
      },
    });
    const action = deniedCall(result)?.approval?.action;
    expect(action?.expiresAt).toBeGreaterThan(now());
    expect(action?.nonce).toMatch(/^[\w-]{22,}$/);
    expect(JSON.stringify(result.content)).toContain(URL_OF_DESK);
    expect(JSON.stringify(result)).not.toContain('eyJ');
    expect(ran).toEqual([]);
  });

  test('runs once with an approval that the agent carries, and asks anew the next time', async () => {
    const { create, ran } = createDesk();
    const client = await connect(create(), plain());
    const presenter = await newPresenter();
    const call = { name: 'refund', arguments: REFUND };
    const first = deniedCall(await presenter.callTool(client, call));
    const approvals = [await approvedBy(first?.approval?.action as ApprovalAction)];
    expect(deniedCall(await presenter.callTool(client, { ...call, approvals }))).toBeUndefined();
    expect(ran).toEqual([REFUND]);
    const again = deniedCall(await presenter.callTool(client, { ...call, approvals }));
    expect(again?.code).toMatch(/^approval_/);
    expect(ran).toHaveLength(1);
  });

  test('runs when the approval came in elsewhere, with a fresh proof', async () => {
    const { create, ran, source } = createDesk();
    const client = await connect(create(), plain());
    const presenter = await newPresenter();
    const call = { name: 'refund', arguments: REFUND };
    const first = deniedCall(await presenter.callTool(client, call));
    await source.submit(await approvedBy(first?.approval?.action as ApprovalAction), now());
    expect(deniedCall(await presenter.callTool(client, call))).toBeUndefined();
    expect(ran).toEqual([REFUND]);
  });

  test.each<[string, GuardOptions]>([
    ['none is given', {}],
    ['it is no URL', { approvalUrl: () => 'here' }],
    ['it is no URL of the web', { approvalUrl: () => 'javascript:alert(1)' }],
    [
      'making it fails',
      {
        approvalUrl: () => {
          throw new Error('no');
        },
      },
    ],
  ])('names no place when %s', async (_what, options) => {
    const { create } = createDesk(options);
    const { client, shown } = showing({ action: 'accept' });
    await connect(create(), client);
    const presenter = await newPresenter();
    const result = await presenter.callTool(client, { name: 'refund', arguments: REFUND });
    expect(deniedCall(result)).toMatchObject({ code: 'approval_required' });
    expect(deniedCall(result)?.approval?.url).toBeUndefined();
    expect(shown).toEqual([]);
  });
});

describe('V15 elicitation is the notification, never the approval', () => {
  const answers: [string, object][] = [
    ['accept', { action: 'accept' }],
    ['accept with content', { action: 'accept', content: { approved: true } }],
    ['decline', { action: 'decline' }],
    ['cancel', { action: 'cancel' }],
  ];

  test.each(answers)(
    'before 2026: shows the URL once, and %s approves nothing',
    async (_a, answer) => {
      const { create, ran } = createDesk();
      const { client, shown } = showing(answer);
      await connect(create(), client);
      const presenter = await newPresenter();
      const result = await presenter.callTool(client, { name: 'refund', arguments: REFUND });
      expect(deniedCall(result)?.code).toBe('approval_required');
      await expect.poll(() => shown).toMatchObject([{ mode: 'url', url: URL_OF_DESK }]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([ran, shown.length]).toEqual([[], 1]);
    },
  );

  test.each(answers)(
    '2026-07-28: shows the URL once, and %s approves nothing',
    async (_a, answer) => {
      const { create, ran } = createDesk();
      const desk = await serveFactory(create);
      const { client, shown } = showing(answer, '2026-07-28');
      await connectHttp(client, desk.url);
      const presenter = await newPresenter();
      const result = await presenter.callTool(client, { name: 'refund', arguments: REFUND });
      expect(deniedCall(result)).toMatchObject({
        code: 'approval_required',
        approval: { url: URL_OF_DESK },
      });
      expect(shown).toMatchObject([{ mode: 'url', url: URL_OF_DESK }]);
      expect(ran).toEqual([]);
      await client.close();
      await desk.close();
    },
  );

  test('2026-07-28: the call that comes back runs when it was approved meanwhile, by a signature', async () => {
    const { create, ran, source } = createDesk();
    const desk = await serveFactory(create);
    const { client } = showing({ action: 'decline' }, '2026-07-28');
    client.setRequestHandler('elicitation/create', async () => {
      const [pending] = await source.pending(now());
      await source.submit(await approvedBy(pending?.action as ApprovalAction), now());
      return { action: 'decline' }; // what is answered here counts for nothing, either way
    });
    await connectHttp(client, desk.url);
    const presenter = await newPresenter();
    const result = await presenter.callTool(client, { name: 'refund', arguments: REFUND });
    expect(deniedCall(result)).toBeUndefined();
    expect(ran).toEqual([REFUND]);
    await client.close();
    await desk.close();
  });

  test.each<[string, JsonObject]>([
    ['an answer to something else', { other: { action: 'accept' } }],
    ['answers beside it', { 'dev.taper/approval': { action: 'accept' }, other: {} }],
    ['no answer', {}],
  ])('a call with %s is refused: no proof covers it', async (_what, inputResponses) => {
    const { create, ran } = createDesk();
    const client = await connect(create(), plain());
    const presenter = await newPresenter();
    const meta = await presenter.metaFor('refund', REFUND);
    const params = { name: 'refund', arguments: REFUND, _meta: meta, inputResponses };
    const result = await client.request(
      { method: 'tools/call', params } as never,
      z.looseObject({}),
    );
    expect(deniedCall(result as object)).toMatchObject({
      code: 'argument_unexpected',
      argument: 'inputResponses',
    });
    expect(ran).toEqual([]);
  });

  test('an answer that nobody asked for does not get a call past anything', async () => {
    const { create, ran } = createDesk();
    const client = await connect(create(), plain());
    const presenter = await newPresenter();
    const params = {
      name: 'refund',
      arguments: REFUND,
      _meta: await presenter.metaFor('refund', REFUND),
      inputResponses: { 'dev.taper/approval': { action: 'accept', content: { approved: true } } },
    };
    const result = await client.request(
      { method: 'tools/call', params } as never,
      z.looseObject({}),
    );
    expect(deniedCall(result as object)?.code).toBe('approval_required');
    expect(ran).toEqual([]);
    expect(Object.keys(params._meta)).toEqual([PRESENTATION_KEY]);
  });
});

test('V16 an agent that is asked for approval calls once: nothing here tries again by itself', async () => {
  const { create } = createDesk();
  const server = create();
  const client = await connect(server, plain());
  let calls = 0;
  const request = client.request.bind(client);
  client.request = ((...given: Parameters<typeof request>) => {
    calls += 1;
    return request(...given);
  }) as typeof client.request;
  const presenter = await newPresenter();
  await presenter.callTool(client, { name: 'refund', arguments: REFUND });
  expect(calls).toBe(1);
});

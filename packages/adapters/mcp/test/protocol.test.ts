import { request as send } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer } from '@modelcontextprotocol/server';
import type { JsonObject } from '@taper/core';
import { createPresenter, deniedCall, guardTools, PRESENTATION_KEY } from '@taper/mcp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agent, createChain, present } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { createPoint, type HttpDesk, serveHttp } from './links.ts';

// Rows of the attack catalogue that come with the protocol and its transports, over real sockets.

const REFUND = { order: 'A-1', amount: '25.00' };
const REVISION = '2026-07-28';

let desk: HttpDesk;
beforeAll(async () => {
  desk = await serveHttp();
});
afterAll(() => desk.close());
beforeEach(() => {
  desk.executions.length = 0;
});

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** A request with exactly these headers, `Host` included. */
function post(body: unknown, headers: { readonly [name: string]: string } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = send(desk.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

/** A call of revision 2026-07-28, with its envelope. */
async function modernCall(tool: string, args: JsonObject, presentation?: unknown): Promise<object> {
  return {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: tool,
      arguments: args,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': REVISION,
        'io.modelcontextprotocol/clientCapabilities': {},
        ...(presentation === undefined ? {} : { [PRESENTATION_KEY]: presentation }),
      },
    },
  };
}

const modernHeaders = (method: string, name: string) => ({
  'mcp-protocol-version': REVISION,
  'mcp-method': method,
  'mcp-name': name,
});

describe('L08 headers that say something else than the body', () => {
  test.each([
    ['the method', 'tools/list', 'refund'],
    ['the name', 'tools/call', 'loose'],
    ['both', 'resources/read', 'desk://secret'],
  ])(
    'refuse the request when they disagree in %s, and keep the proof',
    async (_what, method, name) => {
      const presentation = await present(await createChain(), 'refund', REFUND);
      const body = await modernCall('refund', REFUND, presentation);
      const { status } = await post(body, modernHeaders(method, name));
      expect(status).toBe(400);
      expect(desk.executions).toEqual([]);
      const { status: honest } = await post(body, modernHeaders('tools/call', 'refund'));
      expect(honest).toBe(200);
      expect(desk.executions).toHaveLength(1);
    },
  );

  test('count for nothing where the revision has no such headers: the body is judged', async () => {
    const { _meta, ...params } = {
      name: 'refund',
      arguments: REFUND,
      _meta: { [PRESENTATION_KEY]: await present(await createChain(), 'bare', {}) },
    };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, _meta } };
    const { text } = await post(body, { 'mcp-method': 'tools/call', 'mcp-name': 'bare' });
    expect(text).toContain('proof_tool_mismatch');
    expect(desk.executions).toEqual([]);
  });
});

describe('V11 no revision of the protocol is a way around the guard', () => {
  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', 'none', '1999-01-01'])(
    'with the revision %s in the header',
    async (revision) => {
      const headers = revision === 'none' ? {} : { 'mcp-protocol-version': revision };
      const params = { name: 'refund', arguments: REFUND };
      const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
      const { status, text } = await post(call, headers as { [name: string]: string });
      if (status !== 400) expect(text).toContain('presentation_missing');
      expect(desk.executions).toEqual([]);
    },
  );

  test.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'negotiated by the client: %s',
    async (revision) => {
      const client = new Client(
        { name: 'old', version: '1.0.0' },
        { supportedProtocolVersions: [revision] },
      );
      await client.connect(new StreamableHTTPClientTransport(desk.url));
      expect(client.getNegotiatedProtocolVersion()).toBe(revision);
      const denied = deniedCall(await client.callTool({ name: 'refund', arguments: REFUND }));
      expect(denied?.code).toBe('presentation_missing');
      const _meta = { [PRESENTATION_KEY]: await present(await createChain(), 'refund', REFUND) };
      const result = await client.callTool({ name: 'refund', arguments: REFUND, _meta });
      expect(deniedCall(result)).toBeUndefined();
      expect(desk.executions).toHaveLength(1);
      await client.close();
    },
  );
});

describe('V07 DNS rebinding', () => {
  test.each<[string, { readonly [name: string]: string }]>([
    ['Host', { host: 'attacker.example' }],
    ['Host with a port', { host: 'attacker.example:80' }],
    ['Origin', { origin: 'https://attacker.example' }],
    ['opaque Origin', { origin: 'null' }],
  ])('a request with a foreign %s reaches neither guard nor tool', async (_which, headers) => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const body = await modernCall('refund', REFUND, presentation);
    const all = { ...modernHeaders('tools/call', 'refund'), ...headers };
    expect((await post(body, all)).status).toBe(403);
    expect(desk.executions).toEqual([]);
    // the proof is still good: nobody saw it
    expect((await post(body, modernHeaders('tools/call', 'refund'))).status).toBe(200);
    expect(desk.executions).toHaveLength(1);
  });
});

describe('V08 L13 who asks is said by the chain alone', () => {
  test.each<[string, { readonly [name: string]: string }]>([
    ['a session id', { 'mcp-session-id': '00000000-0000-4000-8000-000000000000' }],
    ['a bearer token', { authorization: 'Bearer anything' }],
    ['a cookie', { cookie: 'session=1' }],
    ['nothing', {}],
  ])('%s is no authority', async (_what, headers) => {
    const body = await modernCall('refund', REFUND);
    const { text } = await post(body, { ...modernHeaders('tools/call', 'refund'), ...headers });
    expect(text).toContain('presentation_missing');
    expect(desk.executions).toEqual([]);
  });
});

test('V08 a session is the enforcement point’s to know: what names one is judged there, and one that it does not know runs nothing', async () => {
  const session = { taper_session: 'A'.repeat(22), taper_sequence: 1, taper_mac: 'A'.repeat(43) };
  const { text } = await post(
    await modernCall('refund', REFUND, session),
    modernHeaders('tools/call', 'refund'),
  );
  expect(text).toContain('session_unknown');
  expect(desk.executions).toEqual([]);
});

test('V09 clients that use the same ids at the same time each get the answer to their own call', async () => {
  const chain = await createChain({ tools: { loose: {} } });
  const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
  const server = () => {
    const made = guardTools(new McpServer({ name: 'echo', version: '1.0.0' }), createPoint());
    made.registerTool('loose', { inputSchema: z.looseObject({}) }, async (args) => {
      await new Promise((resolve) => setTimeout(resolve, Number(args['wait'])));
      return { content: [{ type: 'text', text: String(args['who']) }] };
    });
    return made;
  };
  const one = server();
  const answers = await Promise.all(
    [30, 20, 10, 0].map(async (wait, who) => {
      const [near, far] = InMemoryTransport.createLinkedPair();
      await (who === 0 ? one : server()).connect(far);
      const client = new Client({ name: 'c', version: '1.0.0' });
      await client.connect(near);
      const call = { name: 'loose', arguments: { wait, who } };
      const listed = presenter.listTools(client);
      const result = await presenter.callTool(client, call);
      expect((await listed).map(({ name }) => name)).toEqual(['loose']);
      await client.close();
      return (result.content[0] as { text: string }).text;
    }),
  );
  expect(answers).toEqual(['0', '1', '2', '3']);
});

describe('V14 tasks', () => {
  test.each(['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel', 'tasks/update'])(
    '%s is nobody’s to call',
    async (method) => {
      const body = { jsonrpc: '2.0', id: 1, method, params: { taskId: 'task-of-another' } };
      expect((await post(body)).text).toContain('-32601');
    },
  );

  test('a call does not say whose task its answer belongs to', async () => {
    const seen: unknown[] = [];
    const server = guardTools(new McpServer({ name: 'tasks', version: '1.0.0' }), createPoint());
    server.registerTool('loose', { inputSchema: z.looseObject({}) }, (_args, { mcpReq }) => {
      seen.push(mcpReq._meta);
      return { content: [] };
    });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const client = new Client({ name: 'c', version: '1.0.0' });
    await client.connect(near);
    const chain = await createChain();
    const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
    const _meta = { 'io.modelcontextprotocol/related-task': { taskId: 'of-another' }, kept: 1 };
    await presenter.callTool(client, { name: 'loose', _meta });
    expect(seen).toEqual([{ kept: 1 }]);
    await client.close();
  });
});

test('V12 L11 presentations in headers, beside _meta, or under another name are not looked at', async () => {
  const presentation = await present(await createChain(), 'refund', REFUND);
  const text = JSON.stringify(presentation);
  const honest = await modernCall('refund', REFUND);
  const headers = {
    ...modernHeaders('tools/call', 'refund'),
    [PRESENTATION_KEY.replace('/', '-')]: text,
    authorization: `Bearer ${text}`,
  };
  expect((await post(honest, headers)).text).toContain('presentation_missing');
  const other = await present(await createChain(), 'bare', {});
  const both = await modernCall('refund', REFUND, other);
  expect((await post(both, headers)).text).toContain('proof_tool_mismatch');
  expect(desk.executions).toEqual([]);
});

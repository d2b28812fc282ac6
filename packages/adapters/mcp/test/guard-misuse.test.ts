import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer, Server } from '@modelcontextprotocol/server';
import { TaperError } from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import { deniedCall, guardTools, PRESENTATION_KEY } from '@taper/mcp';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createChain, present } from './agents.ts';
import { createPoint } from './links.ts';

const newServer = (): McpServer => new McpServer({ name: 'test', version: '1.0.0' });
const ARGS = { order: 'A-1' };

async function connect(server: McpServer | Server): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(near);
  return client;
}

const invalidOption = (): unknown =>
  expect.objectContaining({ name: 'TaperError', code: 'option_invalid' });

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a guard that could leave a gap is refused', () => {
  test('on a server that is connected already', async () => {
    const server = newServer();
    const client = await connect(server);
    expect(thrownBy(() => guardTools(server, createPoint()))).toEqual(invalidOption());
    await client.close();
  });

  test('a second time', () => {
    const server = newServer();
    expect(guardTools(server, createPoint())).toBe(server);
    expect(thrownBy(() => guardTools(server, createPoint()))).toEqual(invalidOption());
    expect(thrownBy(() => guardTools(server.server, createPoint()))).toEqual(invalidOption());
  });

  test('with tools/call open', () => {
    expect(
      thrownBy(() => guardTools(newServer(), createPoint(), { open: ['tools/call'] })),
    ).toEqual(invalidOption());
  });

  test('without an enforcement point', () => {
    const missing = undefined as unknown as EnforcementPoint;
    expect(thrownBy(() => guardTools(newServer(), missing))).toEqual(invalidOption());
  });

  test('on an SDK that runs tools in another way', () => {
    const server = newServer();
    Object.defineProperty(server, 'executeToolHandler', { value: undefined });
    const thrown = thrownBy(() => guardTools(server, createPoint()));
    expect(thrown).toBeInstanceOf(TaperError);
    expect(thrown).toEqual(invalidOption());
  });
});

describe('L04 no way around the guard', () => {
  test('a tools/call handler of your own, on a low-level server, is guarded', async () => {
    const ran: unknown[] = [];
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
    const handler = (request: { params: { arguments?: unknown } }) => {
      ran.push(request.params.arguments);
      return { content: [] };
    };
    server.setRequestHandler('tools/call', handler);
    guardTools(server, createPoint());
    const client = await connect(server);
    const denied = await client.callTool({ name: 'late', arguments: ARGS });
    expect(deniedCall(denied)?.code).toBe('presentation_missing');
    expect(ran).toEqual([]);
    const presentation = await present(await createChain(), 'late', ARGS);
    const _meta = { [PRESENTATION_KEY]: presentation };
    await client.callTool({ name: 'late', arguments: ARGS, _meta });
    expect(ran).toEqual([ARGS]);
    await client.close();
  });

  test('a tools/call handler that replaces the one of McpServer is guarded', async () => {
    let runs = 0;
    const server = guardTools(newServer(), createPoint());
    server.registerTool('late', {}, () => ({ content: [] }));
    server.server.setRequestHandler('tools/call', () => {
      runs += 1;
      return { content: [] };
    });
    const client = await connect(server);
    const denied = await client.callTool({ name: 'late' });
    expect(deniedCall(denied)?.code).toBe('presentation_missing');
    expect(runs).toBe(0);
    await client.close();
  });

  test('a tool that is run without a permit, by whatever path, does not run', async () => {
    let runs = 0;
    const server = guardTools(newServer(), createPoint());
    const tool = server.registerTool('late', {}, () => {
      runs += 1;
      return { content: [] };
    });
    const result = (await server['executeToolHandler'](
      tool,
      undefined as never,
      {} as never,
    )) as object;
    expect(deniedCall(result)?.code).toBe('presentation_missing');
    expect(runs).toBe(0);
  });

  test('a permit for one server does not run a tool of another', async () => {
    let runs = 0;
    const inner = guardTools(newServer(), createPoint());
    const tool = inner.registerTool('late', {}, () => {
      runs += 1;
      return { content: [] };
    });
    const outer = guardTools(newServer(), createPoint());
    outer.registerTool(
      'late',
      { inputSchema: z.object({ order: z.string() }) },
      async () =>
        (await inner['executeToolHandler'](tool, undefined as never, {} as never)) as {
          content: [];
        },
    );
    const client = await connect(outer);
    const _meta = { [PRESENTATION_KEY]: await present(await createChain(), 'late', ARGS) };
    const result = await client.callTool({ name: 'late', arguments: ARGS, _meta });
    expect(deniedCall(result)?.code).toBe('presentation_missing');
    expect(runs).toBe(0);
    await client.close();
  });

  test('the presentation does not reach the tool', async () => {
    const seen: unknown[] = [];
    const server = guardTools(newServer(), createPoint());
    server.registerTool('late', { inputSchema: z.object({ order: z.string() }) }, (_, context) => {
      seen.push(context.mcpReq._meta);
      return { content: [] };
    });
    const client = await connect(server);
    const _meta = {
      [PRESENTATION_KEY]: await present(await createChain(), 'late', ARGS),
      'org.example/trace': 'kept',
    };
    await client.callTool({ name: 'late', arguments: ARGS, _meta });
    expect(seen).toEqual([{ 'org.example/trace': 'kept' }]);
    await client.close();
  });
});

describe('an enforcement point that breaks its promise denies', () => {
  const broken: readonly [string, () => unknown][] = [
    ['rejects', () => Promise.reject(new Error('secret detail'))],
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
    ],
    ['answers nothing', () => undefined],
    ['answers true', () => true],
    ['answers an unknown verdict', () => ({ verdict: 'approval_required' })],
    ['denies with an unknown code', () => ({ verdict: 'deny', denial: { code: 'x', facts: {} } })],
  ];
  test.each(broken)('when it %s', async (_, authorize) => {
    let runs = 0;
    const point = { ...createPoint(), authorize } as unknown as EnforcementPoint;
    const server = guardTools(newServer(), point);
    server.registerTool('late', {}, () => {
      runs += 1;
      return { content: [] };
    });
    const client = await connect(server);
    const result = await client.callTool({ name: 'late' });
    expect(deniedCall(result)?.code).toBe('internal_error');
    expect(JSON.stringify(result)).not.toContain('secret detail');
    expect(runs).toBe(0);
    await client.close();
  });
});

describe('messages that only a broken transport would deliver', () => {
  const lowLevel = () => {
    const ran: string[] = [];
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/call', () => {
      ran.push('tools/call');
      return { content: [] };
    });
    server.fallbackRequestHandler = async ({ method }) => {
      ran.push(method);
      return {};
    };
    server.fallbackNotificationHandler = async ({ method }) => {
      ran.push(method);
    };
    return { server: guardTools(server, createPoint()), ran };
  };

  async function deliver(server: Server, message: object): Promise<unknown> {
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const answers: unknown[] = [];
    near.onmessage = (answer) => answers.push(answer);
    await near.start();
    await near.send(message as never);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await near.close();
    return answers[0];
  }

  test('L07 a notification of a vendor, or one named tools/call, reaches no handler', async () => {
    for (const method of ['tools/call', 'vendor/run']) {
      const { server, ran } = lowLevel();
      await deliver(server, { jsonrpc: '2.0', method, params: { name: 'late', arguments: ARGS } });
      expect(ran).toEqual([]);
    }
    const { server, ran } = lowLevel();
    await deliver(server, { jsonrpc: '2.0', method: 'notifications/vendor' });
    expect(ran).toEqual(['notifications/vendor']);
  });

  test('L07 a request of a vendor does not reach the handler for all that has none', async () => {
    const { server, ran } = lowLevel();
    const answer = await deliver(server, { jsonrpc: '2.0', id: 1, method: 'vendor/run' });
    expect(answer).toMatchObject({ error: { code: -32601 } });
    expect(ran).toEqual([]);
  });

  test('V12 a presentation that is inherited, and not a member of _meta, is not seen', async () => {
    const { server, ran } = lowLevel();
    const presentation = await present(await createChain(), 'late', ARGS);
    const _meta = Object.create({ [PRESENTATION_KEY]: presentation });
    const params = { name: 'late', arguments: ARGS, _meta };
    const answer = await deliver(server, { jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const { result } = answer as { result: object };
    expect(deniedCall(result)?.code).toBe('presentation_missing');
    expect(ran).toEqual([]);
  });
});

test('a message that changes while it is judged runs as it was judged', async () => {
  const seen: unknown[] = [];
  const real = createPoint();
  const message = {
    jsonrpc: '2.0' as const,
    id: 1,
    method: 'tools/call',
    params: {
      name: 'late',
      arguments: { ...ARGS },
      _meta: { [PRESENTATION_KEY]: await present(await createChain(), 'late', ARGS) },
    },
  };
  const point: EnforcementPoint = {
    ...real,
    async authorize(...call) {
      const decision = await real.authorize(...call);
      message.params.name = 'other';
      message.params.arguments = { order: 'A-2' };
      return decision;
    },
  };
  const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/call', ({ params }) => {
    seen.push([params.name, params.arguments]);
    return { content: [] };
  });
  guardTools(server, point);
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const answered = new Promise((resolve) => {
    near.onmessage = resolve;
  });
  await near.start();
  await near.send(message);
  await answered;
  expect(seen).toEqual([['late', ARGS]]);
  await near.close();
});

test('a call whose caller has gone before the decision does not run', async () => {
  let runs = 0;
  let decide = (): void => {};
  const asked = Promise.withResolvers<void>();
  const real = createPoint();
  const point: EnforcementPoint = {
    ...real,
    async authorize(...call) {
      const decided = new Promise<void>((resolve) => {
        decide = resolve;
      });
      asked.resolve();
      await decided;
      return real.authorize(...call);
    },
  };
  const server = guardTools(newServer(), point);
  server.registerTool('late', { inputSchema: z.object({ order: z.string() }) }, () => {
    runs += 1;
    return { content: [] };
  });
  const client = await connect(server);
  const _meta = { [PRESENTATION_KEY]: await present(await createChain(), 'late', ARGS) };
  const call = client.callTool({ name: 'late', arguments: ARGS, _meta });
  await asked.promise;
  await client.close();
  await expect(call).rejects.toThrow();
  decide();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(runs).toBe(0);
});

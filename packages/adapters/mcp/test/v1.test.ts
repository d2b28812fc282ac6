import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '@taper/core';
import * as v2 from '@taper/mcp';
import {
  createPresenter,
  definitionsOf,
  deniedCall,
  guardTools,
  PRESENTATION_KEY,
} from '@taper/mcp/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agent, createChain, present, proofByHand, thief } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { createPoint } from './links.ts';
import { openV1Http, openV1Stdio, type V1Link } from './v1-links.ts';

// The same guard in front of version 1 of the SDK, called by its client.

const REFUND = { order: 'A-1', amount: '25.00' };

const links: readonly [string, () => Promise<V1Link>][] = [
  ['Streamable HTTP', () => openV1Http()],
  ['stdio', openV1Stdio],
];

describe.each(links)('version 1 over %s', (_, open) => {
  let link: V1Link;
  beforeAll(async () => {
    link = await open();
  });
  afterAll(() => link.close());

  async function call(tool: string, args: JsonObject, presentation?: unknown) {
    const before = link.executions().length;
    const result = await link.client.callTool({
      name: tool,
      arguments: args,
      ...(presentation === undefined ? {} : { _meta: { [PRESENTATION_KEY]: presentation } }),
    });
    return { code: deniedCall(result)?.code ?? 'ran', ran: link.executions().slice(before) };
  }

  test('runs a tool that the chain allows, once, with the arguments that were judged, frozen', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const { code, ran } = await call('refund', REFUND, presentation);
    const holder = agent.publicKey.thumbprint;
    expect([code, ran]).toEqual(['ran', [{ tool: 'refund', args: REFUND, frozen: true, holder }]]);
    expect(await call('refund', REFUND, presentation)).toEqual({ code: 'proof_replayed', ran: [] });
  });

  test.each<[string, string, JsonObject, () => Promise<unknown>, string]>([
    ['no presentation', 'refund', REFUND, async () => undefined, 'presentation_missing'],
    [
      'a tool that came after the guard',
      'late',
      { order: 'A-1' },
      async () => undefined,
      'presentation_missing',
    ],
    [
      'a stolen chain',
      'refund',
      REFUND,
      async () => proofByHand(await createChain(), thief.privateKey, 'refund', REFUND),
      'signature_invalid',
    ],
    [
      'other arguments',
      'refund',
      { ...REFUND, amount: '24.00' },
      async () => present(await createChain({ tools: { refund: {} } }), 'refund', REFUND),
      'proof_arguments_mismatch',
    ],
    [
      'K09 a value that the schema changes',
      'coerced',
      { count: '5' },
      async () => present(await createChain(), 'coerced', { count: '5' }),
      'argument_refused',
    ],
    [
      'K07 arguments for a tool that takes none',
      'bare',
      { x: 1 },
      async () => present(await createChain(), 'bare', { x: 1 }),
      'argument_unexpected',
    ],
  ])('refuses %s', async (_what, tool, args, make, code) => {
    expect(await call(tool, args, await make())).toEqual({ code, ran: [] });
  });

  test('K08 gives a tool the default of its schema where the token would allow it', async () => {
    const args = { query: 'x' };
    const { ran } = await call('search', args, await present(await createChain(), 'search', args));
    expect(ran).toMatchObject([{ args: { query: 'x', limit: 100 }, frozen: true }]);
  });

  test('L07 answers other methods as unknown', async () => {
    const before = link.executions().length;
    await expect(link.client.readResource({ uri: 'desk://secret' })).rejects.toMatchObject({
      code: -32601,
    });
    for (const method of ['tasks/list', 'vendor/anything']) {
      await expect(
        link.client.request({ method, params: {} } as never, ResultSchema),
      ).rejects.toMatchObject({ code: -32601 });
    }
    expect(link.executions()).toHaveLength(before);
  });

  test('lists nothing to whom presents nothing, and to an agent what its chain grants', async () => {
    expect((await link.client.listTools()).tools).toEqual([]);
    const chain = await createChain({ tools: { late: {}, loose: {} } });
    const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
    expect((await presenter.listTools(link.client)).map(({ name }) => name)).toEqual(['late']);
  });

  test('a presenter calls, and holds the server to its pins', async () => {
    const chain = await createChain();
    const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
    const pins = definitionsOf(await presenter.listTools(link.client), ['refund']);
    const held = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE, pins });
    const call = { name: 'refund', arguments: REFUND };
    expect(deniedCall(await held.callTool(link.client, call))).toBeUndefined();
    const wrong = { ...pins, refund: 'x'.repeat(43) };
    const other = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE, pins: wrong });
    await expect(other.callTool(link.client, call)).rejects.toMatchObject({
      denial: { code: 'definition_changed' },
    });
  });

  test('V03 the pin of a chain is the same in both versions of the SDK', async () => {
    const chain = await createChain();
    const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
    const definitions = v2.definitionsOf(await presenter.listTools(link.client), ['late']);
    const args = { order: 'A-1' };
    const pinned = await createChain({ caveats: { definitions } });
    expect((await call('late', args, await present(pinned, 'late', args))).code).toBe('ran');
    const changed = await createChain({ caveats: { definitions: { late: 'A'.repeat(43) } } });
    const refused = await call('late', args, await present(changed, 'late', args));
    expect(refused).toEqual({ code: 'definition_changed', ran: [] });
  });
});

async function connect(server: McpServer | Server): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const client = new Client({ name: 'v1', version: '1.0.0' });
  await client.connect(near);
  return client;
}

test('L04 a tools/call handler of the owner on a low-level server of version 1 is guarded', async () => {
  const ran: unknown[] = [];
  const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    ran.push(params.arguments);
    return { content: [] };
  });
  const client = await connect(guardTools(server, createPoint()));
  const denied = await client.callTool({ name: 'late', arguments: { order: 'A-1' } });
  expect(deniedCall(denied)?.code).toBe('presentation_missing');
  const chain = await createChain();
  const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
  await presenter.callTool(client, { name: 'late', arguments: { order: 'A-1' } });
  expect(ran).toEqual([{ order: 'A-1' }]);
  await client.close();
});

test.each(['optional', 'required'] as const)(
  'V14 a tool with a task is run by nobody, and no task is made (taskSupport %s)',
  async (taskSupport) => {
    let made = 0;
    const server = new McpServer(
      { name: 'tasks', version: '1.0.0' },
      {
        capabilities: { tasks: { requests: { tools: { call: {} } } } },
        taskStore: new InMemoryTaskStore(),
        taskMessageQueue: new InMemoryTaskMessageQueue(),
      },
    );
    guardTools(server, createPoint());
    server.experimental.tasks.registerToolTask(
      'loose',
      { inputSchema: { order: z.coerce.number() }, execution: { taskSupport } as never },
      {
        createTask: async (
          _args: unknown,
          { taskStore }: { taskStore: { createTask(o: object): Promise<object> } },
        ) => {
          made += 1;
          return { task: await taskStore.createTask({ ttl: 1000 }) };
        },
        getTask: async () => ({}),
        getTaskResult: async () => ({ content: [] }),
      } as never,
    );
    const client = await connect(server);
    const args = { order: '5' };
    const _meta = { [PRESENTATION_KEY]: await present(await createChain(), 'loose', args) };
    const result = await client.callTool({ name: 'loose', arguments: args, _meta });
    expect(result.isError).toBe(true);
    expect(made).toBe(0);
    const task = {
      method: 'tools/call',
      params: { name: 'loose', arguments: args, task: {}, _meta },
    };
    const asked = await client.request(task as never, ResultSchema);
    expect(deniedCall(asked)).toMatchObject({ code: 'argument_unexpected', argument: 'task' });
    expect(made).toBe(0);
    await client.close();
  },
);

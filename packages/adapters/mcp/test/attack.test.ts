import { InMemoryTransport, McpServer, Server } from '@modelcontextprotocol/server';
import { createEnforcementPoint, type ReplayStore } from '@taper/enforce';
import { currentPermit, deniedCall, guardTools, PRESENTATION_KEY } from '@taper/mcp';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { anchors, createChain, present } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { createPoint } from './links.ts';

// Rows of the attack catalogue that reach the guard, over a transport that delivers whatever it is given.

const chain = await createChain();
const ARGS = { order: 'A-1' };

interface Answer {
  readonly id?: unknown;
  readonly result?: { readonly _meta?: unknown };
  readonly error?: { readonly code: number };
}

/** A guarded server, its connection, what came back and which tools ran. */
async function open(point = createPoint()) {
  const ran: unknown[] = [];
  const server = guardTools(new McpServer({ name: 'attack', version: '1.0.0' }), point);
  const inputSchema = z.object({ order: z.string() });
  const late = server.registerTool('late', { inputSchema }, (args) => {
    ran.push(['late', args]);
    return { content: [] };
  });
  const loose = server.registerTool('loose', { inputSchema: z.looseObject({}) }, (args) => {
    ran.push(['loose', args]);
    return { content: [] };
  });
  const answers: Answer[] = [];
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  near.onmessage = (message) => answers.push(message as Answer);
  await near.start();
  const send = (message: unknown): Promise<void> => near.send(message as never);
  /** Waits until so many requests have been answered, and a little longer for what should not come. */
  const answered = async (count: number): Promise<void> => {
    await expect.poll(() => answers.filter(({ id }) => id !== undefined).length).toBe(count);
    await pause();
  };
  return { server, late, loose, ran, answers, send, answered, close: () => near.close() };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

function callOf(id: unknown, name: unknown, args: unknown, meta: unknown): object {
  return {
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args, _meta: meta },
  };
}

async function metaFor(tool: string, args: object): Promise<object> {
  return { [PRESENTATION_KEY]: await present(chain, tool, args as never) };
}

const codes = (answers: readonly Answer[]): unknown[] =>
  answers
    .filter(({ id }) => id !== undefined)
    .map(({ result, error }) => error?.code ?? deniedCall(result ?? {})?.code ?? 'ran');

/** A replay store that answers when it is told to, once so many calls wait for it. */
function heldStore(): { readonly replay: ReplayStore; release(calls: number): Promise<void> } {
  const waiting: (() => void)[] = [];
  const accept = () =>
    new Promise<'accepted'>((resolve) => waiting.push(() => resolve('accepted')));
  return {
    replay: { accept, forget: () => {} },
    release: async (calls) => {
      await expect.poll(() => waiting.length).toBe(calls);
      for (const next of waiting.splice(0)) next();
    },
  };
}

describe('arguments', () => {
  test.each<[string, unknown]>([
    ['JSON text', JSON.stringify(ARGS)],
    ['a list', ['A-1']],
    ['a number', 1],
    ['null', null],
    ['true', true],
  ])('K09 H14 that are %s do not reach a tool, whatever the proof covers', async (_what, args) => {
    const { answers, ran, send, answered, close } = await open();
    await send(callOf(1, 'late', args, await metaFor('late', ARGS)));
    await answered(1);
    expect([codes(answers), ran]).toEqual([['arguments_malformed'], []]);
    await close();
  });

  test.each([
    ['name', { first: 'late' }],
    ['name', ['late']],
    ['name', Object('late')],
    ['name', null],
  ])('H14 a %s that is %j is no tool', async (_member, name) => {
    const { answers, ran, send, answered, close } = await open();
    await send(callOf(1, name, ARGS, await metaFor('late', ARGS)));
    await answered(1);
    expect([codes(answers), ran]).toEqual([['tool_not_granted'], []]);
    await close();
  });

  test.each<[string, unknown]>([
    ['a list', ['late', ARGS]],
    ['null', null],
    ['text', 'late'],
    ['a number', 5],
  ])('H14 parameters that are %s run nothing', async (_what, params) => {
    const { ran, send, answered, close } = await open();
    await send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    await answered(1);
    expect(ran).toEqual([]);
    await close();
  });

  test('X01 a member __proto__ deep inside is refused, and nothing inherits from it', async () => {
    const { answers, ran, send, answered, close } = await open();
    const args = JSON.parse('{"filter":{"__proto__":{"admin":true}}}');
    await send(callOf(1, 'loose', args, await metaFor('loose', {})));
    await answered(1);
    expect([codes(answers), ran]).toEqual([['arguments_malformed'], []]);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    await close();
  });
});

describe('a call that waits for its verdict', () => {
  test('J09 does not run when it is cancelled meanwhile, and others do', async () => {
    const { replay, release } = heldStore();
    const point = createEnforcementPoint({ audience: AUDIENCE, anchors, replay });
    const { answers, ran, send, answered, close } = await open(point);
    await send(callOf(7, 'late', ARGS, await metaFor('late', ARGS)));
    await send(callOf('7', 'loose', {}, await metaFor('loose', {})));
    await send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
    await send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: {} });
    await release(2);
    await answered(1);
    expect(ran).toEqual([['loose', {}]]);
    expect(answers.map(({ id }) => id)).toEqual(['7']);
    await close();
  });

  test('E16 X08 runs once and with its own arguments among many that are judged together', async () => {
    const { replay, release } = heldStore();
    const point = createEnforcementPoint({ audience: AUDIENCE, anchors, replay });
    const { ran, send, answered, close } = await open(point);
    for (const value of [1, 2, 3]) {
      await send(callOf(value, 'loose', { value }, await metaFor('loose', { value })));
    }
    expect(ran).toEqual([]);
    await release(3);
    await answered(3);
    expect(ran).toEqual([1, 2, 3].map((value) => ['loose', { value }]));
    await close();
  });

  test('H22 K08 runs the tool that has the name when it runs, or none', async () => {
    const { replay, release } = heldStore();
    const point = createEnforcementPoint({ audience: AUDIENCE, anchors, replay });
    const { late, loose, ran, send, answered, close } = await open(point);
    await send(callOf(1, 'late', ARGS, await metaFor('late', ARGS)));
    late.update({ name: 'renamed' });
    loose.update({ name: 'late' });
    await release(1);
    await answered(1);
    expect(ran).toEqual([['loose', ARGS]]);
    await close();
  });
});

describe('X16 D20 a permit', () => {
  test('is for one tool: a handler that runs another tool of its server does so without one', async () => {
    const { server, ran, answers, send, answered, close } = await open();
    const inside = server as unknown as {
      _registeredTools: { [name: string]: unknown };
      executeToolHandler(tool: unknown, args: unknown, context: unknown): Promise<object>;
    };
    server.registerTool(
      'bare',
      {},
      () => inside.executeToolHandler(inside._registeredTools['loose'], {}, {}) as never,
    );
    await send(callOf(1, 'bare', {}, await metaFor('bare', {})));
    await answered(1);
    expect([codes(answers), ran]).toEqual([['presentation_missing'], []]);
    await close();
  });

  test('is seen by its own call only, also when calls overlap', async () => {
    const seen: unknown[] = [];
    const server = guardTools(new McpServer({ name: 'overlap', version: '1.0.0' }), createPoint());
    server.registerTool('loose', { inputSchema: z.looseObject({}) }, async (args) => {
      await new Promise((resolve) => setTimeout(resolve, 200 * (2 - (args['value'] as number))));
      seen.push([args['value'], currentPermit()?.args['value']]);
      return { content: [] };
    });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await near.start();
    for (const value of [0, 1, 2]) {
      await near.send(
        callOf(value, 'loose', { value }, await metaFor('loose', { value })) as never,
      );
    }
    await expect.poll(() => seen.length).toBe(3);
    expect(seen).toEqual([2, 1, 0].map((value) => [value, value]));
    expect(currentPermit()).toBeUndefined();
    await near.close();
  });
});

describe('connections', () => {
  test('L04 one that is made after another was closed is guarded, too', async () => {
    const server = guardTools(new McpServer({ name: 'again', version: '1.0.0' }), createPoint());
    let runs = 0;
    server.registerTool('loose', { inputSchema: z.looseObject({}) }, () => {
      runs += 1;
      return { content: [] };
    });
    for (const _ of [1, 2, 3]) {
      const [near, far] = InMemoryTransport.createLinkedPair();
      await server.connect(far);
      const answers: Answer[] = [];
      near.onmessage = (message) => answers.push(message as Answer);
      await near.start();
      await near.send(callOf(1, 'loose', {}, {}) as never);
      await expect.poll(() => codes(answers)).toEqual(['presentation_missing']);
      await near.close();
    }
    expect(runs).toBe(0);
  });

  test('E02 E03 a proof that one server has seen is refused by the next under the same point', async () => {
    const point = createPoint();
    const message = callOf(1, 'loose', {}, await metaFor('loose', {}));
    const outcomes: unknown[] = [];
    for (const _ of [1, 2]) {
      const { answers, send, answered, close } = await open(point);
      await send(message);
      await answered(1);
      outcomes.push(...codes(answers));
      await close();
    }
    expect(outcomes).toEqual(['ran', 'proof_replayed']);
  });

  test('L07 a handler that was put on the transport before sees permitted calls only', async () => {
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/call', () => ({ content: [] }));
    guardTools(server, createPoint());
    const [near, far] = InMemoryTransport.createLinkedPair();
    const seen: unknown[] = [];
    far.onmessage = (message) => {
      const { method, id } = message as { method?: string; id?: unknown };
      if (method === 'tools/call') seen.push(id);
    };
    await server.connect(far);
    await near.start();
    await near.send(callOf(1, 'loose', {}, {}) as never);
    await near.send(callOf(2, 'loose', {}, await metaFor('loose', {})) as never);
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await pause();
    expect(seen).toEqual([2]);
    await near.close();
  });
});

test('T01 T02 a refusal sends back no value, token or proof', async () => {
  const { answers, send, answered, close } = await open();
  const meta = await metaFor('late', ARGS);
  await send(callOf(1, 'late', { order: 'secret-order' }, meta));
  await send(callOf(2, 'loose', { token: 'secret-token' }, meta));
  await send(
    callOf(3, 'late', ARGS, { [PRESENTATION_KEY]: { aat_chain: ['secret'], aat_pop: 'x' } }),
  );
  await answered(3);
  const text = JSON.stringify(answers);
  expect(codes(answers)).not.toContain('ran');
  for (const leak of ['secret', 'eyJ', chain.leaf.hash]) expect(text).not.toContain(leak);
  await close();
});

test('R01 X06 S08 a name that is no name is refused and answered, and nothing of it stays behind', async () => {
  const names: unknown[] = [
    { toString: null, valueOf: null },
    { toString: 'x' },
    null,
    7,
    ['late'],
    undefined,
  ];
  const { answers, ran, send, answered, close } = await open();
  for (const [id, name] of names.entries()) await send(callOf(id, name, ARGS, {}));
  await answered(names.length);
  expect(codes(answers)).not.toContain('ran');
  expect(ran).toEqual([]);
  await close();
});

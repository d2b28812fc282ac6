import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer, Server } from '@modelcontextprotocol/server';
import {
  createEnforcementPoint,
  createMemoryRevocationView,
  type EnforcementPoint,
} from '@taper/enforce';
import {
  createPresenter,
  deniedCall,
  type GuardOptions,
  guardTools,
  PRESENTATION_KEY,
} from '@taper/mcp';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agent, anchors, createChain, createParty, now } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { createPoint, openHttp } from './links.ts';

// tools/list shows an agent what its chain lets it call.

const TOOLS = ['bare', 'late', 'loose', 'refund'];

async function connect(server: McpServer | Server): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(near);
  return client;
}

async function open(point: EnforcementPoint = createPoint(), options: GuardOptions = {}) {
  const server = guardTools(new McpServer({ name: 'list', version: '1.0.0' }), point, options);
  for (const name of TOOLS)
    server.registerTool(name, { inputSchema: z.looseObject({}) }, () => ({ content: [] }));
  return { server, client: await connect(server) };
}

/** Which tools are shown for a presentation, and why none. */
async function shown(client: Client, presentation?: unknown) {
  const _meta = presentation === undefined ? {} : { [PRESENTATION_KEY]: presentation };
  const result = await client.listTools({ _meta }, { cacheMode: 'refresh' });
  return { names: result.tools.map(({ name }) => name).sort(), code: deniedCall(result)?.code };
}

async function chainWire(options: Parameters<typeof createChain>[0]) {
  const chain = await createChain(options);
  return { aat_chain: chain.tokens.map(({ compact }) => compact) };
}

describe('tools/list shows', () => {
  test('nothing to whom presents nothing', async () => {
    const { client } = await open();
    expect(await shown(client)).toEqual({ names: [], code: 'presentation_missing' });
  });

  test('what the leaf grants, though its parent grants more, and though the server has more', async () => {
    const { client } = await open();
    const wire = await chainWire({ tools: { late: {}, search: {} } });
    expect(await shown(client, wire)).toEqual({ names: ['late'], code: undefined });
  });

  test('what each of several joined chains grants', async () => {
    const { client } = await open();
    const one = await chainWire({ tools: { late: {}, loose: {} } });
    const other = await chainWire({ tools: { bare: {}, loose: {} } });
    expect((await shown(client, { taper_chains: [one, other] })).names).toEqual(['loose']);
    const foreign = await chainWire({ root: createParty() });
    const mixed = await shown(client, { taper_chains: [one, foreign] });
    expect(mixed).toEqual({ names: [], code: 'signature_invalid' });
    for (const taper_chains of [[], [one], [one, 'x'], Array(5).fill(one)])
      expect((await shown(client, { taper_chains })).names).toEqual([]);
    const presenter = createPresenter({
      chain: await createChain({ tools: { late: {}, loose: {} } }),
      signer: agent.signer,
      joined: [{ chain: await createChain({ tools: { loose: {} } }), signer: agent.signer }],
      audience: AUDIENCE,
    });
    expect((await presenter.listTools(client)).map(({ name }) => name)).toEqual(['loose']);
    const call = { name: 'loose', arguments: {} };
    expect(deniedCall(await presenter.callTool(client, call))).toBeUndefined();
    await expect(presenter.callTool(client, { name: 'late' })).rejects.toMatchObject({
      denial: { code: 'tool_not_granted' },
    });
  });

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'an issuer that is not trusted',
      () => chainWire({ root: createParty() }),
      'signature_invalid',
    ],
    ['an expired chain', () => chainWire({ at: now() - 100, lifetime: 90 }), 'token_expired'],
    [
      'a chain for elsewhere',
      () => chainWire({ audience: 'https://else.example' }),
      'audience_mismatch',
    ],
    [
      'a tenant that is not this one',
      () => chainWire({ caveats: { tenant: 'other' } }),
      'tenant_mismatch',
    ],
    ['rubbish', async () => 'chain', 'presentation_malformed'],
    ['no chain', async () => ({}), 'presentation_malformed'],
  ])('nothing, and why, for %s', async (_what, make, code) => {
    const { client } = await open();
    expect(await shown(client, await make())).toEqual({ names: [], code });
  });

  test('nothing for a chain that was revoked', async () => {
    const chain = await createChain();
    const revocation = createMemoryRevocationView();
    const { client } = await open(
      createEnforcementPoint({ audience: AUDIENCE, anchors, revocation }),
    );
    const wire = { aat_chain: chain.tokens.map(({ compact }) => compact) };
    expect((await shown(client, wire)).names).not.toEqual([]);
    revocation.revoke({ token: chain.leaf.hash }, now());
    expect(await shown(client, wire)).toEqual({ names: [], code: 'revoked' });
  });

  test('a chain is enough: to look uses no proof up and needs none', async () => {
    const { client } = await open();
    const presenter = createPresenter({
      chain: await createChain(),
      signer: agent.signer,
      audience: AUDIENCE,
    });
    const meta = await presenter.metaFor('loose', {});
    expect((await shown(client, meta[PRESENTATION_KEY])).names).toContain('loose');
    const result = await client.callTool({ name: 'loose', arguments: {}, _meta: meta });
    expect(deniedCall(result)).toBeUndefined();
  });

  test('with listing "public" everything to whom presents nothing, and to an agent still only its own', async () => {
    const { client } = await open(createPoint(), { listing: 'public' });
    expect((await shown(client)).names).toEqual(TOOLS);
    expect((await shown(client, await chainWire({ tools: { late: {} } }))).names).toEqual(['late']);
    expect((await shown(client, 'chain')).names).toEqual([]);
    expect(deniedCall(await client.callTool({ name: 'late' }))?.code).toBe('presentation_missing');
  });

  test.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['answers nothing', () => undefined],
    ['answers true', () => true],
  ])('nothing when the enforcement point %s', async (_how, inspect) => {
    const { client } = await open({ ...createPoint(), inspect } as EnforcementPoint);
    expect(await shown(client, await chainWire({}))).toEqual({ names: [], code: 'internal_error' });
  });
});

test('what one agent was shown is kept for no other: the result is private', async () => {
  const link = await openHttp('2026-07-28');
  try {
    const result = await link.client.request({
      method: 'tools/list',
      params: { _meta: { [PRESENTATION_KEY]: await chainWire({ tools: { late: {} } }) } },
    });
    expect(result).toMatchObject({ tools: [{ name: 'late' }], cacheScope: 'private' });
  } finally {
    await link.close();
  }
});

describe('a low-level server', () => {
  test('gets the cursor of the client, and not its presentation', async () => {
    const seen: unknown[] = [];
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', ({ params }) => {
      seen.push(params);
      return {
        tools: [{ name: 'late', inputSchema: { type: 'object' } }],
        ...(params?.cursor === undefined ? { nextCursor: 'two' } : {}),
      };
    });
    const client = await connect(guardTools(server, createPoint()));
    const _meta = { [PRESENTATION_KEY]: await chainWire({}), 'org.example/trace': 'x' };
    const first = await client.listTools({ cursor: 'one', _meta });
    expect(first.tools.map(({ name }) => name)).toEqual(['late']);
    expect(seen).toEqual([{ cursor: 'one', _meta: { 'org.example/trace': 'x' } }]);
  });

  test('that fails to list has its error passed on, and that has no tools has none', async () => {
    const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } });
    const client = await connect(guardTools(server, createPoint()));
    await expect(client.listTools()).rejects.toMatchObject({ code: -32601 });
  });
});

test('V05 a storm of list_changed makes an agent do nothing, and no tool run that was not called', async () => {
  const { server, client } = await open();
  const chain = await createChain();
  let inspected = 0;
  const presenter = createPresenter({ chain, signer: agent.signer, audience: AUDIENCE });
  const request = client.request.bind(client);
  client.request = ((...given: Parameters<typeof request>) => {
    inspected += 1;
    return request(...given);
  }) as typeof client.request;
  for (let round = 0; round < 500; round += 1) server.sendToolListChanged();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(inspected).toBe(0);
  expect(deniedCall(await presenter.callTool(client, { name: 'loose' }))).toBeUndefined();
  expect(inspected).toBe(1);
});

import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport, McpServer } from '@modelcontextprotocol/server';
import { createEnforcementPoint, type RevocationView } from '@taper/enforce';
import {
  createPresenter,
  deniedCall,
  guardTools,
  type PresenterOptions,
  STAPLE_KEY,
} from '@taper/mcp';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agent, anchors, createChain, now } from './agents.ts';
import { AUDIENCE } from './desk.ts';

const STAPLE = 'AAEC_-a-good-staple';

/** A view that believes one staple. */
const offline: RevocationView = {
  check: ({ evidence }) =>
    evidence === STAPLE ? { verdict: 'good', asOf: now() } : { verdict: 'unproved' },
};

async function open(options: Partial<PresenterOptions> = {}) {
  const seen: unknown[] = [];
  const point = createEnforcementPoint({ audience: AUDIENCE, anchors, revocation: offline });
  const server = guardTools(new McpServer({ name: 'desk', version: '1.0.0' }), point);
  server.registerTool('loose', { inputSchema: z.looseObject({}) }, (_args, context) => {
    seen.push(context.mcpReq._meta ?? {});
    return { content: [] };
  });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(near);
  const presenter = createPresenter({
    chain: await createChain(),
    signer: agent.signer,
    audience: AUDIENCE,
    ...options,
  });
  const call = () => presenter.callTool(client, { name: 'loose', arguments: {} });
  return { client, presenter, call, seen };
}

describe('a staple', () => {
  test('travels in the _meta of a call, which runs, and the tool does not see it', async () => {
    const { call, seen } = await open({ staple: async () => STAPLE });
    expect(deniedCall(await call())).toBeUndefined();
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toHaveProperty(STAPLE_KEY);
  });

  test('travels with a listing, too', async () => {
    const { client, presenter } = await open({ staple: () => STAPLE });
    expect((await presenter.listTools(client)).map(({ name }) => name)).toEqual(['loose']);
  });

  test.each([
    ['absent', undefined],
    ['of no use', 'AAAA'],
    ['no text', 5 as unknown as string],
  ])(
    'M04 that is %s has the call refused, with its own code, and nothing is listed',
    async (_, text) => {
      const { call, seen, client, presenter } = await open({ staple: () => text });
      expect(deniedCall(await call())).toMatchObject({ code: 'revocation_staple_invalid' });
      expect(seen).toEqual([]);
      expect(await presenter.listTools(client)).toEqual([]);
    },
  );
});

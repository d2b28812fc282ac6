import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { deniedCall, guardTools } from '@taper/mcp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPoint } from '../links.ts';
import { createEverything, SUITE_METHODS } from './everything.ts';
import { servePresenting } from './presenting-proxy.ts';
import { type Running, serveSessions } from './serve.ts';
import { type Findings, runSuite } from './suite.ts';
import { SUITE_TOOLS } from './tools.ts';

// The official suite of the Model Context Protocol, against one server without a guard and with one.

let guarded: Running;
const running: Running[] = [];
let [without, behind]: Findings[] = [];

beforeAll(async () => {
  const point = createPoint();
  const bare = await serveSessions(createEverything);
  guarded = await serveSessions(() =>
    guardTools(createEverything(), point, { open: SUITE_METHODS }),
  );
  const tools = Object.fromEntries(SUITE_TOOLS.map((name) => [name, {}]));
  const agent = await servePresenting(guarded.url, tools);
  running.push(bare, agent, guarded);
  without = await runSuite(bare.url);
  behind = await runSuite(agent.url);
});
afterAll(async () => {
  for (const each of running) await each.close();
});

describe('the conformance suite', () => {
  test('finds every scenario fulfilled by the server without a guard', () => {
    expect(without?.size).toBeGreaterThan(40);
    expect([...(without ?? [])].filter(([, status]) => status === 'FAILURE')).toEqual([]);
    expect([...(without ?? [])].filter(([, status]) => status === 'SUCCESS').length).toBe(44);
  });

  test('finds behind the guard exactly what it finds without', () => {
    expect(behind).toEqual(without);
  });
});

test('the guard that the suite ran against lets nobody in who presents nothing', async () => {
  const client = new Client({ name: 'stranger', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(guarded.url));
  expect((await client.listTools()).tools).toEqual([]);
  for (const name of SUITE_TOOLS) {
    expect(deniedCall(await client.callTool({ name, arguments: {} }))?.code).toBe(
      'presentation_missing',
    );
  }
  await client.close();
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, Server } from '@modelcontextprotocol/server';
import { createEnforcementPoint, type EnforcementPoint } from '@taper/enforce';
import { deniedCall, guardTools, PRESENTATION_KEY } from '@taper/mcp';
import {
  type PresentationVector,
  readSuite,
  type Vector,
  type VectorSuite,
  verifierOptions,
} from '@taper/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

// Our vectors through a guarded MCP server, over a real socket: each as the text of a message.

const FOLDER = new URL('../../../../vectors/', import.meta.url);
const suites = ['aat.json', 'aat-extensions.json', 'aat-limits.json'].map(
  (name) => [name, readSuite(new URL(name, FOLDER))] as const,
);

/**
 * What only the text of a message shows: repeated members and digits that a double drops. The SDK parses messages by
 * itself, so the guard sees what a tool would see. Draft sections 3.4 and 8 ask for more than that transport gives.
 */
const ONLY_IN_THE_TEXT: ReadonlySet<string> = new Set([
  '1.duplicate-member',
  '6b.duplicate',
  '6b.nested-duplicate',
  '6b.inadmissible-number',
  '6b.inadmissible-fraction',
]);

let point: EnforcementPoint;
const ran: unknown[] = [];

function lowLevelServer(): Server {
  const server = new Server({ name: 'vectors', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/call', ({ params }) => {
    ran.push({ tool: params.name, args: params.arguments });
    return { content: [] };
  });
  return guardTools(server, point);
}

const handler = createMcpHandler(lowLevelServer);
const handle = toNodeHandler(handler);
const http = createServer((request, response) => {
  void handle(request as NodeIncomingMessageLike, response);
});
let url: URL;

beforeAll(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});
afterAll(async () => {
  await handler.close();
  http.closeAllConnections();
  http.close();
  await once(http, 'close');
});
beforeEach(() => {
  ran.length = 0;
});

/** Each vector meets an enforcement point that has seen no proof before. */
function pointFor(
  { policy, now }: Vector | PresentationVector,
  suite: VectorSuite,
): EnforcementPoint {
  const { audience = '', ...options } = verifierOptions(suite, policy);
  return createEnforcementPoint({ ...options, audience, clock: { now: () => now } });
}

interface Reply {
  readonly result?: { readonly isError?: boolean; readonly _meta?: unknown };
  readonly error?: { readonly code: number };
}

/** Sends the vector's own texts, byte for byte, and says how the call was answered. */
async function send(vector: Vector | PresentationVector): Promise<Reply> {
  const presentation =
    'chain' in vector
      ? JSON.stringify({ aat_chain: vector.chain, aat_pop: vector.pop })
      : vector.presentation_json;
  const meta = presentation === null ? '{}' : `{"${PRESENTATION_KEY}":${presentation}}`;
  const params = `{"name":${JSON.stringify(vector.tool)},"arguments":${vector.args_json},"_meta":${meta}}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`,
  });
  const text = await response.text();
  const line = text.split('\n').find((each) => each.startsWith('data: {'));
  return JSON.parse(line?.slice('data: '.length) ?? text) as Reply;
}

describe.each(suites)('%s', (_, suite) => {
  const vectors = [...suite.vectors, ...(suite.presentations ?? [])];
  const shown = vectors.filter(({ id }) => !ONLY_IN_THE_TEXT.has(id));

  test.each(shown.map((vector) => [vector.id, vector.title, vector] as const))(
    '%s %s',
    async (_id, _title, vector) => {
      point = pointFor(vector, suite);
      const { result, error } = await send(vector);
      if (vector.expected.verdict === 'PERMIT') {
        expect(result?.isError).not.toBe(true);
        expect(ran).toEqual([{ tool: vector.tool, args: JSON.parse(vector.args_json) }]);
        return;
      }
      expect(ran).toEqual([]);
      const { code, step, hop } = vector.expected;
      // Arguments that are no object are no message of MCP at all.
      if (code === 'arguments_malformed' && error !== undefined) return;
      expect(deniedCall(result ?? {})).toMatchObject({
        code,
        ...(step === null ? {} : { step }),
        ...(hop == null ? {} : { hop }),
      });
    },
  );
});

test('what only the text of a message shows: no tool gets anything but what was judged', async () => {
  const [[, suite]] = suites as [(typeof suites)[number]];
  const vectors = [...suite.vectors, ...(suite.presentations ?? [])];
  const hidden = vectors.filter(({ id }) => ONLY_IN_THE_TEXT.has(id));
  expect(hidden).toHaveLength(ONLY_IN_THE_TEXT.size);
  for (const vector of hidden) {
    ran.length = 0;
    point = pointFor(vector, suite);
    const { result } = await send(vector);
    const denied = deniedCall(result ?? {});
    const asParsed = { tool: vector.tool, args: JSON.parse(vector.args_json) };
    expect([vector.id, ran]).toEqual([vector.id, denied === undefined ? [asParsed] : []]);
  }
});

import type { JsonObject, VerifiedChain } from '@taper/core';
import {
  CHAIN_HASH,
  CHAINS_PATH,
  createTaperFetch,
  decodePresentation,
  deniedProblem,
  type TaperFetch,
  type TaperFetchOptions,
} from '@taper/http';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty } from './agents.ts';
import { type RecordedServer, startServer, startShop } from './server.ts';
import { createShop, list, refund, replace, type Shop, show } from './shop.ts';

let chain: VerifiedChain;
let shop: Shop;
const servers: RecordedServer[] = [];

beforeAll(async () => {
  chain = await createChain();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(options = {}): Promise<RecordedServer> {
  shop = createShop(options);
  const server = await startShop(shop);
  servers.push(server);
  return server;
}

function clientFor(origin: string, options: Partial<TaperFetchOptions> = {}): TaperFetch {
  return createTaperFetch({ origin, audience: AUDIENCE, chain, signer: agent.signer, ...options });
}

const presentations = ({ requests }: RecordedServer): JsonObject[] =>
  requests.flatMap(({ headers }) => {
    const header = headers['taper-presentation'];
    return typeof header === 'string' ? [decodePresentation(header) as JsonObject] : [];
  });
const refused = (code: string): unknown =>
  expect.objectContaining({ code: 'refused', denial: expect.objectContaining({ code }) });

describe('a call', () => {
  test('is sent as its route declares it, and the handler gets the very arguments', async () => {
    const { origin, requests } = await start();
    const client = clientFor(origin);
    const args = { id: 'a ü&+b', amount: '25.00', dry_run: true, note: { deep: [1, null] } };
    expect((await client.call(refund, args)).status).toBe(200);
    expect((await client.call(show, { id: '5' })).status).toBe(200);
    expect((await client.call(list, { limit: 5, after: 'a&b=c+d' })).status).toBe(200);
    expect((await client.call(list, {})).status).toBe(200);
    expect((await client.call(replace, { settings: [1, 'x'] })).status).toBe(200);
    expect(shop.executions.map((one) => one.args)).toEqual([
      args,
      { id: '5' },
      { limit: 5, after: 'a&b=c+d' },
      {},
      { settings: [1, 'x'] },
    ]);
    // Tokens and proofs are in the one header, never in a target that logs and Referer would show.
    for (const { line } of requests) expect(line).not.toContain('eyJ');
  });

  test('has the types of its route', () => {
    const client = clientFor('https://pay.example');
    type Call = typeof client.call<typeof refund.args>;
    expectTypeOf<Parameters<Call>[1]>().toExtend<{
      id: string;
      amount: string;
      dry_run?: boolean;
    }>();
    const call = async (): Promise<void> => {
      // @ts-expect-error an argument is missing
      await client.call(refund, { id: 'p-1' });
      // @ts-expect-error an argument has another type
      await client.call(list, { limit: '5' });
    };
    expectTypeOf(call).toBeFunction();
  });

  test('carries any text exactly, or is not sent', async () => {
    const { origin } = await start();
    const client = clientFor(origin);
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.string({ maxLength: 12 }),
        async (after, id) => {
          for (const [target, args] of [
            [list, { after }],
            [show, { id }],
          ] as const) {
            shop.executions.length = 0;
            let status = 0;
            try {
              status = (await client.call(target as typeof show, args as { id: string })).status;
            } catch (error) {
              expect(error).toEqual(refused('request_malformed'));
              continue;
            }
            expect(status).toBe(200);
            expect(shop.executions).toMatchObject([{ args }]);
            sent += 1;
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(sent).toBeGreaterThan(20);
  });

  test.each<[string, object, string]>([
    [
      'an argument that the route does not declare',
      { id: 'x', extra: 1 },
      'request_input_undeclared',
    ],
    ['no argument where one is declared', {}, 'request_malformed'],
    ['an argument of another type', { id: 5 }, 'request_malformed'],
    ['a dot segment', { id: '..' }, 'request_malformed'],
    ['a slash', { id: 'a/b' }, 'request_malformed'],
    ['an empty segment', { id: '' }, 'request_malformed'],
  ])('is not sent with %s', async (_, args, code) => {
    const { origin, requests } = await start();
    const call = clientFor(origin).call(show, args as { id: string });
    await expect(call).rejects.toEqual(refused(code));
    expect(requests).toEqual([]);
  });

  test('is not sent when the chain does not allow it', async () => {
    const { origin, requests } = await start();
    const call = clientFor(origin).call(refund, { id: 'p-1', amount: '99.00' });
    await expect(call).rejects.toEqual(refused('argument_refused'));
    expect(requests).toEqual([]);
  });

  test('is sent as its arguments were when it was made', async () => {
    const { origin } = await start();
    const args = { id: 'p-1', amount: '25.00', note: { a: 1 } };
    const pending = clientFor(origin).call(refund, args);
    args.note.a = 2;
    expect((await pending).status).toBe(200);
    expect(shop.executions).toMatchObject([{ args: { note: { a: 1 } } }]);
  });

  test('has a fresh proof each time', async () => {
    const server = await start();
    const client = clientFor(server.origin);
    await Promise.all(Array.from({ length: 5 }, () => client.call(show, { id: 'p-1' })));
    expect(new Set(presentations(server).map((one) => one['aat_pop'])).size).toBe(5);
    expect(shop.executions).toHaveLength(5);
  });

  test('is good at the enforcement point that it names and nowhere else', async () => {
    const { origin } = await start();
    const response = await clientFor(origin, { audience: 'https://other.example' }).call(show, {
      id: 'p-1',
    });
    expect((await deniedProblem(response))?.code).toBe('proof_audience_mismatch');
    expect(shop.executions).toEqual([]);
  });

  test('may present several chains, all of which must allow it', async () => {
    const { origin } = await start();
    const other = createParty();
    const narrow = await createChain({
      holder: other,
      tools: { show_payment: { id: { constraint_type: 'exact', value: 'p-1' } } },
    });
    const client = clientFor(origin, { joined: [{ chain: narrow, signer: other.signer }] });
    expect((await client.call(show, { id: 'p-1' })).status).toBe(200);
    await expect(client.call(show, { id: 'p-2' })).rejects.toEqual(refused('argument_refused'));
    const wide = clientFor(origin, { joined: [{ chain: narrow, signer: agent.signer }] });
    await expect(wide.call(show, { id: 'p-1' })).rejects.toEqual(refused('signature_invalid'));
  });

  test('may be presented by something else than signed proofs, which can leave a call to them', async () => {
    const server = await start();
    const asked: unknown[] = [];
    const client = clientFor(server.origin, {
      async presentWith(tool, args) {
        asked.push([tool, args]);
        return asked.length === 1 ? { taper_session: 'unknown' } : undefined;
      },
    });
    expect((await client.call(show, { id: 'p-1' })).status).toBe(401);
    expect(presentations(server)).toEqual([{ taper_session: 'unknown' }]);
    expect(shop.executions).toEqual([]);
    expect((await client.call(show, { id: 'p-2' })).status).toBe(200);
    expect(asked).toEqual([
      ['show_payment', { id: 'p-1' }],
      ['show_payment', { id: 'p-2' }],
    ]);
  });

  test('follows no redirect, to this host or another, with its credential', async () => {
    const elsewhere = await startServer((_, response) => response.end());
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of [`${elsewhere.origin}/payments/p-1`, '/payments/p-2']) {
        const redirecting = await startServer((_, response) =>
          response.writeHead(status, { Location: location }).end(),
        );
        servers.push(redirecting);
        const response = await clientFor(redirecting.origin).call(show, { id: 'p-1' });
        expect(response.status).toBe(status);
        expect(redirecting.requests).toHaveLength(1);
      }
    }
    servers.push(elsewhere);
    expect(elsewhere.requests).toEqual([]);
  });

  test('can be made by something else with the header alone', async () => {
    const { origin } = await start();
    const headers = await clientFor(origin).headersFor('show_payment', { id: 'p-1' });
    expect((await fetch(`${origin}/payments/p-1`, { headers })).status).toBe(200);
    expect((await fetch(`${origin}/payments/p-1`, { headers })).status).toBe(401);
  });

  test.each([
    'pay.example',
    'https://pay.example/api',
    'https://u:p@pay.example',
    'ftp://pay.example',
    'https://pay.example?x',
  ])('goes to an origin and not to %s', (origin) => {
    expect(() => clientFor(origin)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

describe('a chain that is too large for a header', () => {
  test('is presented once, and named from then on', async () => {
    const server = await start();
    const values = Array.from({ length: 1200 }, (_, index) => `p-${index}-${'x'.repeat(12)}`);
    const large = await createChain({
      tools: { show_payment: { id: { constraint_type: 'one_of', values: [...values, 'p-1'] } } },
    });
    expect(large.leaf.compact.length).toBeGreaterThan(20_000);
    const client = clientFor(server.origin, { chain: large });
    for (let count = 0; count < 3; count += 1)
      expect((await client.call(show, { id: 'p-1' })).status).toBe(200);
    expect(server.requests.map(({ line }) => line)).toEqual([
      `POST ${CHAINS_PATH}`,
      ...Array.from({ length: 3 }, () => 'GET /payments/p-1'),
    ]);
    for (const one of presentations(server)) {
      expect(Object.keys(one).sort()).toEqual(['aat_pop', CHAIN_HASH]);
    }
  });

  test('is presented again when the server has forgotten it, and the call sent once more with a fresh proof', async () => {
    const first = await start();
    const forgetful = createShop();
    const second = await startShop(forgetful);
    servers.push(second);
    let origin = first.origin;
    const client = clientFor('http://shop.example', {
      maxHeader: 100,
      fetch: (input, init) => fetch(String(input).replace('http://shop.example', origin), init),
    });
    expect((await client.call(show, { id: 'p-1' })).status).toBe(200);
    origin = second.origin;
    expect((await client.call(show, { id: 'p-1' })).status).toBe(200);
    expect(second.requests.map(({ line }) => line)).toEqual([
      'GET /payments/p-1',
      `POST ${CHAINS_PATH}`,
      'GET /payments/p-1',
    ]);
    const [before, after] = presentations(second);
    expect(before?.['aat_pop']).not.toBe(after?.['aat_pop']);
    expect(forgetful.executions).toHaveLength(1);
  });

  test('is not presented for ever to a server that never keeps it', async () => {
    const server = await startServer((request, response) => {
      if (request.url === CHAINS_PATH) {
        response.writeHead(201).end('{}');
        return;
      }
      const problem = { code: 'chain_not_stored', hint: 'x' };
      response
        .writeHead(401, { 'Content-Type': 'application/problem+json' })
        .end(JSON.stringify(problem));
    });
    servers.push(server);
    const response = await clientFor(server.origin, { maxHeader: 100 }).call(show, { id: 'p-1' });
    expect((await deniedProblem(response))?.code).toBe('chain_not_stored');
    expect(server.requests).toHaveLength(4);
  });

  test('is refused as any, where it does not verify', async () => {
    const { origin } = await start({ point: { limits: { maxTokenSize: 100 } } });
    const response = await clientFor(origin, { maxHeader: 100 }).call(show, { id: 'p-1' });
    expect((await deniedProblem(response))?.code).toBe('token_too_large');
  });

  test('stays in the header where the server stores none', async () => {
    const { origin } = await start({ guard: { maxStoredChains: 0 } });
    expect((await clientFor(origin).call(show, { id: 'p-1' })).status).toBe(200);
    const response = await clientFor(origin, { maxHeader: 100 }).call(show, { id: 'p-1' });
    expect((await deniedProblem(response))?.code).toBe('route_not_declared');
  });
});

describe('deniedProblem', () => {
  test('reads a refusal and leaves the response as it is', async () => {
    const { origin } = await start();
    const response = await fetch(`${origin}/payments/p-1`);
    const problem = await deniedProblem(response);
    expect(problem).toMatchObject({
      code: 'presentation_missing',
      status: 401,
      title: expect.any(String),
    });
    expect(problem?.type).toMatch(/:presentation_missing$/);
    expect(await response.json()).toEqual(problem);
    expect(await deniedProblem(response)).toBeUndefined();
  });

  test.each<[string, Response]>([
    ['another media type', Response.json({ code: 'x', hint: 'y' })],
    ['no code', problemResponse('{"hint":"y"}')],
    ['a member twice', problemResponse('{"code":"a","code":"b","hint":"y"}')],
    ['no JSON', problemResponse('<html>')],
    ['too much', problemResponse(`{"code":"a","hint":"${'y'.repeat(70_000)}"}`)],
    ['no body', new Response(null, { headers: { 'Content-Type': 'application/problem+json' } })],
    [
      'bytes that are not UTF-8',
      problemResponse(Buffer.from('{"code":"a","hint":"\xfc"}', 'latin1')),
    ],
  ])('sees none in %s', async (_, response) => {
    expect(await deniedProblem(response)).toBeUndefined();
  });

  test('sees one under a media type with parameters', async () => {
    const response = problemResponse('{"code":"a","hint":"y"}', '; charset=utf-8');
    expect((await deniedProblem(response))?.code).toBe('a');
  });
});

function problemResponse(text: string | Uint8Array<ArrayBuffer>, parameters = ''): Response {
  return new Response(text, {
    headers: { 'Content-Type': `application/problem+json${parameters}` },
  });
}

test('a route that somebody else made is not called', async () => {
  const client = clientFor('https://pay.example');
  const look = { ...show };
  await expect(client.call(look, { id: 'p-1' })).rejects.toEqual(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});

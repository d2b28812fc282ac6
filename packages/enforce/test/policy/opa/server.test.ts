import { inspect } from 'node:util';
import { TaperError } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createOpaEngine,
  type OpaEngine,
  type OpaEngineOptions,
  RESULT_UNDEFINED,
  UNVERSIONED,
} from '../../../src/policy/opa/index.ts';
import type { PolicyDecision } from '../../../src/port/policy-engine.ts';
import { policyInput } from '../input.ts';
import { json, type OpaAnswerer, type OpaServer, startOpaServer } from './opa-server.ts';

const PATH = 'taper/decision';
const TOKEN = 'canary-token.5b1f6f0e';

let server: OpaServer;
let engines: OpaEngine[];

beforeEach(async () => {
  server = await startOpaServer();
  engines = [];
});

afterEach(async () => {
  for (const engine of engines) engine.close();
  await server.close();
});

function engineWith(options: Partial<OpaEngineOptions> = {}): OpaEngine {
  const engine = createOpaEngine({ url: server.url, path: PATH, ...options });
  engines.push(engine);
  return engine;
}

async function decide(engine = engineWith()): Promise<PolicyDecision> {
  return await engine.decide(policyInput());
}

async function failure(engine = engineWith()): Promise<TaperError> {
  const error = await decide(engine).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TaperError);
  return error as TaperError;
}

const answers = (body: unknown, status = 200): void =>
  server.answer((_, response) => json(response, status, body));

describe('an OPA server', () => {
  test('is asked for one rule with the whole call as input, and with errors of builtins as errors', async () => {
    answers({ result: true });
    await engineWith({ token: TOKEN }).decide(
      policyInput({
        caveats: { tenant: 'acme', purposes: ['ticket-1'] },
        approvals: [{ group: 'finance', approver: 'ada' }],
      }),
    );
    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.url).toBe('/v1/data/taper/decision?provenance=true&strict-builtin-errors=true');
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers['authorization']).toBe(`Bearer ${TOKEN}`);
    const { chains: [chain] = [] } = policyInput();
    expect(JSON.parse(request?.body ?? '')).toEqual({
      input: {
        agent: { key: chain?.holders.at(-1) },
        chains: [
          {
            issuer: chain?.issuer,
            holders: chain?.holders,
            tokens: chain?.tokens,
            depth: 1,
            expires_at: chain?.expiresAt,
          },
        ],
        tool: 'refund_order',
        resource: 'refund_order',
        action: 'refund_order',
        arguments: { order: 'A-17', amount: '50.00' },
        caveats: { tenant: 'acme', purposes: ['ticket-1'] },
        approvals: [{ group: 'finance', approver: 'ada' }],
        context: {
          enforcement_point: 'https://desk.example/mcp',
          now: 1_900_000_000,
          attributes: {},
        },
      },
    });
  });

  test('Y06 gets arguments as arguments, whatever their names are', async () => {
    answers({ result: true });
    const args = { data: { taper: { decision: true } }, input: { agent: 'x' }, result: true };
    await engineWith().decide(policyInput({ arguments: args }));
    const { input, ...rest } = JSON.parse(server.requests[0]?.body ?? '') as {
      input: { agent: { key: string }; arguments: unknown };
    };
    expect(rest).toEqual({});
    expect(input.arguments).toEqual(args);
    expect(input.agent).toEqual(policyInput().agent);
  });

  test('Y10 gets numbers as they are', async () => {
    answers({ result: true });
    const args = { a: 0.1, b: 9_007_199_254_740_991, c: 1e21, d: -5 };
    await engineWith().decide(policyInput({ arguments: args }));
    expect(server.requests[0]?.body).toContain('{"a":0.1,"b":9007199254740991,"c":1e+21,"d":-5}');
  });

  test('names its decision, and its bundles by their revisions', async () => {
    answers({
      result: { verdict: 'permit', reasons: ['deployers-deploy'] },
      decision_id: '1955fc4d-8b1a',
      provenance: { version: '1.10.0', bundles: { b: { revision: 'r2' }, a: { revision: 'r1' } } },
    });
    expect(await decide()).toEqual({
      verdict: 'permit',
      approvals: [],
      policy: { id: PATH, version: 'a=r1,b=r2' },
      decisionId: '1955fc4d-8b1a',
      reasons: ['deployers-deploy'],
    });
  });

  test.each<[string, unknown, string]>([
    ['no provenance', undefined, UNVERSIONED],
    ['no bundles', { version: '1.10.0' }, UNVERSIONED],
    ['a single revision, as old servers say it', { revision: 'r7' }, 'r7'],
    ['a bundle without a revision', { bundles: { a: {} } }, 'a='],
  ])('with %s has a version all the same', async (_, provenance, version) => {
    answers({ result: true, provenance });
    expect((await decide()).policy.version).toBe(version);
  });

  test('has versions of any length named by their hash', async () => {
    answers({ result: true, provenance: { revision: 'r'.repeat(300) } });
    expect((await decide()).policy.version).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('may name policy and version itself', async () => {
    answers({
      result: { verdict: 'deny', policy: { id: 'refunds', version: '3' } },
      provenance: { revision: 'r7' },
    });
    expect((await decide()).policy).toEqual({ id: 'refunds', version: '3' });
  });

  test('Y01 that gives no result denies', async () => {
    answers({ decision_id: 'd-1' });
    const decision = await decide();
    expect(decision.verdict).toBe('deny');
    expect(decision.reasons).toEqual([RESULT_UNDEFINED]);
    expect(decision.decisionId).toBe('d-1');
  });

  test.each<[string, number, string]>([
    ['400', 400, '{"code":"invalid_parameter","message":"canary-message"}'],
    ['401', 401, '{"code":"unauthorized","message":"canary-message"}'],
    ['404', 404, '{"code":"resource_not_found"}'],
    [
      '500',
      500,
      '{"code":"internal_error","message":"canary-message","errors":[{"code":"eval_conflict_error"}]}',
    ],
    ['500 beside a result', 500, '{"result":true}'],
    ['201', 201, '{"result":true}'],
    ['204', 204, ''],
    ['no JSON', 200, '<html>'],
    ['nothing', 200, ''],
    ['JSON that is no object', 200, '[{"result":true}]'],
    ['a bare boolean', 200, 'true'],
    ['a member twice', 200, '{"result":false,"result":true}'],
    ['a member twice in the document', 200, '{"result":{"verdict":"deny","verdict":"permit"}}'],
    ['more after the JSON', 200, '{"result":true}{}'],
    ['a byte order mark', 200, '\uFEFF{"result":true}'],
    ['a warning', 200, '{"result":true,"warning":{"code":"api_usage_warning"}}'],
    ['a decision id that is no text', 200, '{"result":true,"decision_id":1}'],
    ['a decision id of nothing', 200, '{"result":true,"decision_id":""}'],
    ['a provenance that is no object', 200, '{"result":true,"provenance":"r1"}'],
    ['bundles that are no object', 200, '{"result":true,"provenance":{"bundles":[]}}'],
    [
      'a revision that is no text',
      200,
      '{"result":true,"provenance":{"bundles":{"a":{"revision":1}}}}',
    ],
    ['null', 200, '{"result":null}'],
  ])('W06 Y07 that answers %s is not heard', async (_, status, body) => {
    answers(body, status);
    const error = await failure();
    expect(error.code).toBe('policy_unavailable');
    expect(inspect(error, { depth: null })).not.toContain('canary');
  });

  test('that answers bytes which are no UTF-8 is not heard', async () => {
    server.answer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(Buffer.from([...Buffer.from('{"result":true,"x":"'), 0xff, 0x22, 0x7d]));
    });
    expect((await failure()).code).toBe('policy_unavailable');
  });

  test.each([
    ['application/json; charset=utf-8', true],
    ['Application/JSON', true],
    ['text/html', false],
    ['application/jsonp', false],
    ['application/json; charset=utf-16', false],
    [undefined, false],
  ])('W06 with the content type %s: heard %s', async (type, isHeard) => {
    server.answer((_, response) => {
      if (type !== undefined) response.setHeader('content-type', type);
      response.end('{"result":true}');
    });
    if (isHeard) expect((await decide()).verdict).toBe('permit');
    else expect((await failure()).code).toBe('policy_unavailable');
  });

  test('that compresses without being asked is not heard', async () => {
    server.answer((request, response) => {
      expect(request.headers['accept-encoding']).toBe(undefined);
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end('{"result":true}');
    });
    expect((await failure()).code).toBe('policy_unavailable');
  });

  test.each([[301], [302], [303], [307], [308]])(
    'W03 that redirects with %i is not followed',
    async (status) => {
      const other = await startOpaServer();
      try {
        other.answer((_, response) => json(response, 200, { result: true }));
        server.answer((_, response) => {
          response.writeHead(status, { location: other.url, 'content-type': 'application/json' });
          response.end('{"result":true}');
        });
        expect((await failure(engineWith({ token: TOKEN }))).code).toBe('policy_unavailable');
        expect(other.requests).toEqual([]);
      } finally {
        await other.close();
      }
    },
  );

  test.each<[string, OpaAnswerer]>([
    [
      'said before',
      (_, response) => json(response, 200, `{"result":true,"x":"${'x'.repeat(5000)}"}`),
    ],
    [
      'not said before',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"result":true,"x":"');
        const more = setInterval(() => response.write('x'.repeat(500)), 1);
        response.on('close', () => clearInterval(more));
      },
    ],
  ])(
    'W04 whose answer is longer than allowed is not heard to its end, the length %s',
    async (_, answerer) => {
      server.answer(answerer);
      expect((await failure(engineWith({ maxResponse: 4096, timeout: 30_000 }))).code).toBe(
        'policy_unavailable',
      );
      await allClosed();
      answers({ result: true });
      expect((await decide(engineWith({ maxResponse: 4096 }))).verdict).toBe('permit');
    },
  );

  test.each<[string, OpaAnswerer]>([
    ['does not answer', () => {}],
    [
      'begins an answer and goes no further',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"result":');
      },
    ],
  ])('Y07 Z01 that %s is given up, and its connection closed', async (_, answerer) => {
    server.answer(answerer);
    expect((await failure(engineWith({ timeout: 30 }))).code).toBe('policy_unavailable');
    await allClosed();
  });

  test.each<[string, OpaAnswerer]>([
    ['before its answer', (_, response) => response.socket?.destroy()],
    [
      'in the middle of its answer',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 15 });
        response.write('{"result":tru', () => response.socket?.destroy());
      },
    ],
    [
      'in the middle of an answer without a length',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"result":true}', () => response.socket?.destroy());
      },
    ],
  ])('that hangs up %s is not heard', async (_, answerer) => {
    server.answer(answerer);
    expect((await failure()).code).toBe('policy_unavailable');
  });

  test('Z01 that is not there refuses, and is asked again once it is', async () => {
    const engine = engineWith();
    const { url } = server;
    await server.close();
    expect((await failure(engine)).code).toBe('policy_unavailable');
    const absent = createOpaEngine({ url, path: PATH });
    expect(await absent.health()).toMatchObject({ status: 'unhealthy' });
    absent.close();
    server = await startOpaServer();
    answers({ result: true });
    expect((await decide(engineWith())).verdict).toBe('permit');
  });

  test('is asked over one connection, one question after the other', async () => {
    answers({ result: true });
    const engine = engineWith();
    for (let index = 0; index < 20; index++) await decide(engine);
    expect(server.requests.length).toBe(20);
    expect(server.connections()).toBe(1);
  });

  test('is asked over no more connections than allowed', async () => {
    server.answer((_, response) => setImmediate(json, response, 200, { result: true }));
    const engine = engineWith({ maxConnections: 3, timeout: 30_000 });
    const decisions = await Promise.all(Array.from({ length: 30 }, () => decide(engine)));
    expect(decisions.every(({ verdict }) => verdict === 'permit')).toBe(true);
    expect(server.connections()).toBe(3);
  });

  test('that has closed a kept connection is asked over a new one', async () => {
    answers({ result: true });
    const engine = engineWith();
    await decide(engine);
    let isFirst = true;
    server.answer((request, response) => {
      // As a server that closes an idle connection just as it is used: nothing of an answer was sent.
      if (isFirst) response.socket?.destroy();
      else json(response, 200, { result: request.method === 'POST' });
      isFirst = false;
    });
    expect((await decide(engine)).verdict).toBe('permit');
    expect(server.connections()).toBe(2);
  });

  test('is not asked any more once the engine was closed, and questions under way are refused', async () => {
    server.answer(() => {});
    const engine = engineWith({ timeout: 30_000 });
    const underWay = failure(engine);
    while (server.requests.length === 0) await new Promise(setImmediate);
    engine.close();
    expect((await underWay).code).toBe('policy_unavailable');
    expect((await failure(engine)).code).toBe('policy_unavailable');
    expect(server.requests.length).toBe(1);
    await allClosed();
  });

  test('is healthy when it says so, with its bundles and plugins, and not otherwise', async () => {
    const engine = engineWith();
    answers({});
    expect(await engine.health()).toEqual({ status: 'healthy' });
    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/health?bundles&plugins' });
    answers({ error: 'not all plugins in OK state' }, 500);
    expect(await engine.health()).toMatchObject({
      status: 'unhealthy',
      error: { code: 'policy_unavailable' },
    });
  });

  test('is not asked about a call that is longer than allowed', async () => {
    answers({ result: true });
    const engine = engineWith({ maxInput: 4096 });
    const call = (length: number) => policyInput({ arguments: { body: 'x'.repeat(length) } });
    expect((await engine.decide(call(2000))).verdict).toBe('permit');
    await expect(engine.decide(call(4096))).rejects.toMatchObject({ code: 'policy_unavailable' });
    expect(server.requests.length).toBe(1);
  });
});

describe('the address of an OPA server', () => {
  const urlOf = (url: unknown, allowHttp?: boolean) => () =>
    createOpaEngine({
      url: url as string,
      path: PATH,
      ...(allowHttp === undefined ? {} : { allowHttp }),
    }).close();

  test.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1:8181',
    'ftp://127.0.0.1',
    'unix:/run/opa.sock',
    'javascript:alert(1)',
    'http://',
    '127.0.0.1:8181',
    '//127.0.0.1:8181',
    'https://user@opa.example',
    'https://user:secret@opa.example',
    'https://@opa.example',
    'https://opa.example?x=1',
    'https://opa.example/#x',
    'https://opa.example/a/../b',
    'https://opa.example/a%2fb',
    'https://opa.example//b',
    'https://opa.example\\@127.0.0.1',
    ' https://opa.example',
    'http://opa.example',
    'http://169.254.169.254',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'http://[2001:db8::1]:8181',
    undefined,
    8181,
  ])('W01 W05 Z03 %s is refused', (url) => {
    expect(urlOf(url)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });

  test.each([
    'http://127.0.0.1:8181',
    'http://127.0.0.1:8181/',
    'http://[::1]:8181',
    'http://localhost:8181',
    'https://opa.example',
    'https://opa.example:8443/policies',
  ])('%s is accepted', (url) => {
    expect(urlOf(url)).not.toThrow();
  });

  test('may be of another machine without TLS where that is asked for', () => {
    expect(urlOf('http://opa.internal:8181', true)).not.toThrow();
    expect(urlOf('http://opa.internal:8181', false)).toThrow(TaperError);
  });

  test('does not show in an error', () => {
    for (const url of ['https://user:canary@opa.example', 'http://canary.example', 'canary://x']) {
      const error = thrownBy(urlOf(url));
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('canary');
    }
  });

  test('may have a path before the API', async () => {
    answers({ result: true });
    await decide(engineWith({ url: `${server.url}/policies/` }));
    expect(server.requests[0]?.url?.startsWith('/policies/v1/data/taper/decision?')).toBe(true);
  });

  test.each([
    '',
    '/taper/decision',
    'taper/decision/',
    'taper//decision',
    'taper/../system',
    'taper/./decision',
    'taper/%2e%2e/decision',
    'taper/decision?x=1',
    'taper/decision#x',
    'taper\\decision',
    'taper/deci sion',
    'taper/"];http.send()',
    'taper/0',
    'taper/décision',
    'taper\n/decision',
    'a/'.repeat(40).slice(0, -1),
    'a'.repeat(200),
    undefined,
    ['taper', 'decision'],
  ])('Y05 with the path %j is refused', (path) => {
    const make = (): OpaEngine => createOpaEngine({ url: server.url, path: path as string });
    expect(make).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });

  test.each<object>([
    { timeOut: 500 },
    { timeout: 0 },
    { timeout: '500' },
    { timeout: Number.NaN },
    { timeout: Number.POSITIVE_INFINITY },
    { maxResponse: 0 },
    { maxInput: -1 },
    { maxConnections: 0 },
    { allowHttp: 'yes' },
    { id: '' },
    { tls: { ca: 'no certificate' } },
    { tls: { rejectUnauthorized: false } },
    { tls: { cert: '-----BEGIN CERTIFICATE-----' } },
    { token: '' },
    { token: 7 },
  ])('Z03 with the options %j is refused', (options) => {
    const make = (): OpaEngine => createOpaEngine({ url: server.url, path: PATH, ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

describe('the token for an OPA server', () => {
  test.each(['a b', 'a\r\nx-admin: 1', 'tökén', '=', 'a"b'])(
    'that is none, such as %j, is refused and not shown',
    (token) => {
      const error = thrownBy(() =>
        engineWith({ token: `canary${token}` === 'canary=' ? '=' : `canary${token}` }),
      );
      expect(error).toMatchObject({ code: 'option_invalid' });
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('canary');
    },
  );

  test('is asked for anew with each question', async () => {
    answers({ result: true });
    let serial = 0;
    const engine = engineWith({ token: async () => `token-${++serial}` });
    await decide(engine);
    await decide(engine);
    expect(server.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
  });

  test.each<[string, () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw new Error('canary');
      },
    ],
    ['rejects', () => Promise.reject(new Error('canary'))],
    ['gives none', () => 'canary\r\nx: y'],
    ['never comes', () => new Promise(() => {})],
  ])('that %s refuses, and nothing is asked', async (_, token) => {
    const error = await failure(engineWith({ token, timeout: 50 }));
    expect(['policy_unavailable', 'option_invalid']).toContain(error.code);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('canary');
    expect(server.requests).toEqual([]);
  });

  test('shows neither in the engine nor in any error', async () => {
    const engine = engineWith({ token: TOKEN, timeout: 30 });
    expect(inspect(engine, { depth: null, showHidden: true })).not.toContain(TOKEN);
    const failing: OpaAnswerer[] = [
      (_, response) => json(response, 500, { message: TOKEN }),
      (_, response) => json(response, 401, { code: TOKEN }),
      (_, response) => response.socket?.destroy(),
      () => {},
    ];
    for (const answerer of failing) {
      server.answer(answerer);
      const error = await failure(engine);
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain(TOKEN);
    }
    await server.close();
    expect(inspect(await failure(engine), { depth: null, showHidden: true })).not.toContain(TOKEN);
    expect(inspect(await engine.health(), { depth: null, showHidden: true })).not.toContain(TOKEN);
  });
});

/** Ends once the server has no connection left; the test runs out of time otherwise. */
async function allClosed(): Promise<void> {
  while ((await server.open()) > 0) await new Promise(setImmediate);
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

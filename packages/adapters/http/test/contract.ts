import { connect } from 'node:net';
import type { JsonObject, VerifiedChain } from '@taper/core';
import { createSessionTable, initiateSession } from '@taper/enforce';
import {
  CHAIN_HASH,
  CHAINS_PATH,
  chainHash,
  encodePresentation,
  SESSION_FINISH_PATH,
  SESSION_HELLO_PATH,
} from '@taper/http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty, headerFor, now, present } from './agents.ts';
import { createShop, type Framework, type Running, type Shop, type ShopOptions } from './shop.ts';
import { exchange, type RawRequest, type RawResponse, send } from './socket.ts';

const JSON_TYPE = 'Content-Type: application/json';

/** The refund of which every deviation below is one. */
const REFUND: RawRequest & { readonly args: JsonObject } = {
  method: 'POST',
  target: '/payments/p-1/refund?dry_run=true',
  headers: [JSON_TYPE],
  body: '{"amount":"25.00"}',
  args: { id: 'p-1', amount: '25.00', dry_run: true },
};

interface Refusal extends RawRequest {
  readonly title: string;
  readonly status: number;
  /** Undefined where Node refuses before anybody else sees the request. */
  readonly code?: string;
  /** Some frameworks refuse the target before the guard sees it, in words of their own. */
  readonly framework?: boolean;
}

const refusedTarget = (title: string, target: string): Refusal => {
  return { title, target, status: 400, code: 'request_malformed' };
};
const undeclared = (title: string, rest: RawRequest): Refusal => {
  return { title, ...rest, status: 400, code: 'request_input_undeclared' };
};
const malformed = (title: string, rest: RawRequest): Refusal => {
  return { title, ...rest, status: 400, code: 'request_malformed' };
};
const unknownRoute = (title: string, rest: RawRequest): Refusal => {
  return { title, ...rest, status: 404, code: 'route_not_declared' };
};

/** Each is the refund, with a fresh and valid proof for it, and one thing changed. */
const REFUSALS: readonly Refusal[] = [
  unknownRoute('another path', { target: '/payments/p-1/refunds' }),
  unknownRoute('another method', { method: 'PUT' }),
  unknownRoute('a path in another case', { target: '/Payments/p-1/refund?dry_run=true' }),
  unknownRoute('OPTIONS', { method: 'OPTIONS' }),
  unknownRoute('QUERY', { method: 'QUERY' }),
  { title: 'TRACE', method: 'TRACE', status: 404, code: 'route_not_declared' },
  { title: 'a verb in lower case', method: 'post', status: 400 },
  refusedTarget('a trailing slash', '/payments/p-1/refund/'),
  refusedTarget('an empty segment', '/payments//p-1/refund'),
  refusedTarget('a leading double slash', '//payments/p-1/refund'),
  refusedTarget('a dot segment', '/payments/x/../p-1/refund'),
  refusedTarget('an encoded dot segment', '/payments/%2E%2E/refund'),
  refusedTarget('a single dot segment', '/payments/./refund'),
  refusedTarget('an encoded slash', '/payments/p-1%2Fx/refund'),
  { ...refusedTarget('a backslash', '/payments\\p-1/refund'), framework: true },
  refusedTarget('an encoded backslash', '/payments/p%5C1/refund'),
  refusedTarget('NUL', '/payments/p-1%00/refund'),
  refusedTarget('a line feed', '/payments/p-1%0A/refund'),
  refusedTarget('parameters of a segment', '/payments/p-1;v=2/refund'),
  refusedTarget('an encoded semicolon', '/payments/p-1%3Bv=2/refund'),
  refusedTarget('double encoding', '/payments/p%252D1/refund'),
  refusedTarget('a letter in percent-encoding', '/payments/%70-1/refund'),
  refusedTarget('percent-encoding in lower case', '/payments/%c3%bc/refund'),
  { ...refusedTarget('bytes that are not UTF-8', '/payments/%FF/refund'), framework: true },
  { ...refusedTarget('an overlong encoding', '/payments/%C0%AF/refund'), framework: true },
  { ...refusedTarget('a percent sign without digits', '/payments/p-1%/refund'), framework: true },
  refusedTarget('a fragment', '/payments/p-1/refund?dry_run=true#x'),
  refusedTarget('absolute form', 'http://pay.example/payments/p-1/refund?dry_run=true'),
  refusedTarget('absolute form of another host', 'http://evil.example/payments/p-1/refund'),
  refusedTarget('a query parameter twice', '/payments/p-1/refund?dry_run=true&dry_run=true'),
  refusedTarget('a query without parameters', '/payments/p-1/refund?'),
  refusedTarget('a query parameter without a value', '/payments/p-1/refund?dry_run'),
  refusedTarget('an empty query parameter', '/payments/p-1/refund?dry_run=true&'),
  refusedTarget('a plus for a space', '/payments/p-1/refund?dry_run=tr+ue'),
  refusedTarget('a semicolon between parameters', '/payments/p-1/refund?dry_run=true;x=1'),
  refusedTarget('brackets in a parameter', '/payments/p-1/refund?dry_run[]=true'),
  refusedTarget('an encoded name of a parameter', '/payments/p-1/refund?dry%5Frun=true'),
  refusedTarget('a value in another spelling', '/payments/p-1/refund?dry_run=True'),
  refusedTarget('a number for a boolean', '/payments/p-1/refund?dry_run=1'),
  refusedTarget('a target that is too long', `/payments/p-1/refund?dry_run=${'t'.repeat(8200)}`),
  undeclared('another query parameter', { target: '/payments/p-1/refund?dry_run=true&x=1' }),
  undeclared('a declared parameter in the wrong place', {
    target: '/payments/p-1/refund?dry_run=true&amount=25.00',
  }),
  undeclared('another member of the body', { body: '{"amount":"25.00","to":"me"}' }),
  undeclared('a member that belongs to the path', { body: '{"amount":"25.00","id":"p-1"}' }),
  undeclared('a member in another case', { body: '{"amount":"25.00","Amount":"99.00"}' }),
  ...['X-HTTP-Method-Override: DELETE', 'X-Method-Override: DELETE', 'X-HTTP-Method: DELETE'].map(
    (line) => undeclared(`a method override: ${line}`, { headers: [JSON_TYPE, line] }),
  ),
  undeclared('another target in a header', { headers: [JSON_TYPE, 'X-Original-URL: /settings'] }),
  malformed('no body', { body: '', headers: [] }),
  malformed('a media type without a body', { body: '' }),
  malformed('an empty body in chunks', {
    headers: [JSON_TYPE, 'Transfer-Encoding: chunked'],
    body: '0\r\n\r\n',
  }),
  malformed('a member twice', { body: '{"amount":"99.00","amount":"25.00"}' }),
  malformed('a member twice, once escaped', { body: '{"amount":"99.00","amoun\\u0074":"25.00"}' }),
  malformed('__proto__', { body: '{"amount":"25.00","__proto__":{}}' }),
  malformed('a body that is no object', { body: '["25.00"]' }),
  malformed('null for a body', { body: 'null' }),
  malformed('no amount', { body: '{"note":"x"}' }),
  malformed('a number where a string is declared', { body: '{"amount":25.00}' }),
  malformed('an array where a string is declared', { body: '{"amount":["25.00"]}' }),
  malformed('a byte order mark', { body: '\ufeff{"amount":"25.00"}' }),
  malformed('a body that is not UTF-8', {
    body: Buffer.from('{"amount":"25.00","note":"\xfc"}', 'latin1'),
  }),
  malformed('UTF-16', { body: Buffer.from('{"amount":"25.00"}', 'utf16le') }),
  malformed('two JSON texts', { body: '{"amount":"25.00"}{"amount":"99.00"}' }),
  malformed('JSON with a trailing comma', { body: '{"amount":"25.00",}' }),
  malformed('a lone surrogate', { body: '{"amount":"25.00","note":"\\ud800"}' }),
  malformed('deep nesting', {
    body: `{"amount":"25.00","note":${'['.repeat(200)}${']'.repeat(200)}}`,
  }),
  malformed('no media type', { headers: [] }),
  malformed('another media type', { headers: ['Content-Type: text/plain'] }),
  malformed('a form', {
    headers: ['Content-Type: application/x-www-form-urlencoded'],
    body: 'amount=25.00',
  }),
  malformed('a suffix of the media type', { headers: ['Content-Type: application/json5'] }),
  malformed('another charset', { headers: ['Content-Type: application/json; charset=utf-16'] }),
  malformed('a media type with an unknown parameter', { headers: [`${JSON_TYPE}; version=2`] }),
  malformed('two media types', { headers: [JSON_TYPE, 'Content-Type: text/plain'] }),
  malformed('two media types in one line', { headers: [`${JSON_TYPE}, text/plain`] }),
  ...['gzip', 'deflate', 'br', 'identity'].map((coding) =>
    malformed(`content coding ${coding}`, { headers: [JSON_TYPE, `Content-Encoding: ${coding}`] }),
  ),
  malformed('a transfer coding that compresses', {
    headers: [JSON_TYPE, 'Transfer-Encoding: gzip, chunked'],
    body: '12\r\n{"amount":"25.00"}\r\n0\r\n\r\n',
  }),
  {
    title: 'digits that a double cannot hold',
    body: '{"amount":"25.00","note":9007199254740993}',
    status: 400,
    code: 'argument_number_inadmissible',
  },
  {
    title: 'a body larger than its route takes',
    body: `{"amount":"25.00","note":"${'x'.repeat(5000)}"}`,
    status: 413,
    code: 'request_too_large',
  },
  {
    title: 'a body that claims to be larger than its route takes',
    headers: [JSON_TYPE, 'Content-Length: 999999999'],
    status: 413,
    code: 'request_too_large',
  },
  {
    title: 'chunks larger than the route takes',
    headers: [JSON_TYPE, 'Transfer-Encoding: chunked'],
    body: `${(5000).toString(16)}\r\n${' '.repeat(5000)}\r\n0\r\n\r\n`,
    status: 413,
    code: 'request_too_large',
  },
  // Node refuses these by itself; they are here so that it stays so.
  {
    title: 'Content-Length twice',
    headers: [JSON_TYPE, 'Content-Length: 18', 'Content-Length: 5'],
    status: 400,
  },
  {
    title: 'Content-Length beside Transfer-Encoding',
    headers: [JSON_TYPE, 'Content-Length: 18', 'Transfer-Encoding: chunked'],
    body: '12\r\n{"amount":"25.00"}\r\n0\r\n\r\n',
    status: 400,
  },
  {
    title: 'Transfer-Encoding with another coding last',
    headers: [JSON_TYPE, 'Transfer-Encoding: chunked, identity'],
    status: 400,
  },
  { title: 'a space before the colon', headers: [JSON_TYPE, 'Content-Length : 18'], status: 400 },
  { title: 'Host twice', headers: [JSON_TYPE, 'Host: evil.example'], status: 400 },
  { title: 'a folded header line', headers: [JSON_TYPE, 'X-Folded: a\r\n b'], status: 400 },
  // what the token and the proof say
  {
    title: 'other arguments than the proof covers',
    body: '{"amount":"25.00","note":"x"}',
    status: 401,
    code: 'proof_arguments_mismatch',
  },
  {
    title: 'another path than the proof covers',
    target: '/payments/p-2/refund?dry_run=true',
    status: 401,
    code: 'proof_arguments_mismatch',
  },
  {
    title: 'another query than the proof covers',
    target: '/payments/p-1/refund?dry_run=false',
    status: 401,
    code: 'proof_arguments_mismatch',
  },
  {
    title: 'an argument that the token refuses',
    body: '{"amount":"25.01"}',
    status: 403,
    code: 'argument_refused',
  },
  {
    title: 'another route than the proof covers',
    method: 'DELETE',
    target: '/payments/p-1',
    headers: [],
    body: '',
    status: 401,
    code: 'proof_tool_mismatch',
  },
];

const codeOf = (response: RawResponse): string | undefined =>
  response.body === '' ? undefined : (JSON.parse(response.body) as { code?: string }).code;

/** What every framework must do. The same suite runs for each, over real sockets. */
export function describeGuard({ name, start, startBehindParser, startMixedUp }: Framework): void {
  let chain: VerifiedChain;
  beforeAll(async () => {
    chain = await createChain();
  });

  const withServer = async (
    use: (server: Running, shop: Shop) => Promise<void>,
    options: ShopOptions = {},
    open: Framework['start'] = start,
  ): Promise<void> => {
    const shop = createShop(options);
    const server = await open(shop);
    try {
      await use(server, shop);
    } finally {
      await server.close();
    }
  };
  const proofLine = async (tool = 'refund', args = REFUND.args): Promise<string> =>
    `Taper-Presentation: ${await headerFor(chain, tool, args)}`;

  describe(`${name}: what runs`, () => {
    let shop: Shop;
    let server: Running;
    beforeAll(async () => {
      shop = createShop();
      server = await start(shop);
    });
    afterAll(() => server.close());
    beforeEach(() => {
      shop.executions.length = 0;
      shop.outcomes.length = 0;
    });
    const call = async (
      tool: string,
      args: JsonObject,
      request: RawRequest,
    ): Promise<RawResponse> => {
      const headers = [...(request.headers ?? []), await proofLine(tool, args)];
      return exchange(server.port, { ...request, headers });
    };

    test('runs the handler of a proven request once, with the judged arguments, frozen', async () => {
      const response = await call('refund', REFUND.args, REFUND);
      expect(response.status).toBe(200);
      expect(shop.executions).toEqual([
        {
          tool: 'refund',
          args: REFUND.args,
          frozen: true,
          body: { amount: '25.00' },
          holder: agent.publicKey.thumbprint,
        },
      ]);
      expect(shop.outcomes).toEqual(['executed']);
    });

    test('keeps what a guarded route sends out of caches', async () => {
      const response = await call('refund', REFUND.args, REFUND);
      expect(response.headers['cache-control']).toBe('no-store');
    });

    test.each<[string, JsonObject, RawRequest]>([
      ['show_payment', { id: 'a b' }, { target: '/payments/a%20b' }],
      ['show_payment', { id: 'ü&=+' }, { target: '/payments/%C3%BC&=+' }],
      ['show_payment', { id: '5' }, { target: '/payments/5' }],
      ['show_payment', { id: '...' }, { target: '/payments/...' }],
      ['list_payments', {}, { target: '/payments' }],
      ['list_payments', { limit: 5 }, { target: '/payments?limit=5' }],
      ['list_payments', { limit: -7 }, { target: '/payments?limit=-7' }],
      ['list_payments', { after: '5', limit: 5 }, { target: '/payments?after=5&limit=5' }],
      ['list_payments', { after: '' }, { target: '/payments?after=' }],
      [
        'list_payments',
        { after: 'a+b=c&d;e%25/\\ ' },
        { target: '/payments?after=a%2Bb%3Dc%26d%3Be%2525/%5C%20' },
      ],
      ['delete_payment', { id: 'p-1' }, { method: 'DELETE', target: '/payments/p-1' }],
      ['ping', {}, { method: 'POST', target: '/ping' }],
      ['ping', {}, { method: 'POST', target: '/ping', headers: ['Content-Length: 0'] }],
    ])('reads %s %j from path and query', async (tool, args, request) => {
      expect((await call(tool, args, request)).status).toBe(200);
      expect(shop.executions).toMatchObject([{ tool, args }]);
    });

    test.each([
      'limit=05',
      'limit=5.0',
      'limit=+5',
      'limit=%205',
      'limit=0x5',
      'limit=-0',
      'limit=',
      'limit=9007199254740993',
      'limit=5e0',
    ])('reads no integer from %s', async (query) => {
      const response = await call('list_payments', { limit: 5 }, { target: `/payments?${query}` });
      expect([response.status, codeOf(response)]).toEqual([400, 'request_malformed']);
      expect(shop.executions).toEqual([]);
    });

    test.each<JsonObject>([
      { settings: { a: [1, { b: null }], é: 'ü' } },
      { settings: [1.5, 1e21, true] },
      { settings: 'text' },
      { settings: null },
    ])('takes a whole body as one argument: %j', async (args) => {
      const request = { method: 'PUT', target: '/settings', headers: [JSON_TYPE] };
      const body = JSON.stringify(args['settings'], null, 2); // white space is no argument
      expect((await call('replace_settings', args, { ...request, body })).status).toBe(200);
      expect(shop.executions).toMatchObject([{ args, body: args['settings'] }]);
    });

    test.each<[string, RawRequest]>([
      [
        'a media type with its charset',
        { headers: ['content-type: Application/JSON; charset="UTF-8"'] },
      ],
      [
        'chunks',
        {
          headers: [JSON_TYPE, 'Transfer-Encoding: chunked'],
          body: '5\r\n{"amo\r\nd\r\nunt":"25.00"}\r\n0\r\n\r\n',
        },
      ],
      [
        'trailers, which say nothing',
        {
          headers: [JSON_TYPE, 'Transfer-Encoding: chunked', 'Trailer: Taper-Presentation'],
          body: '12\r\n{"amount":"25.00"}\r\n0\r\nTaper-Presentation: :AAAA:\r\n\r\n',
        },
      ],
      [
        'names of agents and proxies in headers, which nobody believes',
        {
          headers: [
            JSON_TYPE,
            'X-Agent-Id: root',
            'X-Forwarded-User: admin',
            'X-Forwarded-For: 127.0.0.1',
            'X-Forwarded-Host: evil.example',
            'Forwarded: for=127.0.0.1',
            'Authorization: Bearer x',
            'Cookie: session=1',
          ],
        },
      ],
    ])('takes %s', async (_, change) => {
      expect((await call('refund', REFUND.args, { ...REFUND, ...change })).status).toBe(200);
      expect(shop.executions).toMatchObject([
        { args: REFUND.args, holder: agent.publicKey.thumbprint },
      ]);
    });

    test.each(['throws', 'answers'])('records a handler that %s as failed', async (how) => {
      const response = await call('fail', { how }, { method: 'POST', target: `/failing/${how}` });
      expect(response.status).toBe(how === 'throws' ? 500 : 503);
      expect(shop.outcomes).toEqual(['failed']);
      expect(response.text).not.toContain('at ');
    });

    test('records a permitted request that reaches no handler as not executed', async () => {
      const response = await call('lost', {}, { method: 'POST', target: '/lost' });
      expect(response.status).toBe(404);
      expect(shop.outcomes).toEqual(['not_executed']);
      expect(shop.executions).toEqual([]);
    });

    test('lets an open route be reached without a presentation, and no other', async () => {
      expect((await exchange(server.port, { target: '/health' })).status).toBe(200);
      expect((await exchange(server.port, { target: '/health?x=1' })).status).toBe(200);
      expect((await exchange(server.port, { target: '/approvals/abc' })).status).toBe(200);
      for (const target of [
        '/health/',
        '/Health',
        '/health/x',
        '/approvals',
        '/metrics',
        '/debug',
        '/',
      ])
        expect((await exchange(server.port, { target })).status).toBeGreaterThanOrEqual(400);
      expect((await exchange(server.port, { method: 'HEAD', target: '/health' })).status).toBe(404);
    });
  });

  describe(`${name}: what is refused`, () => {
    let shop: Shop;
    let server: Running;
    beforeAll(async () => {
      shop = createShop();
      server = await start(shop);
    });
    afterAll(() => server.close());

    test.each(REFUSALS.map((row) => [row.title, row] as const))('refuses %s', async (_, row) => {
      const { method, target, headers, body } = { ...REFUND, ...row };
      const lines = [...(headers ?? []), await proofLine()];
      const response = await exchange(server.port, {
        ...REFUND,
        method,
        target,
        headers: lines,
        body,
      } as RawRequest);
      expect(response.status).toBe(row.status);
      const ours = response.headers['content-type'] === 'application/problem+json';
      if (row.code !== undefined && (ours || row.framework !== true)) {
        expect(codeOf(response)).toBe(row.code);
        expect(response.headers['content-type']).toBe('application/problem+json');
        expect(response.headers['cache-control']).toBe('no-store');
      }
      expect(shop.executions).toEqual([]);
      expect(shop.outcomes).toEqual([]);
    });

    test('refuses HEAD, which is no GET, and runs nothing', async () => {
      const headers = [await proofLine('show_payment', { id: 'p-1' })];
      const head = await exchange(server.port, {
        method: 'HEAD',
        target: '/payments/p-1',
        headers,
      });
      expect(head.status).toBe(404);
      expect(shop.executions).toEqual([]);
    });

    test('refuses a body on a route that has none', async () => {
      for (const [method, target, tool] of [
        ['POST', '/ping', 'ping'],
        ['GET', '/payments', 'list_payments'],
      ] as const) {
        const headers = [JSON_TYPE, await proofLine(tool, {})];
        const response = await exchange(server.port, { method, target, headers, body: '{}' });
        expect([response.status, codeOf(response)]).toEqual([400, 'request_input_undeclared']);
      }
      expect(shop.executions).toEqual([]);
    });

    test('asks for a presentation before it says anything about the rest of the request', async () => {
      const { method, headers, body } = REFUND;
      for (const target of ['/payments/p-1/refund', '/payments/p-1/refund?x=1']) {
        const response = await exchange(server.port, {
          method,
          target,
          headers,
          body,
        } as RawRequest);
        expect([response.status, codeOf(response)]).toEqual([401, 'presentation_missing']);
        expect(response.headers['www-authenticate']).toBe(
          'Taper realm="taper", error="presentation_missing"',
        );
      }
    });

    test('tells nobody whether an object exists: the answer is the same for every id', async () => {
      const thief = createParty();
      const stolen = await createChain({
        holder: thief,
        tools: { show_payment: { id: { constraint_type: 'exact', value: 'mine' } } },
      });
      const answers = await Promise.all(
        ['p-1', 'no-such-payment', 'of-another-tenant'].map(async (id) => {
          const header = encodePresentation(
            await present(stolen, 'show_payment', { id: 'mine' }, { signer: thief.signer }),
          );
          const response = await exchange(server.port, {
            target: `/payments/${id}`,
            headers: [`Taper-Presentation: ${header}`],
          });
          return [response.status, response.body];
        }),
      );
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers[0]?.[0]).toBe(403);
      expect(shop.executions).toEqual([]);
    });

    test('never shows a stack, a token, a proof or an internal', async () => {
      const header = await headerFor(chain, 'refund', { ...REFUND.args, id: 'other' });
      const headers = [JSON_TYPE, `Taper-Presentation: ${header}`];
      const { method, target, body } = REFUND;
      const response = await exchange(server.port, { method, target, headers, body } as RawRequest);
      expect(response.status).toBe(401);
      const { aat_chain, aat_pop } = JSON.parse(
        Buffer.from(header.slice(1, -1), 'base64').toString(),
      );
      for (const secret of [...aat_chain, aat_pop, header])
        expect(response.text).not.toContain(secret);
      expect(response.text).not.toMatch(/\.ts|node_modules|at /);
    });

    test.each<[string, (line: string, header: string) => string[], string]>([
      ['twice', (line) => [line, line], 'request_malformed'],
      ['twice, one of them empty', (line) => [line, 'Taper-Presentation:'], 'request_malformed'],
      ['twice, in another case', (line) => [line, line.toLowerCase()], 'request_malformed'],
      ['twice in one line', (line, header) => [`${line}, ${header}`], 'presentation_malformed'],
      ['with parameters', (line) => [`${line};a=1`], 'presentation_malformed'],
      [
        'without colons',
        (_, header) => [`Taper-Presentation: ${header.slice(1, -1)}`],
        'presentation_malformed',
      ],
      ['as text', () => ['Taper-Presentation: "text"'], 'presentation_malformed'],
      ['as a token', () => ['Taper-Presentation: a.b.c'], 'presentation_malformed'],
      ['empty', () => ['Taper-Presentation: ::'], 'presentation_malformed'],
      [
        'with a member twice',
        (_, header) => {
          const text = Buffer.from(header.slice(1, -1), 'base64').toString();
          const twice = `{"aat_pop":"x",${text.slice(1)}`;
          return [`Taper-Presentation: :${Buffer.from(twice).toString('base64')}:`];
        },
        'presentation_malformed',
      ],
      [
        'that is an array',
        () => [
          `Taper-Presentation: ${Buffer.from('[]').toString('base64').replace(/(.*)/, ':$1:')}`.replace(
            /::$/,
            ':',
          ),
        ],
        'presentation_malformed',
      ],
      [
        'as a bearer token',
        (_, header) => [`Authorization: Taper ${header}`],
        'presentation_missing',
      ],
      [
        'as a cookie',
        (_, header) => [`Cookie: Taper-Presentation=${header}`],
        'presentation_missing',
      ],
      [
        'under a name near it',
        (_, header) => [`X-Taper-Presentation: ${header}`],
        'presentation_missing',
      ],
    ])('refuses the presentation %s', async (_, change, code) => {
      const header = await headerFor(chain, 'refund', REFUND.args);
      const lines = change(`Taper-Presentation: ${header}`, header);
      const response = await exchange(server.port, { ...REFUND, headers: [JSON_TYPE, ...lines] });
      expect(codeOf(response)).toBe(code);
      expect(shop.executions).toEqual([]);
    });

    test('takes no presentation from the query or the body', async () => {
      const header = await headerFor(chain, 'refund', REFUND.args);
      const target = `/payments/p-1/refund?taper-presentation=${encodeURIComponent(header)}`;
      const response = await exchange(server.port, { ...REFUND, target });
      expect(codeOf(response)).toBe('presentation_missing');
      expect(shop.executions).toEqual([]);
    });
  });

  describe(`${name}: once`, () => {
    test('lets exactly one of 20 parallel requests with one proof run', async () => {
      await withServer(async (server, shop) => {
        const headers = [JSON_TYPE, await proofLine()];
        const all = await Promise.all(
          Array.from({ length: 20 }, () => exchange(server.port, { ...REFUND, headers })),
        );
        expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
        expect(all.filter((one) => codeOf(one) === 'proof_replayed')).toHaveLength(19);
        expect(shop.executions).toHaveLength(1);
        expect(shop.outcomes).toEqual(['executed']);
      });
    });

    test('judges pipelined requests one by one, each with its own proof', async () => {
      await withServer(async (server, shop) => {
        const line = await proofLine('ping', {});
        const one = `POST /ping HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
        const last = 'POST /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
        const { text } = await send(server.port, Buffer.from(one + one + last, 'latin1'));
        expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([
          'HTTP/1.1 200',
          'HTTP/1.1 401',
          'HTTP/1.1 401',
        ]);
        expect(shop.executions).toHaveLength(1);
      });
    });

    test('answers a client that has closed its own half of the connection', async () => {
      await withServer(async (server, shop) => {
        const line = await proofLine('ping', {});
        const text = await new Promise<string>((resolve) => {
          let received = '';
          const socket = connect(
            { port: server.port, host: '127.0.0.1', allowHalfOpen: true },
            () =>
              socket.end(`POST /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${line}\r\n\r\n`),
          );
          socket.on('data', (chunk) => {
            received += String(chunk);
          });
          socket.on('close', () => resolve(received));
        });
        expect(text).toMatch(/^HTTP\/1\.1 200 /);
        expect(shop.outcomes).toEqual(['executed']);
      });
    });

    test('closes the connection on which it has not read the body to its end', async () => {
      await withServer(async (server, shop) => {
        const head = `POST ${REFUND.target} HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}\r\nContent-Length: 18\r\n\r\n`;
        const smuggled = `POST /ping HTTP/1.1\r\nHost: a\r\n${await proofLine('ping', {})}\r\n\r\n`;
        const { status, text } = await send(server.port, Buffer.from(head + smuggled, 'latin1'));
        expect(status).toBe(401);
        expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
        expect(shop.executions).toEqual([]);
      });
    });

    test('runs nothing for a body that never comes, and answers', async () => {
      await withServer(
        async (server, shop) => {
          const headers = [JSON_TYPE, await proofLine(), 'Content-Length: 18'];
          const response = await exchange(server.port, { ...REFUND, headers, body: '{"amount":' });
          expect([response.status, codeOf(response)]).toEqual([400, 'request_malformed']);
          expect(shop.executions).toEqual([]);
        },
        { guard: { bodyTimeout: 200 } },
      );
    });

    test('runs nothing when the client goes in the middle of the body, and stays up', async () => {
      await withServer(async (server, shop) => {
        const line = await proofLine();
        await new Promise<void>((resolve) => {
          const socket = connect(server.port, '127.0.0.1', () => {
            const head = `POST ${REFUND.target} HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}\r\n${line}\r\nContent-Length: 18\r\n\r\n{"amount"`;
            socket.write(head, () => socket.destroy());
          });
          socket.on('close', () => resolve());
        });
        expect((await exchange(server.port, { target: '/health' })).status).toBe(200);
        expect(shop.executions).toEqual([]);
        const again = await exchange(server.port, { ...REFUND, headers: [JSON_TYPE, line] });
        expect(again.status).toBe(200); // what was never judged has used nothing
      });
    });

    test('runs nothing when the client goes while the call is judged', async () => {
      let hold: (() => void) | undefined;
      const held = new Promise<void>((resolve) => {
        hold = resolve;
      });
      let asked: (() => void) | undefined;
      const judging = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const replay = {
        async accept() {
          asked?.();
          await held;
          return 'accepted' as const;
        },
        forget() {},
      };
      await withServer(
        async (server, shop) => {
          const line = await proofLine('ping', {});
          const socket = connect(server.port, '127.0.0.1', () =>
            socket.write(`POST /ping HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`),
          );
          await judging;
          socket.destroy();
          await new Promise((resolve) => setTimeout(resolve, 100));
          hold?.();
          await expect.poll(() => shop.outcomes).toEqual(['not_executed']);
          expect(shop.executions).toEqual([]);
        },
        { point: { replay, portTimeout: 10_000 } },
      );
    });
  });

  describe(`${name}: mistakes of the operator`, () => {
    test('trusts no body that somebody else has read: it refuses, and says so to the operator', async () => {
      await withServer(
        async (server, shop) => {
          const headers = [JSON_TYPE, await proofLine()];
          const response = await exchange(server.port, { ...REFUND, headers });
          expect([response.status, codeOf(response)]).toEqual([500, 'internal_error']);
          expect(shop.executions).toEqual([]);
          expect(shop.reports).toEqual([expect.objectContaining({ code: 'option_invalid' })]);
          const line = await proofLine('show_payment', { id: 'p-1' });
          expect(
            (await exchange(server.port, { target: '/payments/p-1', headers: [line] })).status,
          ).toBe(200);
        },
        {},
        startBehindParser,
      );
    });

    test('runs a handler under the permit of its own route and no other', async () => {
      await withServer(
        async (server, shop) => {
          const wrong = await exchange(server.port, {
            method: 'POST',
            target: '/lost',
            headers: [await proofLine('lost', {})],
          });
          expect([wrong.status, codeOf(wrong)]).toEqual([500, 'internal_error']);
          expect(shop.outcomes).toEqual(['not_executed']);
          expect(shop.executions).toEqual([]);
          const unguarded = await exchange(server.port, {
            method: 'POST',
            target: '/unguarded',
            headers: [await proofLine('ping', {})],
          });
          expect([unguarded.status, codeOf(unguarded)]).toEqual([500, 'internal_error']);
          expect(shop.executions).toEqual([]);
          const right = await exchange(server.port, {
            method: 'POST',
            target: '/ping',
            headers: [await proofLine('ping', {})],
          });
          expect(right.status).toBe(200);
        },
        {},
        startMixedUp,
      );
    });

    test('takes the tenant from the chain alone, never from the request', async () => {
      await withServer(
        async (server, shop) => {
          const headers = ['X-Tenant: acme', 'X-Tenant-Id: acme', 'Cookie: tenant=acme'];
          for (const [tenant, code] of [
            ['acme', undefined],
            ['other', 'tenant_mismatch'],
            [undefined, 'tenant_mismatch'],
          ] as const) {
            const given = await createChain({
              ...(tenant === undefined ? {} : { caveats: { tenant } }),
            });
            const line = `Taper-Presentation: ${await headerFor(given, 'ping', {})}`;
            const request = { method: 'POST', target: '/ping', headers: [...headers, line] };
            expect(codeOf(await exchange(server.port, request))).toBe(code);
          }
          expect(shop.executions).toHaveLength(1);
        },
        { point: { tenant: 'acme' } },
      );
    });

    test('answers 503 and nothing else when the enforcement point cannot write its audit log', async () => {
      await withServer(
        async (server, shop) => {
          const response = await exchange(server.port, {
            ...REFUND,
            headers: [JSON_TYPE, await proofLine()],
          });
          expect(codeOf(response)).toBe('audit_unavailable');
          expect(response.text).not.toContain('full disk');
          expect(shop.executions).toEqual([]);
        },
        {
          point: {
            audit: { record: () => Promise.reject(new Error('full disk')) } as never,
          },
        },
      );
    });
  });

  describe(`${name}: chains by name`, () => {
    const nameChain = async (
      given: VerifiedChain,
      args: JsonObject = REFUND.args,
    ): Promise<string> => {
      const { aat_chain, aat_pop } = await present(given, 'refund', args);
      return `Taper-Presentation: ${encodePresentation({ [CHAIN_HASH]: chainHash(aat_chain), aat_pop })}`;
    };
    const store = (port: number, tokens: readonly unknown[]): Promise<RawResponse> =>
      exchange(port, {
        method: 'POST',
        target: CHAINS_PATH,
        headers: [JSON_TYPE],
        body: JSON.stringify({ aat_chain: tokens }),
      });
    const tokensOf = (given: VerifiedChain): string[] => given.tokens.map(({ compact }) => compact);

    test('gives a named chain the verdict of the whole one, and needs a proof for every call', async () => {
      await withServer(async (server, shop) => {
        const refund = async (line: string): Promise<RawResponse> =>
          exchange(server.port, { ...REFUND, headers: [JSON_TYPE, line] });
        const before = await refund(await nameChain(chain));
        expect([before.status, codeOf(before)]).toEqual([401, 'chain_not_stored']);
        const stored = await store(server.port, tokensOf(chain));
        expect(stored.status).toBe(201);
        expect(JSON.parse(stored.body)).toEqual({
          [CHAIN_HASH]: chainHash(tokensOf(chain)),
          expires_at: chain.leaf.claims.exp,
        });
        const line = await nameChain(chain);
        expect((await refund(line)).status).toBe(200);
        expect(codeOf(await refund(line))).toBe('proof_replayed');
        expect(codeOf(await refund(await nameChain(chain, { ...REFUND.args, id: 'x' })))).toBe(
          'proof_arguments_mismatch',
        );
        const bare = encodePresentation({ [CHAIN_HASH]: chainHash(tokensOf(chain)) });
        expect(codeOf(await refund(`Taper-Presentation: ${bare}`))).toBe('proof_missing');
        expect(shop.executions).toHaveLength(1);
      });
    });

    test('joins named chains, each judged as if presented whole', async () => {
      await withServer(async (server, shop) => {
        const narrow = await createChain({
          tools: { show_payment: { id: { constraint_type: 'exact', value: 'p-1' } } },
        });
        for (const one of [chain, narrow]) await store(server.port, tokensOf(one));
        for (const [id, status] of [
          ['p-1', 200],
          ['p-2', 401], // the proof under the first chain is for p-1
        ] as const) {
          const each: unknown[] = [];
          for (const one of [chain, narrow]) {
            const { aat_chain, aat_pop } = await present(one, 'show_payment', { id: 'p-1' });
            each.push({ [CHAIN_HASH]: chainHash(aat_chain), aat_pop });
          }
          const headers = [`Taper-Presentation: ${encodePresentation({ taper_chains: each })}`];
          const response = await exchange(server.port, { target: `/payments/${id}`, headers });
          expect(response.status).toBe(status);
        }
        expect(shop.executions).toHaveLength(1);
      });
    });

    test('stores only chains that verify here', async () => {
      await withServer(async (server) => {
        const tokens = tokensOf(chain);
        const forged = [...tokens.slice(0, 1), `${tokens[1]?.slice(0, -8)}AAAAAAAA`];
        for (const [bad, code] of [
          [forged, 'signature_'],
          [tokens.slice(1), ''],
          [[...tokens].reverse(), ''],
          [[], 'chain_empty'],
          [[1], ''],
        ] as const) {
          const response = await store(server.port, bad);
          expect(response.status).toBeGreaterThanOrEqual(400);
          expect(codeOf(response)).toContain(code);
          const hash = chainHash(bad as string[]);
          const { aat_pop } = await present(chain, 'refund', REFUND.args);
          const line = `Taper-Presentation: ${encodePresentation({ [CHAIN_HASH]: hash, aat_pop })}`;
          expect(
            codeOf(await exchange(server.port, { ...REFUND, headers: [JSON_TYPE, line] })),
          ).toBe('chain_not_stored');
        }
      });
    });

    test.each<[string, RawRequest, string]>([
      ['another member', { body: '{"aat_chain":[],"x":1}' }, 'presentation_malformed'],
      ['no chain', { body: '{}' }, 'presentation_malformed'],
      ['no object', { body: '[]' }, 'presentation_malformed'],
      ['a member twice', { body: '{"aat_chain":[],"aat_chain":[]}' }, 'request_malformed'],
      [
        'another media type',
        { headers: ['Content-Type: text/plain'], body: '{"aat_chain":[]}' },
        'request_malformed',
      ],
      [
        'compression',
        { headers: [JSON_TYPE, 'Content-Encoding: gzip'], body: '{"aat_chain":[]}' },
        'request_malformed',
      ],
      ['too many bytes', { body: `{"aat_chain":["${'x'.repeat(300_000)}"]}` }, 'request_too_large'],
      ['another method', { method: 'PUT', body: '{"aat_chain":[]}' }, 'route_not_declared'],
      ['a query', { target: `${CHAINS_PATH}?x=1`, body: '{"aat_chain":[]}' }, 'route_not_declared'],
    ])('stores nothing of %s', async (_, change, code) => {
      await withServer(async (server) => {
        const request = { method: 'POST', target: CHAINS_PATH, headers: [JSON_TYPE], ...change };
        expect(codeOf(await exchange(server.port, request))).toBe(code);
      });
    });

    test('refuses a chain beside its name, and names that are none', async () => {
      await withServer(async (server) => {
        const { aat_chain, aat_pop } = await present(chain, 'refund', REFUND.args);
        const hash = chainHash(aat_chain);
        for (const [presentation, code] of [
          [{ aat_chain, aat_pop, [CHAIN_HASH]: hash }, 'presentation_malformed'],
          [{ aat_pop, [CHAIN_HASH]: 5 }, 'chain_not_stored'],
          [{ aat_pop, [CHAIN_HASH]: 'toString' }, 'chain_not_stored'],
          [{ taper_chains: [{ aat_pop, [CHAIN_HASH]: hash }] }, 'chain_not_stored'],
        ] as const) {
          const line = `Taper-Presentation: ${encodePresentation(presentation)}`;
          expect(
            codeOf(await exchange(server.port, { ...REFUND, headers: [JSON_TYPE, line] })),
          ).toBe(code);
        }
      });
    });
  });

  describe(`${name}: sessions`, () => {
    const responder = createParty();
    const sessions = () =>
      createSessionTable({
        signer: responder.signer,
        audience: AUDIENCE,
        tools: ['refund', 'ping'],
      });
    const post = (port: number, target: string, message: unknown): Promise<RawResponse> =>
      exchange(port, {
        method: 'POST',
        target,
        headers: [JSON_TYPE],
        body: typeof message === 'string' ? message : JSON.stringify(message),
      });
    const begin = () =>
      initiateSession({
        chains: [chain],
        signers: [agent.signer],
        audience: AUDIENCE,
        responderKey: responder.publicKey,
      });
    const lineOf = (presentation: object): string =>
      `Taper-Presentation: ${encodePresentation(presentation)}`;

    test('are opened in two steps, and then stand in for the proof of each listed call', async () => {
      await withServer(
        async (server, shop) => {
          const { hello, complete } = begin();
          const welcome = await post(server.port, SESSION_HELLO_PATH, hello);
          expect([welcome.status, welcome.headers['content-type']]).toEqual([
            200,
            'application/json',
          ]);
          expect(welcome.headers['cache-control']).toBe('no-store');
          const { finish, session } = await complete(JSON.parse(welcome.body), now());
          const done = await post(server.port, SESSION_FINISH_PATH, finish);
          expect(done.status).toBe(201);
          expect(JSON.parse(done.body)).toEqual({
            session: session.id,
            expires: session.expiresAt,
          });

          const refund = (line: string, change: RawRequest = {}): Promise<RawResponse> =>
            exchange(server.port, { ...REFUND, ...change, headers: [JSON_TYPE, line] });
          const first = lineOf(session.request('refund', REFUND.args));
          expect((await refund(first)).status).toBe(200);
          expect(codeOf(await refund(first))).toBe('session_sequence_replayed');
          for (const change of [
            { target: '/payments/p-2/refund?dry_run=true' },
            { target: '/payments/p-1/refund?dry_run=false' },
            { body: '{"amount":"24.00"}' },
          ]) {
            const line = lineOf(session.request('refund', REFUND.args));
            expect(codeOf(await refund(line, change))).toBe('session_mac_invalid');
          }
          const other = lineOf(session.request('ping', {}));
          expect(codeOf(await refund(other))).toBe('session_mac_invalid');
          const much = { ...REFUND.args, amount: '99.00' };
          const line = lineOf(session.request('refund', much));
          expect(codeOf(await refund(line, { body: '{"amount":"99.00"}' }))).toBe(
            'argument_refused',
          );
          expect(shop.executions).toHaveLength(1);
          expect(shop.executions).toMatchObject([
            { args: REFUND.args, holder: agent.publicKey.thumbprint },
          ]);
          // Calls of other tools are signed, as ever.
          const signed = await proofLine('show_payment', { id: 'p-1' });
          expect(
            (await exchange(server.port, { target: '/payments/p-1', headers: [signed] })).status,
          ).toBe(200);
        },
        { point: { sessions: sessions() } },
      );
    });

    test('are opened for nobody who does not prove his keys, and each handshake once', async () => {
      await withServer(
        async (server) => {
          const { hello, complete } = begin();
          const welcome = await post(server.port, SESSION_HELLO_PATH, hello);
          const { finish, session } = await complete(JSON.parse(welcome.body), now());
          const bad = { ...finish, mac: 'A'.repeat(43) };
          const refused = await post(server.port, SESSION_FINISH_PATH, bad);
          expect([refused.status, codeOf(refused)]).toEqual([401, 'session_handshake_refused']);
          expect(refused.headers['www-authenticate']).toBe(
            'Taper realm="taper", error="session_handshake_refused"',
          );
          expect(codeOf(await post(server.port, SESSION_FINISH_PATH, finish))).toBe(
            'session_handshake_refused',
          );
          const line = lineOf(session.request('ping', {}));
          const ping = { method: 'POST', target: '/ping', headers: [line] };
          expect(codeOf(await exchange(server.port, ping))).toBe('session_unknown');
          const forged = { ...hello, chains: [[...(hello.chains[0] ?? [])].reverse()] };
          expect((await post(server.port, SESSION_HELLO_PATH, forged)).status).toBe(401);
        },
        { point: { sessions: sessions() } },
      );
    });

    test('have no place where the enforcement point has none', async () => {
      await withServer(async (server) => {
        for (const target of [SESSION_HELLO_PATH, SESSION_FINISH_PATH]) {
          const response = await post(server.port, target, begin().hello);
          expect([response.status, codeOf(response)]).toEqual([404, 'route_not_declared']);
        }
      });
    });

    test.each<[string, RawRequest, string]>([
      ['another member', { body: '{"x":1}' }, 'session_malformed'],
      ['no object', { body: '[]' }, 'session_malformed'],
      ['a member twice', { body: '{"mac":"","mac":""}' }, 'request_malformed'],
      ['no JSON', { body: 'x' }, 'request_malformed'],
      ['no body', { body: '', headers: [] }, 'request_malformed'],
      ['another media type', { headers: ['Content-Type: text/plain'] }, 'request_malformed'],
      ['compression', { headers: [JSON_TYPE, 'Content-Encoding: gzip'] }, 'request_malformed'],
      ['another method', { method: 'PUT' }, 'route_not_declared'],
      [
        'a method override',
        { headers: [JSON_TYPE, 'X-HTTP-Method: GET'] },
        'request_input_undeclared',
      ],
      ['too many bytes', { body: `{"x":"${'x'.repeat(1_100_000)}"}` }, 'request_too_large'],
    ])('are not opened with %s', async (_, change, code) => {
      await withServer(
        async (server) => {
          for (const target of [SESSION_HELLO_PATH, SESSION_FINISH_PATH]) {
            const request = { method: 'POST', target, headers: [JSON_TYPE], body: '{}', ...change };
            expect(codeOf(await exchange(server.port, request))).toBe(code);
          }
          const query = {
            method: 'POST',
            target: `${SESSION_HELLO_PATH}?x=1`,
            headers: [JSON_TYPE],
          };
          expect(codeOf(await exchange(server.port, query))).toBe('route_not_declared');
        },
        { point: { sessions: sessions() } },
      );
    });
  });
}

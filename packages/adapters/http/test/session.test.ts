import type { JsonObject, VerifiedChain } from '@taper/core';
import {
  createMemoryAuditSink,
  createMemoryRevocationView,
  createSessionTable,
  type SessionTableOptions,
} from '@taper/enforce';
import {
  createTaperFetch,
  decodePresentation,
  deniedProblem,
  type TaperFetch,
  type TaperFetchOptions,
} from '@taper/http';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AUDIENCE, agent, createChain, createParty, now } from './agents.ts';
import { type RecordedServer, startServer, startShop } from './server.ts';
import { createShop, list, refund, type Shop, type ShopOptions, show } from './shop.ts';

const HELLO = 'POST /.well-known/taper/sessions/hello';
const FINISH = 'POST /.well-known/taper/sessions/finish';

const responder = createParty();
let chain: VerifiedChain;
let shop: Shop;
const servers: RecordedServer[] = [];

beforeAll(async () => {
  chain = await createChain();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function tableWith(options: Partial<SessionTableOptions> = {}) {
  const tools = ['show_payment', 'refund'];
  return createSessionTable({ signer: responder.signer, audience: AUDIENCE, tools, ...options });
}

async function start(
  sessions = tableWith(),
  options: ShopOptions['point'] = {},
): Promise<RecordedServer> {
  shop = createShop({ point: { sessions, ...options } });
  const server = await startShop(shop);
  servers.push(server);
  return server;
}

function clientFor(origin: string, options: Partial<TaperFetchOptions> = {}): TaperFetch {
  return createTaperFetch({
    origin,
    audience: AUDIENCE,
    chain,
    signer: agent.signer,
    session: { responderKey: responder.publicKey },
    ...options,
  });
}

/** How each request was presented. */
function kinds({ requests }: RecordedServer): string[] {
  return requests.map(({ line, headers }) => {
    const header = headers['taper-presentation'];
    if (typeof header !== 'string') return line;
    const presented = decodePresentation(header) as JsonObject;
    return Object.hasOwn(presented, 'taper_session') ? 'session' : 'signed';
  });
}

const look = (client: TaperFetch) => client.call(show, { id: 'p-1' });

describe('a client with a session', () => {
  test('opens it at the first call, and signs no listed call after that', async () => {
    const server = await start();
    const client = clientFor(server.origin);
    for (const _ of [1, 2, 3]) expect((await look(client)).status).toBe(200);
    expect((await client.call(refund, { id: 'x', amount: '25.00', note: [1.5, 'ü'] })).status).toBe(
      200,
    );
    expect(kinds(server)).toEqual([HELLO, FINISH, 'session', 'session', 'session', 'session']);
    expect(shop.executions).toHaveLength(4);
  });

  test('signs the calls of tools that are not listed, and opens no session for them again', async () => {
    const server = await start(tableWith({ tools: ['refund'] }));
    const client = clientFor(server.origin);
    expect((await client.call(list, {})).status).toBe(200);
    expect((await look(client)).status).toBe(200);
    expect(kinds(server)).toEqual([HELLO, FINISH, 'signed', 'signed']);
  });

  test('signs what brings approvals along, for a request in a session carries none', async () => {
    const server = await start();
    const client = clientFor(server.origin);
    await client.call(show, { id: 'p-1' }, { approvals: ['approval'] });
    expect(kinds(server)).toEqual(['signed']);
  });

  test('opens one for calls that begin at the same time, each with a number of its own', async () => {
    const server = await start();
    const client = clientFor(server.origin);
    const all = await Promise.all(Array.from({ length: 30 }, () => look(client)));
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 200));
    expect(kinds(server).filter((kind) => kind !== 'session')).toEqual([HELLO, FINISH]);
    expect(shop.executions).toHaveLength(30);
  });

  test('opens another when the server has lost it, once for all calls, and runs each call once', async () => {
    const table = tableWith();
    const server = await start(table);
    const client = clientFor(server.origin);
    await look(client);
    table.endFor(agent.publicKey.thumbprint); // as a restart would
    server.requests.length = 0;
    shop.executions.length = 0;
    const all = await Promise.all(Array.from({ length: 10 }, () => look(client)));
    expect(all.every(({ status }) => status === 200)).toBe(true);
    expect(shop.executions).toHaveLength(10);
    const sent = kinds(server);
    expect(sent.filter((kind) => kind === HELLO)).toHaveLength(1);
    expect(sent).not.toContain('signed');
  });

  test('opens another when it is over, on its own clock or on that of the server', async () => {
    let ahead = 0;
    let behind = 0;
    const server = await start(tableWith({ lifetime: 20 }), {
      clock: { now: () => now() + ahead },
    });
    const client = clientFor(server.origin, { clock: { now: () => now() + ahead - behind } });
    await look(client);
    ahead = 20; // both know
    expect((await look(client)).status).toBe(200);
    ahead = 45; // the client thinks that there is time
    behind = 10;
    expect((await look(client)).status).toBe(200);
    expect(kinds(server)).toEqual([
      HELLO,
      FINISH,
      'session',
      HELLO,
      FINISH,
      'session',
      'session',
      HELLO,
      FINISH,
      'session',
    ]);
    expect(shop.executions).toHaveLength(3);
  });

  test('never loops: with a server that loses every session it signs, and leaves sessions alone for a minute', async () => {
    const table = tableWith();
    let ahead = 0;
    const server = await start({ ...table, authenticate: () => 'session_unknown' });
    const client = clientFor(server.origin, { clock: { now: () => now() + ahead } });
    expect((await look(client)).status).toBe(200);
    const opened = [HELLO, FINISH, 'session', HELLO, FINISH, 'session', 'signed'];
    expect(kinds(server)).toEqual(opened);
    expect((await look(client)).status).toBe(200);
    expect(kinds(server)).toEqual([...opened, 'signed']);
    ahead = 20; // within the window of a proof for the server
    expect((await look(client)).status).toBe(200);
    expect(kinds(server)).toEqual([...opened, 'signed', 'signed']);
    expect(shop.executions).toHaveLength(3);
  });

  test.each<[string, Partial<TaperFetchOptions>, readonly string[]]>([
    ['is of another key', { session: { responderKey: createParty().publicKey } }, [HELLO]],
    ['has another name', { audience: 'https://other.example' }, [HELLO]],
  ])('signs when the server %s, and asks no more', async (_what, options, opened) => {
    const server = await start();
    const client = clientFor(server.origin, options);
    for (const _ of [1, 2]) await (await look(client)).body?.cancel();
    expect(kinds(server)).toEqual([...opened, 'signed', 'signed']);
  });

  test('signs when the server has no sessions, or answers nonsense', async () => {
    const bare = createShop();
    const none = await startShop(bare);
    servers.push(none);
    expect((await look(clientFor(none.origin))).status).toBe(200);
    expect(kinds(none)).toEqual([HELLO, 'signed']);
    for (const [status, type, body] of [
      [200, 'application/json', '{"session":"x"}'],
      [200, 'application/json', '{"session":"x","session":"y"}'],
      [200, 'text/html', '<p>'],
      [302, 'text/plain', ''],
      [500, 'text/plain', 'x'.repeat(2_000_000)],
      [204, 'text/plain', ''],
    ] as const) {
      const odd = await startServer((_request, response) => {
        response.writeHead(status, {
          'Content-Type': type,
          ...(status === 302 ? { Location: '/elsewhere' } : {}),
        });
        response.end(status === 204 ? undefined : body);
      });
      servers.push(odd);
      expect((await look(clientFor(odd.origin))).status).toBe(status);
      expect(kinds(odd)).toEqual([HELLO, 'signed']);
    }
  });

  test('gives up waiting for a session when its signal aborts, and others have it all the same', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = {
      publicKey: responder.publicKey,
      async sign(text: Uint8Array) {
        await held;
        return responder.signer.sign(text);
      },
    };
    const server = await start(tableWith({ signer: slow }), { portTimeout: 10_000 });
    const client = clientFor(server.origin);
    const abort = new AbortController();
    const aborted = client.call(show, { id: 'p-1' }, { signal: abort.signal });
    const other = look(client);
    await expect.poll(() => kinds(server)).toEqual([HELLO]);
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    release?.();
    expect((await other).status).toBe(200);
    expect(kinds(server)).toEqual([HELLO, FINISH, 'session']);
    await expect(
      client.call(show, { id: 'p-1' }, { signal: AbortSignal.abort(new Error('before')) }),
    ).rejects.toThrow('before');
  });

  test('sends nothing a second time that the server refused for any other reason', async () => {
    const view = createMemoryRevocationView();
    const server = await start(tableWith(), { revocation: view });
    const client = clientFor(server.origin);
    await look(client);
    view.revoke({ token: chain.leaf.hash }, now());
    server.requests.length = 0;
    const response = await look(client);
    expect((await deniedProblem(response))?.code).toBe('revoked');
    expect(kinds(server)).toEqual(['session']);
  });

  test('presents several chains, all of which must allow each call', async () => {
    const other = createParty();
    const narrow = await createChain({
      holder: other,
      tools: { show_payment: { id: { constraint_type: 'exact', value: 'p-1' } } },
    });
    const server = await start();
    const client = clientFor(server.origin, { joined: [{ chain: narrow, signer: other.signer }] });
    expect((await look(client)).status).toBe(200);
    const refused = await client.call(show, { id: 'p-2' });
    expect((await deniedProblem(refused))?.code).toBe('argument_refused');
    expect(kinds(server)).toEqual([HELLO, FINISH, 'session', 'session']);
  });

  test('is not made with a key that nobody has checked, or two ways to present', () => {
    const { alg, jwk, thumbprint } = responder.publicKey;
    const invalid = expect.objectContaining({ code: 'option_invalid' });
    expect(() =>
      clientFor('https://pay.example', {
        session: { responderKey: { alg, jwk, thumbprint } as never },
      }),
    ).toThrow(invalid);
    expect(() => clientFor('https://pay.example', { presentWith: async () => undefined })).toThrow(
      invalid,
    );
  });
});

test('a session over HTTP leaves neither its code nor its key anywhere in audit log or answers (Q15)', async () => {
  const { createAuditRecorder } = await import('@taper/enforce');
  const sink = createMemoryAuditSink();
  const audit = createAuditRecorder({ sink, signer: createParty().signer, emitter: 'shop' });
  const server = await start(tableWith(), { audit });
  const client = clientFor(server.origin);
  const text = await (await look(client)).text();
  const lines = sink.lines('shop').map(({ line }) => line);
  const codes = server.requests.flatMap(({ headers }) => {
    const header = headers['taper-presentation'];
    const presented = typeof header === 'string' ? decodePresentation(header) : undefined;
    return presented?.['taper_mac'] ?? [];
  });
  expect(codes).toHaveLength(1);
  expect(lines.length).toBeGreaterThan(1);
  for (const shown of [text, ...lines]) expect(shown).not.toContain(codes[0]);
});

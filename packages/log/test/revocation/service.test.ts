import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import {
  createFrontier,
  leafHash,
  noteKey,
  readRevocationLogEntry,
  verifyCheckpoint,
  verifyInclusion,
  verifyStaple,
} from '@taper/core';
import {
  createRevocationService,
  createRevokedSet,
  type RevocationServiceOptions,
} from '@taper/log';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ALICE,
  ANCHOR,
  ask,
  BOB,
  CAROL,
  CHAIN,
  chainNumber,
  DAVE,
  type Desk,
  keyOf,
  LOG_KEY,
  leafOf,
  NOW,
  ORIGIN,
  openDesk,
} from './desk.ts';

const TRUST = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, LOG_KEY.publicKey, 1)],
  witnesses: [],
  quorum: 0,
};

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Served {
  readonly desk: Desk;
  readonly url: string;
  post(body: string, type?: string): Promise<{ status: number; body: Record<string, unknown> }>;
  get(path: string): Promise<{ status: number; body: Record<string, unknown> }>;
}

async function open(options: Partial<RevocationServiceOptions> = {}): Promise<Served> {
  const desk = await openDesk();
  const fetchHandler = createRevocationService({
    log: desk.log,
    authority: desk.authority,
    prefix: '/r',
    ...options,
  });
  const server = serve({ fetch: fetchHandler, hostname: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/r`;
  const read = async (answer: Response) => ({
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
  });
  return {
    desk,
    url,
    post: async (body, type = 'application/jwt') =>
      read(
        await fetch(`${url}/revocations`, {
          method: 'POST',
          body,
          headers: { 'content-type': type },
        }),
      ),
    get: async (path) => read(await fetch(`${url}/${path}`)),
  };
}

interface Event {
  readonly event: string;
  readonly id: number;
  readonly data: Record<string, unknown>;
}

/** Reads events until there are so many, or the connection ends; comments are events named `comment`. */
async function readEvents(answer: Response, count: number): Promise<Event[]> {
  const events: Event[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      if (block.startsWith(':')) events.push({ event: 'comment', id: -1, data: {} });
      else {
        const field = (name: string): string =>
          (new RegExp(`^${name}: (.*)$`, 'm').exec(block) as RegExpExecArray)[1] as string;
        events.push({
          event: field('event'),
          id: Number(field('id')),
          data: JSON.parse(field('data')),
        });
      }
      if (events.length === count) return events;
    }
  }
  return events;
}

describe('POST revocations', () => {
  test('answers 201 with the entry, and 200 to who comes second', async () => {
    const { post, desk } = await open();
    const first = await post(await ask(CAROL));
    expect(first).toMatchObject({ status: 201, body: { index: 0, direct: true } });
    expect(readRevocationLogEntry(first.body['entry'] as string)).toMatchObject({
      type: 'revocation',
    });
    expect(await post(await ask(BOB))).toEqual({ status: 200, body: first.body });
    expect(desk.log.size).toBe(1);
  });

  test('names why it refuses', async () => {
    const { post, desk } = await open();
    const refused: readonly [string, number, object][] = [
      ['x', 400, { code: 'request_malformed' }],
      [await ask(CAROL, CHAIN, { log: 'other' }), 400, { code: 'request_log_mismatch' }],
      [await ask(CAROL, CHAIN, { now: NOW + 31 }), 400, { code: 'request_in_future' }],
      [
        await ask(CAROL, CHAIN, { target: leafOf(chainNumber(1)) }),
        400,
        { code: 'request_target_mismatch' },
      ],
      [await ask(DAVE), 403, { code: 'request_not_entitled' }],
      [
        await ask(ALICE, [CHAIN[0] as string, chainNumber(5)[1] as string]),
        403,
        { code: 'request_chain_denied', denial: 'parent_hash_mismatch', hop: 1 },
      ],
      [`${(await ask(CAROL)).slice(0, -4)}AAAA`, 403, { code: 'request_signature_invalid' }],
    ];
    for (const [body, status, answer] of refused)
      expect(await post(body)).toEqual({ status, body: answer });
    expect(await post(await ask(CAROL), 'text/plain')).toEqual({
      status: 415,
      body: { code: 'media_type_unsupported' },
    });
    expect(desk.log.size).toBe(0);
  });

  test('N17: a request of 500 MB is refused before it has come, whatever length it says', async () => {
    const { url, post } = await open();
    const piece = Buffer.alloc(65_536, 'A');
    let sent = 0;
    const status = await new Promise<number>((resolve, reject) => {
      const sending = httpRequest(`${url}/revocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/jwt', 'transfer-encoding': 'chunked' },
      });
      sending.on('response', (answer) => {
        resolve(answer.statusCode as number);
        sending.destroy();
      });
      sending.on('error', reject);
      const send = (): void => {
        while (sent < 500_000_000 && !sending.destroyed) {
          sent += piece.length;
          if (!sending.write(piece)) {
            sending.once('drain', send);
            return;
          }
        }
      };
      send();
    });
    expect(status).toBe(413);
    expect(sent).toBeLessThan(50_000_000);
    expect(await post('A'.repeat(49_153))).toEqual({
      status: 413,
      body: { code: 'request_too_large' },
    });
    expect(await post('A'.repeat(49_152))).toEqual({
      status: 400,
      body: { code: 'request_malformed' },
    });
  });

  test('R14: a body that does not come is given up, and its place with it', async () => {
    const { url, post } = await open({ patience: 20 });
    const status = await new Promise<number>((resolve, reject) => {
      const sending = httpRequest(`${url}/revocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/jwt', 'transfer-encoding': 'chunked' },
      });
      sending.on('response', (answer) => {
        resolve(answer.statusCode as number);
        sending.destroy();
      });
      sending.on('error', reject);
      sending.write('eyJ');
    });
    expect(status).toBe(400);
    expect(await post(await ask(CAROL))).toMatchObject({ status: 201 });
  });

  test('R14, R15: whoever sends its request at once is served, however many hold theirs back', async () => {
    const { url, post } = await open({ patience: 60_000 });
    const busy: number[] = [];
    const held = Array.from({ length: 300 }, (_, at) => {
      const sending = httpRequest(`${url}/${at % 10 === 0 ? 'staple' : 'revocations'}`, {
        method: 'POST',
        headers: {
          'content-type': at % 10 === 0 ? 'application/json' : 'application/jwt',
          'transfer-encoding': 'chunked',
        },
      });
      sending.on('response', (answer) => busy.push(answer.statusCode as number));
      sending.on('error', () => undefined);
      sending.write('e');
      return sending;
    });
    closers.push(() => held.forEach((sending) => void sending.destroy()));
    while (busy.length < 270 - 256) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await post(await ask(CAROL))).toMatchObject({ status: 201 });
    expect(new Set(busy)).toEqual(new Set([503]));
  });

  test('N17: many at the same time for one target over HTTP add one entry', async () => {
    const { desk, post } = await open();
    const compacts = await Promise.all([CAROL, BOB, ALICE, CAROL, BOB].map((by) => ask(by)));
    const answers = await Promise.all(compacts.map((compact) => post(compact)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body['index']))).toEqual(new Set([0]));
    expect(desk.log.size).toBe(1);
  });

  test('other methods and paths are refused', async () => {
    const { url } = await open();
    const status = async (path: string, method: string) =>
      (await fetch(`${url}${path}`, { method })).status;
    expect(await status('/revocations', 'GET')).toBe(405);
    expect(await status('/tail', 'POST')).toBe(405);
    expect(await status('/toString', 'GET')).toBe(404);
    expect(await status('/', 'GET')).toBe(404);
    expect(await status('/tail', 'OPTIONS')).toBe(204);
  });
});

describe('GET tail', () => {
  test('gives every entry up to the checkpoint, from any index', async () => {
    const { desk, get } = await open();
    await desk.authority.request(await ask(CAROL));
    await desk.authority.publishEpoch();
    await desk.authority.request(await ask(CAROL, chainNumber(1)));
    const texts = await desk.entries();
    const checkpoint = desk.authority.feed.checkpoint?.note;
    for (const from of [0, 1, 2]) {
      const { status, body } = await get(`tail?from=${from}`);
      expect(status).toBe(200);
      expect(body).toEqual({ from, entries: texts.slice(from, 2), checkpoint, more: false });
    }
    expect((await get('tail')).body).toMatchObject({ from: 0 });
  });

  test('root over what it gave is that of the checkpoint', async () => {
    const { desk, get } = await open();
    for (let number = 0; number < 5; number++)
      await desk.authority.request(await ask(CAROL, chainNumber(number)));
    await desk.authority.publishEpoch();
    const { body } = await get('tail');
    const frontier = createFrontier();
    for (const text of body['entries'] as string[]) frontier.append(leafHash(Buffer.from(text)));
    const verdict = verifyCheckpoint(body['checkpoint'] as string, TRUST);
    expect(verdict).toMatchObject({ ok: true, checkpoint: { size: 6 } });
    expect(verdict.ok && verdict.checkpoint.root).toEqual(frontier.root());
  });

  test('comes in pieces of at most 1,000 entries and 1 MB', async () => {
    const { desk, get } = await open();
    for (let at = 0; at < 1200; at++) await desk.authority.append(`{"at":${at},"type":"other"}`);
    const large = `{"text":"${'x'.repeat(60_000)}","type":"other"}`;
    for (let at = 0; at < 20; at++) await desk.authority.append(large);
    await desk.authority.publishEpoch();
    const sizes: number[] = [];
    let from = 0;
    for (let more = true; more; ) {
      const { body } = await get(`tail?from=${from}`);
      const { length } = body['entries'] as string[];
      expect(JSON.stringify(body['entries']).length).toBeLessThan(1_100_000);
      sizes.push(length);
      from += length;
      more = body['more'] as boolean;
    }
    expect(from).toBe(1221);
    expect(sizes).toEqual([1000, 216, 5]);
  });

  test('of a log that was read from its tiles is the same', async () => {
    const served = await open();
    await served.desk.authority.request(await ask(CAROL));
    await served.desk.authority.publishEpoch();
    const { body } = await served.get('tail');
    await served.desk.reopen();
    const handler = createRevocationService({
      log: served.desk.log,
      authority: served.desk.authority,
    });
    const again = await handler(new Request('http://localhost/tail'));
    expect(await again.json()).toEqual(body);
  });

  test('M06: who knows more than the service is told so, with its checkpoint', async () => {
    const { desk, get } = await open();
    expect(await get('tail')).toEqual({ status: 503, body: { code: 'log_unavailable' } });
    await desk.authority.publishEpoch();
    const { note } = desk.authority.feed.checkpoint as { note: string };
    expect(await get('tail?from=2')).toEqual({
      status: 409,
      body: { code: 'tail_ahead', checkpoint: note },
    });
    expect(await get('tail?from=1')).toMatchObject({ status: 200, body: { entries: [] } });
  });

  test.each(['-1', '01', '1.5', '1e3', '9007199254740992', 'x', ''])(
    'from %j is refused',
    async (from) => {
      const { desk, get } = await open();
      await desk.authority.publishEpoch();
      expect(await get(`tail?from=${from}`)).toMatchObject({ status: 400 });
    },
  );
});

describe('GET events', () => {
  test('sends an entry when it is durable, before any checkpoint covers it; then the checkpoint', async () => {
    const { desk, url } = await open();
    await desk.authority.publishEpoch();
    const answer = await fetch(`${url}/events?from=0`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reading = readEvents(answer, 5);
    const revoked = await desk.authority.request(await ask(CAROL));
    const before = desk.authority.feed.checkpoint;
    expect(before?.size).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await desk.authority.publishEpoch();
    const events = await reading;
    const texts = await desk.entries();
    expect(events.map(({ event, id }) => [event, id])).toEqual([
      ['entries', 1],
      ['checkpoint', 1],
      ['entries', 2],
      ['entries', 3],
      ['checkpoint', 3],
    ]);
    expect(events[2]?.data).toEqual({ from: 1, entries: [revoked.ok && revoked.entry] });
    expect(events.flatMap(({ data }) => (data['entries'] as string[]) ?? [])).toEqual(texts);
    expect(verifyCheckpoint(events[4]?.data['checkpoint'] as string, TRUST)).toMatchObject({
      ok: true,
    });
  });

  test('goes on after Last-Event-ID, and begins at the end where nothing is said', async () => {
    const { desk, url } = await open();
    for (let number = 0; number < 3; number++)
      await desk.authority.request(await ask(CAROL, chainNumber(number)));
    const headers = { 'last-event-id': '2' };
    const [later] = await readEvents(await fetch(`${url}/events?from=0`, { headers }), 1);
    expect(later).toMatchObject({ event: 'entries', id: 3, data: { from: 2 } });
    const reading = readEvents(await fetch(`${url}/events`), 1);
    await desk.authority.request(await ask(CAROL, chainNumber(3)));
    expect(await reading).toMatchObject([{ event: 'entries', id: 4, data: { from: 3 } }]);
    expect((await fetch(`${url}/events?from=5`)).status).toBe(409);
  });

  test('R14: gives signs of life, and ends a connection that has lasted long enough', async () => {
    const { url } = await open({ heartbeat: 5, longest: 60 });
    const events = await readEvents(await fetch(`${url}/events`), 1000);
    expect(events.length).toBeGreaterThan(1);
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['comment']));
  });

  test('R14: has room for so many connections, and takes back those that have gone', async () => {
    const { url } = await open({ maxConnections: 2, heartbeat: 5 });
    const abort = new AbortController();
    const first = await fetch(`${url}/events`, { signal: abort.signal });
    const second = await fetch(`${url}/events`);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await fetch(`${url}/events`)).status).toBe(503);
    abort.abort();
    let status = 503;
    for (let tries = 0; tries < 200 && status === 503; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const again = await fetch(`${url}/events`);
      ({ status } = again);
    }
    expect(status).toBe(200);
  });

  test('one that reads slowly misses nothing', async () => {
    const { desk, url } = await open();
    const answer = await fetch(`${url}/events?from=0`);
    for (let at = 0; at < 3000; at++) await desk.authority.append(`{"at":${at},"type":"other"}`);
    await desk.authority.publishEpoch();
    const seen: string[] = [];
    let next = 0;
    const decoder = new TextDecoder();
    let text = '';
    for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(bytes, { stream: true });
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
        text = text.slice(end + 2);
        const { from, entries } = JSON.parse(data as string);
        if (entries === undefined) continue;
        expect(from).toBe(next);
        next += entries.length;
        seen.push(...entries);
      }
      if (next === 3001) break;
    }
    expect(seen).toEqual(await desk.entries());
  });
});

describe('GET tail, when many ask', () => {
  test('R15: those who read from the beginning take turns and are bounded; who asks for the end is served', async () => {
    const desk = await openDesk();
    for (let at = 0; at < 600; at++) await desk.authority.append(`{"at":${at},"type":"other"}`);
    await desk.authority.publishEpoch();
    await desk.reopen();
    const { log, authority } = desk;
    const service = createRevocationService({ log, authority });
    await authority.publishEpoch();
    const get = (path: string) => service(new Request(`http://localhost/${path}`));
    const old = Array.from({ length: 100 }, () => get('tail?from=0'));
    const end = await get('tail?from=601');
    expect(await end.json()).toMatchObject({ from: 601, more: false });
    const statuses = (await Promise.all(old)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(64);
    expect(statuses.filter((status) => status === 503)).toHaveLength(36);
    expect((await get('tail?from=0')).status).toBe(200);
  });
});

describe('GET snapshot', () => {
  test('R14: so many are sent at one time; one that is given up makes room', async () => {
    const desk = await openDesk();
    await desk.authority.publishEpoch();
    const service = createRevocationService({ log: desk.log, authority: desk.authority });
    const get = () => service(new Request('http://localhost/snapshot'));
    const unread = await Promise.all(Array.from({ length: 256 }, get));
    expect(new Set(unread.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await get()).status).toBe(503);
    await unread[0]?.body?.cancel();
    const next = await get();
    expect(next.status).toBe(200);
    await next.text();
    const another = await get();
    expect(another.status).toBe(200);
    for (const { body } of [...unread.slice(1), another]) await body?.cancel();
  });

  async function snapshot(
    url: string,
  ): Promise<{ header: Record<string, unknown>; lines: unknown[][] }> {
    const answer = await fetch(`${url}/snapshot`);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const [header, ...lines] = (await answer.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    return { header, lines };
  }

  test('is the set of an epoch, with all that proves it', async () => {
    const { desk, url } = await open();
    await desk.authority.request(await ask(CAROL));
    await desk.authority.revoke(keyOf(DAVE));
    await desk.authority.revoke({ kind: 'tenant', tenant: 'acme', issued_before: NOW });
    await desk.authority.publishEpoch();
    await desk.authority.request(await ask(CAROL, chainNumber(1)));
    const { header, lines } = await snapshot(url);
    expect(lines).toHaveLength(3);
    const set = createRevokedSet();
    for (const [kind, ...rest] of lines as [string, ...never[]][]) {
      const [a, b, c] = rest as [never, never, never];
      if (kind === 'token') set.add({ kind, root: a, token: b, expiresAt: c });
      else if (kind === 'key') set.add({ kind, key: a });
      else set.add({ kind: 'tenant', tenant: a, issuedBefore: b });
    }
    const read = readRevocationLogEntry(header['epoch'] as string);
    if (read.type !== 'epoch') throw new Error(read.type);
    expect(read.record).toMatchObject({ revoked: 3, size: header['epoch_index'] });
    expect(Buffer.from(set.root()).toString('base64url')).toBe(read.record.revokedRoot);

    const verdict = verifyCheckpoint(header['checkpoint'] as string, TRUST);
    if (!verdict.ok) throw new Error(verdict.problem);
    const { size, root } = verdict.checkpoint;
    const bytes = (texts: unknown) =>
      (texts as string[]).map((text) => new Uint8Array(Buffer.from(text, 'base64url')));
    const leaf = leafHash(Buffer.from(header['epoch'] as string));
    const index = header['epoch_index'] as number;
    expect(verifyInclusion({ leaf, index, size, proof: bytes(header['inclusion']), root })).toBe(
      true,
    );
    const frontier = createFrontier(index + 1, bytes(header['frontier']));
    const texts = await desk.entries();
    for (const text of texts.slice(index + 1, size)) frontier.append(leafHash(Buffer.from(text)));
    expect(frontier.root()).toEqual(root);
  });

  test('waits for an epoch that is being published, and holds no entry of a later one', async () => {
    const { desk, url } = await open();
    await desk.authority.publishEpoch();
    const work: Promise<unknown>[] = [];
    for (let number = 0; number < 20; number++) {
      work.push(desk.authority.request(await ask(CAROL, chainNumber(number))));
      if (number === 10) work.push(desk.authority.publishEpoch());
    }
    const [{ header, lines }] = await Promise.all([snapshot(url), ...work]);
    const read = readRevocationLogEntry(header['epoch'] as string);
    expect(read.type === 'epoch' && read.record.revoked).toBe(lines.length);
  });
});

describe('POST staple', () => {
  const subject = {
    chains: [
      {
        tokens: CHAIN.map((token) => leafOf([token]).token),
        keys: [ANCHOR, ALICE, BOB, CAROL].map(({ publicKey }) => publicKey.thumbprint),
      },
    ],
  };

  const staple = (url: string, body: unknown) =>
    fetch(`${url}/staple`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });

  test('proves what is and what is not revoked, as of the last epoch', async () => {
    const { desk, url } = await open();
    await desk.authority.publishEpoch();
    await desk.authority.request(await ask(BOB));
    const whole = { ...subject, oldestIssuedAt: NOW - 300 };
    const before = new Uint8Array(await (await staple(url, subject)).arrayBuffer());
    expect(verifyStaple(before, whole, TRUST)).toMatchObject({ ok: true, revoked: undefined });
    await desk.authority.publishEpoch();
    const after = new Uint8Array(await (await staple(url, subject)).arrayBuffer());
    expect(verifyStaple(after, whole, TRUST)).toMatchObject({
      ok: true,
      epoch: 2,
      revoked: { what: 'token', index: 2 },
    });
  });

  test('what is no query is refused', async () => {
    const { desk, url } = await open();
    await desk.authority.publishEpoch();
    const bodies = [
      'x',
      [],
      {},
      { chains: [] },
      { ...subject, extra: 1 },
      { chains: [{ tokens: [1], keys: [] }] },
      { chains: [{ tokens: ['A'], keys: [] }] },
    ];
    for (const body of bodies)
      expect((await staple(url, body)).status, JSON.stringify(body)).toBe(400);
    expect((await staple(url, 'x'.repeat(65_537))).status).toBe(413);
    expect((await staple(url, subject)).status).toBe(200);
  });
});

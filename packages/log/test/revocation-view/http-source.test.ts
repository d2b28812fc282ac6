import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createHttpRevocationSource } from '../../src/index.ts';
import { identifier, open, until } from './scene.ts';
import { START } from './scripted-log.ts';

/** Writes until the other side hangs up, and says how much that took. */
function flood(response: ServerResponse, head: string, most: number): Promise<number> {
  const chunk = 'x'.repeat(65_536);
  let sent = 0;
  return new Promise((resolve) => {
    response.write(head);
    const more = (): void => {
      while (sent < most && !response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      if (sent >= most) response.destroy();
    };
    response.on('close', () => resolve(sent));
    more();
  });
}

const HALF_A_GIGABYTE = 500_000_000;

describe('what comes over the network', () => {
  it('is pushed again after the connection was cut', async () => {
    const { log, server, verdict } = await open();
    server.cut();
    await until(() => server.connections.size === 0);
    await until(() => server.connections.size === 1);
    await log.revokeToken(identifier('leaf'));
    server.pushEntries(1);
    await until(() => verdict() === 'revoked');
    expect(server.requests.filter((each) => each.startsWith('events')).length).toBeGreaterThan(1);
  });

  it('counts only when it is whole: half a line that is cut off revokes nothing, and is fetched', async () => {
    const { log, server, verdict, follower, tick } = await open();
    const text = await log.revokeToken(identifier('leaf'));
    const data = JSON.stringify({ from: 1, entries: [text] });
    server.push(`event: entries\ndata: ${data.slice(0, -20)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.cut();
    await until(() => server.connections.size === 1);
    expect(verdict()).toBe('good');
    await tick();
    await follower.poll();
    expect(verdict()).toBe('revoked');
  });

  it.each([
    ['line feeds', '\n'],
    ['carriage returns', '\r'],
    ['both', '\r\n'],
  ])('arrives in pieces of any size, its lines ended by %s', async (_, end) => {
    const { log, server, verdict } = await open();
    await log.revoke({ kind: 'agent', agent: 'Jürgen 🙂', keys: [identifier('first holder')] });
    const entries = JSON.stringify({ from: 1, entries: log.entries.slice(1) });
    const data = `event: entries${end}data: ${entries}${end}${end}: more${end}`;
    const [connection] = server.connections;
    for (const byte of Buffer.from(data)) {
      connection?.write(Uint8Array.of(byte));
      if (byte > 127) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => verdict() === 'revoked');
  });

  it.each([
    ['what is no JSON', 'event: entries\ndata: {"from":1,\n\n'],
    ['a member twice', 'event: entries\ndata: {"from":1,"from":2,"entries":[]}\n\n'],
    ['a negative index (N14)', 'event: entries\ndata: {"from":-1,"entries":[]}\n\n'],
    [
      'an index beyond 2^53 (N14)',
      'event: entries\ndata: {"from":9007199254740993,"entries":[]}\n\n',
    ],
    ['entries that are no texts', 'event: entries\ndata: {"from":1,"entries":[1]}\n\n'],
    ['half a surrogate pair', 'event: entries\ndata: {"from":1,"entries":["\\ud800"]}\n\n'],
    ['a checkpoint that is no text', 'event: checkpoint\ndata: {"checkpoint":5}\n\n'],
    ['bytes that are not UTF-8', Buffer.from([0x3a, 0xff, 0xfe, 0x0a, 0x0a]).toString('latin1')],
  ])('ends a connection that pushes %s, and what is asked for goes on', async (_, bytes) => {
    const { server, follower, codes, asOf, tick } = await open();
    const [connection] = server.connections;
    connection?.write(Buffer.from(bytes, 'latin1'));
    await until(() => codes().length > 0);
    expect(codes()).toEqual(['source_unavailable']);
    await tick();
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it('R a line of 500 MB is not taken into memory', async () => {
    const { server, follower, asOf, tick } = await open();
    const [connection] = server.connections;
    const before = process.memoryUsage().rss;
    const sent = await flood(
      connection as ServerResponse,
      'event: entries\ndata: ',
      HALF_A_GIGABYTE,
    );
    expect(sent).toBeLessThan(100_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
    await tick();
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it('R a page of 500 MB is not taken into memory', async () => {
    const { server, follower, codes, asOf, tick } = await open({ options: { push: false } });
    await tick();
    const sent = Promise.withResolvers<number>();
    server.tail = () => (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      void flood(response, '{"from":1,"entries":["', HALF_A_GIGABYTE).then(
        sent.resolve,
        sent.reject,
      );
    };
    await follower.poll();
    expect(await sent.promise).toBeLessThan(100_000_000);
    expect(codes()).toEqual(['source_unavailable']);
    server.tail = undefined;
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['sends elsewhere', (response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['answers with an error', (response) => response.writeHead(500).end('{"from":1}')],
    [
      'answers with a page of another index',
      (response) => response.end('{"from":0,"entries":[],"checkpoint":"","more":false}'),
    ],
    ['answers with nothing', (response) => response.end()],
    ['hangs up', (response) => response.destroy()],
    [
      'hangs up in the middle',
      (response) =>
        response
          .writeHead(200, { 'Content-Length': 100 })
          .write('{"from"', () => response.destroy()),
    ],
  ])('[M04] a server that %s says nothing, and nothing is taken for news', async (_, lie) => {
    const { server, follower, codes, asOf, tick } = await open({ options: { push: false } });
    await tick();
    server.tail = () => lie;
    await follower.poll();
    expect(codes()).toEqual(['source_unavailable']);
    expect(asOf()).toBe(START);
    server.tail = undefined;
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it('a server that promises more and never gives it is not asked without end', async () => {
    const { server, follower, asOf, tick } = await open({ options: { push: false } });
    await tick();
    server.requests.length = 0;
    server.tail = (from) => ({ from, entries: [], checkpoint: server.note, more: true });
    await follower.poll();
    expect(server.requests.length).toBeLessThan(5);
    expect(asOf()).toBe(START);
  });

  it('a connection on which nothing comes counts as lost', async () => {
    const scene = await open({ options: { push: false } });
    const { server, log } = scene;
    const source = createHttpRevocationSource(server.url, { silence: 40 });
    await scene.follow({ source, push: true });
    await until(() => server.connections.size === 1);
    const count = (): number => server.requests.filter((each) => each.startsWith('events')).length;
    await until(() => count() > 1);
    await log.revokeToken(identifier('x'));
    expect(scene.asOf()).toBe(START);
  });
});

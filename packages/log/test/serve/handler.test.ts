import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { verifyCheckpoint } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttpTileSource } from '../../src/client/tile-source.ts';
import { checkLog } from '../../src/monitor/fsck.ts';
import { createLogHandler } from '../../src/serve/handler.ts';
import { type Served, serveHere } from '../served.ts';
import { type TileLog, tileLog } from '../tile-log.ts';

let log: TileLog;
let served: Served;
let failures: unknown[];

beforeEach(async () => {
  log = await tileLog();
  await log.append(300);
  await log.publish();
  failures = [];
  const handler = createLogHandler({
    tiles: log.source,
    checkpoint: () => log.log.checkpoint(),
    prefix: '/authority',
    onFailure: (cause) => failures.push(cause),
  });
  served = await serveHere(handler);
});

afterEach(() => served.close());

/** Exactly these bytes on the path, which `fetch` would put in order. */
function raw(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(served.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          bytes: Buffer.concat(chunks),
        }),
      );
    });
    sent.on('error', reject).end();
  });
}

describe('a log that is served (C2SP tlog-tiles)', () => {
  test('can be read and checked whole over HTTP', async () => {
    const source = createHttpTileSource({ url: `${served.url}/authority/` });
    const note = Buffer.from((await source.read('checkpoint')) ?? []).toString();
    expect(verifyCheckpoint(note, log.trust).ok).toBe(true);
    expect(await checkLog({ source, note, trust: log.trust })).toMatchObject({
      verdict: 'intact',
      size: 300,
    });
  });

  test('gives each resource with its type, and says for how long it may be kept', async () => {
    const checkpoint = await raw('/authority/checkpoint');
    expect(checkpoint).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'public, max-age=1',
      },
    });
    for (const path of ['tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/000']) {
      const { status, headers, bytes } = await raw(`/authority/${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect(headers['content-type']).toBe('application/octet-stream');
      expect(headers['cache-control']).toContain('immutable');
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(bytes.equals(log.files.get(path) as Uint8Array)).toBe(true);
    }
  });

  test('compresses entry bundles for who accepts it, and nothing for who does not', async () => {
    const path = '/authority/tile/entries/000';
    const bytes = log.files.get('tile/entries/000') as Uint8Array;
    for (const accepted of ['gzip', 'br, gzip;q=0.5', 'GZIP']) {
      const packed = await raw(path, { 'accept-encoding': accepted });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(packed.headers['vary']).toContain('Accept-Encoding');
      expect(gunzipSync(packed.bytes).equals(bytes)).toBe(true);
    }
    for (const accepted of ['identity', 'gzip;q=0', 'br', '', 'xgzip']) {
      const whole = await raw(path, { 'accept-encoding': accepted });
      expect(whole.headers['content-encoding']).toBeUndefined();
      expect(whole.bytes.equals(bytes)).toBe(true);
    }
    const hashes = await raw('/authority/tile/0/000', { 'accept-encoding': 'gzip' });
    expect(hashes.headers['content-encoding']).toBeUndefined();
  });

  test('answers HEAD without a body, and nothing but GET and HEAD', async () => {
    const head = await raw('/authority/tile/0/000', {}, 'HEAD');
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await raw('/authority/checkpoint', {}, method)).status).toBe(405);
  });

  test('N18 has no resource at any other path, whatever it could be taken for', async () => {
    for (const path of [
      '/',
      '/authority',
      '/authority/',
      '/checkpoint',
      '/authority/checkpoint/',
      '/authority//checkpoint',
      '/authority/tile/0/0',
      '/authority/tile/0/0000',
      '/authority/tile/00/000',
      '/authority/tile/64/000',
      '/authority/tile/-1/000',
      '/authority/tile/0/x000/000',
      '/authority/tile/0/000.p/0',
      '/authority/tile/0/000.p/256',
      '/authority/tile/0/000.p/044',
      '/authority/tile/0/001.p/45',
      '/authority/tile/0/001',
      '/authority/tile/0/002',
      '/authority/tile/2/000.p/1',
      '/authority/tile/entries/001.p/43',
      '/authority/tile/data/000',
      '/authority/tile/0/../../../../etc/passwd',
      '/authority/tile/0/%2e%2e/000',
      '/authority/tile%2f0%2f000',
      '/authority/journal',
      '/authority/lock',
    ]) {
      const { status } = await raw(path);
      expect([path, status]).toEqual([path, 404]);
    }
    expect(failures).toEqual([]);
  });

  test('gives the partial tile of any earlier size from the full one', async () => {
    const { status, bytes } = await raw('/authority/tile/0/000.p/7');
    expect(status).toBe(200);
    const full = log.files.get('tile/0/000') as Uint8Array;
    expect(bytes.equals(full.subarray(0, 7 * 32))).toBe(true);
    expect((await raw('/authority/tile/entries/000.p/7')).status).toBe(404);
  });

  test('has no checkpoint before the first is published', async () => {
    const empty = await tileLog();
    const handler = createLogHandler({
      tiles: empty.source,
      checkpoint: () => empty.log.checkpoint(),
    });
    const at = 'http://log.example/checkpoint';
    expect((await handler(new Request(at))).status).toBe(404);
    await empty.publish();
    expect((await handler(new Request(at))).status).toBe(200);
  });

  test('tells its operator, and nobody else, why it cannot read', async () => {
    const secret = new Error('the disk /srv/secret has failed');
    const handler = createLogHandler({
      tiles: { read: () => Promise.reject(secret) },
      checkpoint: () => Promise.reject(secret),
      onFailure(cause) {
        failures.push(cause);
        throw new Error('x');
      },
    });
    for (const path of ['checkpoint', 'tile/0/000']) {
      const response = await handler(new Request(`http://log.example/${path}`));
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('secret');
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
    expect(failures).toEqual([secret, secret]);
  });

  test('is not mounted under a path that is none', () => {
    for (const prefix of ['authority', '/authority/', '/a b', '/a//b', '/'])
      expect(() =>
        createLogHandler({ tiles: log.source, checkpoint: () => undefined, prefix }),
      ).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHome } from '@taper/cli/authority';
import { startPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createForwardingMarks,
  FORWARDED,
  type ForwardingMarks,
} from '../../src/authority/forwarding-mark.ts';
import { World } from './world.ts';

const WRITER = 'http://10.0.0.1:8460';
const OTHER = 'http://10.0.0.2:8460';
const CLIENT = '192.0.2.7';
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const SECRET = random(32);
let now = 1_800_000_000;

function node(self: string, secret = SECRET): ForwardingMarks {
  return createForwardingMarks({ secret, self, clock: () => now, random });
}

function request(path = '/log/revocations', method = 'POST', mark?: string): Request {
  const headers = mark === undefined ? {} : { [FORWARDED]: mark };
  return new Request(`http://any.example${path}`, { method, headers });
}

describe('the mark of a request that a node sends on', () => {
  it('says whose it is, to the node that it was made for, once', () => {
    const writer = node(WRITER);
    const mark = node(OTHER).make(request(), WRITER, CLIENT);
    expect(writer.take(request('/log/revocations', 'POST', mark))).toBe(CLIENT);
    expect(writer.take(request('/log/revocations', 'POST', mark))).toBeUndefined();
    const next = node(OTHER).make(request(), WRITER, CLIENT);
    expect(writer.take(request('/log/revocations', 'POST', next))).toBe(CLIENT);
  });

  it('says nothing without one', () => {
    expect(node(WRITER).take(request())).toBeUndefined();
  });

  it('says nothing to another node, of another request, or under another secret', () => {
    const mark = node(OTHER).make(request(), WRITER, CLIENT);
    expect(node(OTHER).take(request('/log/revocations', 'POST', mark))).toBeUndefined();
    expect(node(WRITER).take(request('/log/revocations', 'GET', mark))).toBeUndefined();
    expect(node(WRITER).take(request('/log/agents', 'POST', mark))).toBeUndefined();
    expect(node(WRITER).take(request('/log/revocations?a', 'POST', mark))).toBeUndefined();
    const foreign = node(OTHER, random(32)).make(request(), WRITER, CLIENT);
    expect(node(WRITER).take(request('/log/revocations', 'POST', foreign))).toBeUndefined();
    expect(node(WRITER).take(request('/log/revocations', 'POST', mark))).toBe(CLIENT);
  });

  it('says nothing when any of it is changed, or it is no mark', () => {
    const mark = node(OTHER).make(request(), WRITER, CLIENT);
    const [version, time, id, , mac] = mark.split('.') as [string, string, string, string, string];
    const victim = Buffer.from('192.0.2.8').toString('base64url');
    const said = Buffer.from(CLIENT).toString('base64url');
    for (const forged of [
      [version, time, id, victim, mac],
      [version, time, 'A'.repeat(22), said, mac],
      [version, String(Number(time) + 1), id, said, mac],
      ['v2', time, id, said, mac],
      [version, time, id, said, 'A'.repeat(43)],
      [version, time, id, said],
      [version, time, id, said, mac, mac],
      ['1'],
      [''],
    ])
      expect(
        node(WRITER).take(request('/log/revocations', 'POST', forged.join('.'))),
      ).toBeUndefined();
  });

  it('counts for half a minute, by clocks that differ by as much', () => {
    const began = now;
    const mark = node(OTHER).make(request(), WRITER, CLIENT);
    const takenAfter = (seconds: number): string | undefined => {
      now = began + seconds;
      const client = node(WRITER).take(request('/log/revocations', 'POST', mark));
      now = began;
      return client;
    };
    expect([30, -30].map(takenAfter)).toEqual([CLIENT, CLIENT]);
    expect([31, -31].map(takenAfter)).toEqual([undefined, undefined]);
  });

  it('counts no second time as long as it would count at all', () => {
    const began = now;
    const writer = node(WRITER);
    now = began + 25;
    const mark = node(OTHER).make(request(), WRITER, CLIENT);
    now = began;
    expect(writer.take(request('/log/revocations', 'POST', mark))).toBe(CLIENT);
    for (const seconds of [1, 30, 54, 55, 56]) {
      now = began + seconds;
      const other = node(OTHER).make(request(), WRITER, CLIENT);
      expect(writer.take(request('/log/revocations', 'POST', other))).toBe(CLIENT);
      expect(writer.take(request('/log/revocations', 'POST', mark))).toBeUndefined();
    }
    now = began;
  });
});

describe('two nodes of one authority', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  /** The node that writes the log, and the one that sends on to it; each client may send ten requests in ten seconds. */
  async function startNodes(): Promise<{ readonly writer: World; readonly other: World }> {
    const [writer, other] = [new World(), new World()];
    const issuer = 'https://authority.example';
    await makeHome(writer.folder, { port: 0, issuer, database: await postgres.createDatabase() });
    cpSync(writer.folder, other.folder, { recursive: true });
    const ports = await makeHome(join(other.folder, 'ports'), { port: 0 });
    const config = JSON.parse(other.read('taper.json'));
    config.listen = ports.listen;
    config.management_listen = ports.managementListen;
    writeFileSync(join(other.folder, 'taper.json'), JSON.stringify(config));
    for (const world of [writer, other])
      await world.start((same) => ({ ...same, requestsPerSecond: 1, trustedProxies: 1 }));
    return { writer, other };
  }

  /** Only the node that writes answers it. */
  const PATH = '/log/agents';

  async function statuses(
    world: World,
    client: string,
    count: number,
    mark?: string,
  ): Promise<number[]> {
    const found: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const response = await fetch(world.url + PATH, {
        headers: {
          'x-forwarded-for': client,
          ...(mark === undefined ? {} : { [FORWARDED]: mark }),
        },
      });
      found.push(response.status);
      await response.body?.cancel();
    }
    return found;
  }

  it('R15: count each client by itself: those behind one node do not share what one of them may ask, and a client is the same at both', async () => {
    const { writer, other } = await startNodes();
    const clients = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    for (const client of clients)
      expect(await statuses(other, client, 8)).toEqual(Array(8).fill(200));
    // Two are left to it at the writer, where it has been counted eight times.
    expect(await statuses(writer, '192.0.2.1', 3)).toEqual([200, 200, 429]);
    // Whoever floods is stopped, and a revocation by another client behind the same node gets through.
    expect((await statuses(other, '192.0.2.9', 20)).slice(10)).toEqual(Array(10).fill(429));
    const revoked = await other.node.authority.revocations.revoke(
      { kind: 'tenant', tenant: 'acme', issued_before: other.clock() },
      {},
    );
    expect(revoked.index).toBeGreaterThan(0);
  }, 60_000);

  it('believe no mark but their own: one that is forged, replayed or expired is the client’s who sends it', async () => {
    const { writer, other } = await startNodes();
    const flooding = '198.51.100.1';
    expect((await statuses(writer, flooding, 11)).at(-1)).toBe(429);
    const secret = Buffer.from(
      (await writer.node.authority.store.read((tx) => tx.findSetting('nonce_key'))) as string,
      'base64url',
    );
    const { listen } = JSON.parse(writer.read('taper.json'));
    const mark = (ahead = 0, key: Uint8Array = secret): string =>
      createForwardingMarks({
        secret: key,
        self: 'http://10.0.0.9',
        clock: () => writer.clock() + ahead,
        random,
      }).make(new Request(`http://any.example${PATH}`), `http://${listen}`, '192.0.2.44');
    // What only a node can make: it is the other client's.
    const real = mark();
    expect(await statuses(writer, flooding, 1, real)).toEqual([200]);
    expect(await statuses(writer, flooding, 1, real)).toEqual([429]);
    expect(await statuses(writer, flooding, 1, mark(-60))).toEqual([429]);
    expect(await statuses(writer, flooding, 1, mark(60))).toEqual([429]);
    expect(await statuses(writer, flooding, 1, mark(0, random(32)))).toEqual([429]);
    expect(await statuses(writer, flooding, 1, '1')).toEqual([429]);
    // And a request with one, whatever it is worth, is not sent on once more.
    expect(await statuses(other, '192.0.2.45', 1, mark())).toEqual([503]);
    expect(await statuses(other, '192.0.2.45', 1)).toEqual([200]);
  }, 60_000);
});

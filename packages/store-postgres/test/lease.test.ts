import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { openLog } from '@taper/log';
import { testKey } from '@taper/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createPostgresCheckpointStore,
  createPostgresLease,
  createPostgresRevocationStateStore,
  createPostgresTileStore,
  type HeldLease,
  openPostgres,
  type PostgresDatabase,
  type PostgresLease,
} from '../src/index.ts';
import { openProxy, type TestProxy } from './proxy.ts';
import { leaseOf, testServer } from './server.ts';

const context = testServer();
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const LOG_KEY = testKey('log');
const WAIT = { timeout: 20_000, interval: 50 };
/** Milliseconds; this machine may be busy. */
const PATIENCE = 2000;

function leaseOn(database: PostgresDatabase, address: string): PostgresLease {
  return createPostgresLease(database, { name: 'log', address, patience: PATIENCE });
}

async function openBoth(): Promise<{
  url: string;
  proxy: TestProxy;
  one: PostgresDatabase;
  other: PostgresDatabase;
}> {
  const { url, database: other } = await context.openNew();
  const proxy = await openProxy(context.server.port);
  const one = await openPostgres({ url: proxy.url(url), statementTimeout: 500 });
  opened.push(proxy, other, one);
  return { url, proxy, one, other };
}

async function take(lease: PostgresLease): Promise<HeldLease> {
  const held = await lease.tryAcquire();
  ok(held !== undefined);
  opened.push({ close: () => held.release() });
  return held;
}

async function codeOf(act: () => Promise<unknown>): Promise<unknown> {
  try {
    await act();
    return 'done';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

function writer(database: PostgresDatabase, lease: HeldLease) {
  const options = { log: 'one', lease };
  const tiles = createPostgresTileStore(database, options);
  const checkpoints = createPostgresCheckpointStore(database, options);
  const state = createPostgresRevocationStateStore(database, options);
  const open = () =>
    openLog({ origin: 'log.example', signer: LOG_KEY.signer, tiles, checkpoints, create: true });
  return { tiles, checkpoints, state, open };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a lease', () => {
  test('is one node’s at a time, and the next one’s at once when it is released', async () => {
    const { one, other } = await openBoth();
    const [here, there] = [leaseOn(one, 'http://one'), leaseOn(other, 'http://other')];
    strictEqual(await here.holder(), undefined);
    const held = await take(here);
    strictEqual(await there.tryAcquire(), undefined);
    strictEqual(await here.tryAcquire(), undefined);
    deepStrictEqual(await there.holder(), { address: 'http://one', fence: held.fence });
    await held.release();
    ok(held.ended.aborted);
    strictEqual(await there.holder(), undefined);
    const next = await take(there);
    ok(next.fence > held.fence);
    deepStrictEqual(await here.holder(), { address: 'http://other', fence: next.fence });
  });

  test('of two that ask at the same time is given to one; leases of other names are apart', async () => {
    const { one, other } = await openBoth();
    const answers = await Promise.all([
      leaseOn(one, 'a').tryAcquire(),
      leaseOn(other, 'b').tryAcquire(),
    ]);
    const held = answers.filter((each) => each !== undefined);
    strictEqual(held.length, 1);
    const apart = createPostgresLease(one, { name: 'something else', address: 'c' });
    const second = await apart.tryAcquire();
    ok(second !== undefined);
    for (const each of [...held, second]) await each.release();
  });

  test('is the next one’s at once when its holder’s connection ends, and the holder learns of it', async () => {
    const { proxy, one, other } = await openBoth();
    const held = await take(leaseOn(one, 'one'));
    const waiting = leaseOn(other, 'other').acquire();
    proxy.cut();
    const next = await waiting;
    opened.push({ close: () => next.release() });
    ok(next.fence > held.fence);
    await expect.poll(() => held.ended.aborted, WAIT).toBe(true);
  });

  test('is taken from a holder that is alive and says nothing for too long', async () => {
    const { proxy, one, other } = await openBoth();
    const held = await take(leaseOn(one, 'one'));
    proxy.freeze();
    const next = await leaseOn(other, 'other').acquire();
    opened.push({ close: () => next.release() });
    ok(next.fence > held.fence);
    proxy.mend();
    await expect.poll(() => held.ended.aborted, WAIT).toBe(true);
    strictEqual((await leaseOn(other, '').holder())?.fence, next.fence);
  });

  test('is not taken from a holder that shows life', async () => {
    const { one, other } = await openBoth();
    const held = await take(leaseOn(one, 'one'));
    const impatient = AbortSignal.timeout(3 * PATIENCE);
    strictEqual(
      await leaseOn(other, 'other')
        .acquire(impatient)
        .catch(() => 'nothing'),
      'nothing',
    );
    strictEqual(held.ended.aborted, false);
    strictEqual((await leaseOn(other, '').holder())?.fence, held.fence);
  });

  test('Z01: is waited for through a failure of the database', async () => {
    const { proxy, one } = await openBoth();
    proxy.cut();
    const waiting = leaseOn(one, 'one').acquire();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    proxy.mend();
    const held = await waiting;
    opened.push({ close: () => held.release() });
    ok(held.fence >= 1);
  });
});

describe('the fence', () => {
  test('N13: refuses every write of a holder once another has the lease, and changes nothing', async () => {
    const { one, other } = await openBoth();
    const first = writer(one, await take(leaseOn(one, 'one')));
    await first.tiles.restage(bytes('first'));
    const root = new Uint8Array(32);
    const stored = { origin: 'log.example', size: 0, root, note: undefined };
    strictEqual(await first.checkpoints.replace(undefined, stored), 'replaced');
    await first.state.save(['one']);
    await opened.pop()?.close();
    const second = writer(other, await take(leaseOn(other, 'other')));
    const next = { ...stored, size: 1 };
    const writes: readonly (() => Promise<unknown>)[] = [
      () => first.tiles.write([{ path: 'tile/0/000', bytes: bytes('x') }]),
      () => first.tiles.dropPartials(['tile/0/000']),
      () => first.tiles.stage(bytes('x')),
      () => first.tiles.restage(bytes('x')),
      () => first.checkpoints.replace(stored, next),
      () => first.checkpoints.replace(undefined, next),
      () => first.state.save(['x']),
    ];
    for (const [place, write] of writes.entries())
      strictEqual(await codeOf(write), 'log_forked', `write ${place}`);
    strictEqual(await second.tiles.read('tile/0/000'), undefined);
    deepStrictEqual((await second.tiles.staged()).records.map(String), [String(bytes('first'))]);
    deepStrictEqual(await second.checkpoints.read(), stored);
    await second.tiles.stage(bytes('second'));
    strictEqual(await second.checkpoints.replace(stored, next), 'replaced');
  });

  test('N13: a writer that was cut off and comes back after another took over ends, and the log goes on as one', async () => {
    const { proxy, one, other } = await openBoth();
    const first = await writer(one, await take(leaseOn(one, 'one'))).open();
    await first.append(bytes('entry 0'));
    const { size } = await first.publish();
    strictEqual(size, 1);
    proxy.freeze();
    const lost = codeOf(() => first.append(bytes('on the way')));
    const held = await leaseOn(other, 'other').acquire();
    opened.push({ close: () => held.release() });
    const second = await writer(other, held).open();
    const { index } = await second.append(bytes('entry of the other'));
    proxy.mend();
    ok(['log_unavailable', 'log_forked'].includes(String(await lost)));
    for (const act of [() => first.append(bytes('late')), () => first.publish()])
      strictEqual(await codeOf(act), 'log_forked');
    await second.append(bytes('one more'));
    const published = await second.publish();
    strictEqual(published.size, index + 2);
    const texts: string[] = [];
    for await (const { entry } of second.reader.entries(0, published.size))
      texts.push(new TextDecoder().decode(entry));
    deepStrictEqual(texts.slice(-2), ['entry of the other', 'one more']);
    ok(!texts.includes('late'));
    await first.close();
    await second.close();
  });

  test('is waited for: what a holder is writing when another takes over is there for the other to find', async () => {
    const { one, other } = await openBoth();
    const held = await take(leaseOn(one, 'one'));
    const first = writer(one, held);
    await first.tiles.restage(bytes('first'));
    const writes = Promise.all(
      Array.from({ length: 40 }, (_, place) => codeOf(() => first.tiles.stage(bytes(`${place}`)))),
    );
    await held.release();
    const second = writer(other, await take(leaseOn(other, 'other')));
    const found = (await second.tiles.staged()).records.length - 1;
    const kept = (await writes).filter((answer) => answer === 'done').length;
    strictEqual((await second.tiles.staged()).records.length - 1, found);
    strictEqual(kept, found);
  });
});

describe('the state of revocations in PostgreSQL', () => {
  test('is what was last saved, whole, also after a restart', async () => {
    const { database } = await context.openNew();
    opened.push(database);
    const lease = await leaseOf(database);
    opened.push({ close: () => lease.release() });
    const open = () => createPostgresRevocationStateStore(database, { log: 'one', lease });
    const store = open();
    strictEqual(await store.load(), undefined);
    const many = Array.from({ length: 5000 }, (_, place) => `${place} ${'é'.repeat(200)}`);
    for (const lines of [['one', '', 'three'], [], [''], many, ['last']]) {
      // What is given once only is taken whole, too.
      await store.save(lines.values());
      deepStrictEqual(await all(open()), lines);
    }
    await createPostgresRevocationStateStore(database, { log: 'other', lease }).save(['other']);
    deepStrictEqual(await all(store), ['last']);
  });

  test('Z06: is the one before where saving fails', async () => {
    const { database } = await context.openNew();
    opened.push(database);
    const lease = await leaseOf(database);
    opened.push({ close: () => lease.release() });
    const store = createPostgresRevocationStateStore(database, { log: 'one', lease });
    await store.save(['one']);
    function* failing() {
      yield 'x'.repeat(300_000);
      throw new Error('no more');
    }
    strictEqual(await codeOf(() => store.save(failing())), undefined);
    strictEqual(await codeOf(() => store.save(['a', 'b\0'])), 'option_invalid');
    deepStrictEqual(await all(store), ['one']);
  });

  async function all(store: ReturnType<typeof createPostgresRevocationStateStore>) {
    const lines: string[] = [];
    for await (const line of (await store.load()) ?? []) lines.push(line);
    return lines;
  }
});

import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { ReplayStore, UsedKey } from '../port/replay-store.ts';
import {
  type ContractTest,
  identifier,
  type OpenedPort,
  refuses,
  CONTRACT_TIME as T,
  tally,
  withPort,
} from './contract.ts';

export interface ReplayStoreContract {
  readonly test: ContractTest;
  /** @param options.capacity keys that the store must hold, and no more. */
  open(options: { readonly capacity?: number }): Promise<OpenedPort<ReplayStore>>;
}

/** Seconds by which a driver may forget late; {@link replayStoreContract} waits that long and longer. */
const LATE = 3600;

function use(name: string, expiresAt: number = T + 120): UsedKey {
  return { key: identifier(name), expiresAt };
}

/** Tests that a driver of {@link ReplayStore} keeps what the port promises. */
export function replayStoreContract({ test, open }: ReplayStoreContract): void {
  const check = withPort(test, open);

  check('accepts a key once, and every other key', {}, async (store, peer) => {
    strictEqual(await store.accept([use('one')], T), 'accepted');
    strictEqual(await store.accept([use('one')], T), 'replayed');
    strictEqual(await peer.accept([use('one')], T), 'replayed');
    strictEqual(await peer.accept([use('other')], T), 'accepted');
    strictEqual(await store.accept([use('other')], T), 'replayed');
  });

  check('accepts the keys of a call together or not at all', {}, async (store) => {
    strictEqual(await store.accept([use('a'), use('b')], T), 'accepted');
    strictEqual(await store.accept([use('c'), use('b')], T), 'replayed');
    strictEqual(await store.accept([use('c')], T), 'accepted');
    for (const each of ['a', 'b', 'c'])
      strictEqual(await store.accept([use(each)], T), 'replayed', each);
  });

  check('accepts 16 keys at once', {}, async (store) => {
    const keys = Array.from({ length: 16 }, (_, index) => use(`key ${index}`));
    strictEqual(await store.accept(keys, T), 'accepted');
    strictEqual(await store.accept(keys.slice(15), T), 'replayed');
  });

  check('lets exactly one pass of calls that race for a key', {}, async (store, peer) => {
    const calls = Array.from({ length: 40 }, async (_, index) =>
      (index % 2 === 0 ? store : peer).accept([use('shared'), use(`own ${index}`)], T),
    );
    deepStrictEqual(tally(await Promise.all(calls)), { accepted: 1, replayed: 39 });
  });

  check('remembers a key until its last second has passed', {}, async (store, peer) => {
    strictEqual(await store.accept([use('short', T + 5), use('long', T + 7200)], T), 'accepted');
    strictEqual(await peer.accept([use('short', T + 5)], T + 5), 'replayed');
    strictEqual(await store.accept([use('later', T + 9000)], T + 7200), 'accepted');
    strictEqual(await store.accept([use('long', T + 7200)], T + 7200), 'replayed');
  });

  check('goes by the key, whatever expiry it is named with', {}, async (store) => {
    strictEqual(await store.accept([use('one', T + 120)], T), 'accepted');
    for (const expiresAt of [T, T + 60, T + 121, T + 7200])
      strictEqual(await store.accept([use('one', expiresAt)], T), 'replayed');
  });

  check('serves callers whose clocks differ by a minute', {}, async (store, peer) => {
    for (let second = 0; second < 600; second += 20) {
      const [ahead, behind] = [T + second + 60, T + second];
      const proof = use(`of the one ahead at ${second}`, ahead - 60 + 120);
      strictEqual(await store.accept([proof], ahead), 'accepted');
      strictEqual(await peer.accept([proof], behind), 'replayed');
      const old = use(`of the one behind at ${second}`, behind - 60 + 120);
      strictEqual(await peer.accept([old], behind), 'accepted');
      strictEqual(await store.accept([old], ahead), 'replayed');
    }
  });

  check('accepts nothing twice when a clock has run ahead and stepped back', {}, async (store) => {
    strictEqual(await store.accept([use('used')], T), 'accepted');
    strictEqual(await store.accept([use('far', T + 2 * LATE)], T + 2 * LATE), 'accepted');
    const again = await answerOf(() => store.accept([use('used')], T));
    strictEqual(again === 'accepted', false);
    strictEqual(await store.accept([use('fresh', T + 2 * LATE + 120)], T + 2 * LATE), 'accepted');
  });

  check(
    'refuses a key that expires no later than a forgotten one, by an exception',
    {},
    async (store) => {
      strictEqual(await store.accept([use('first', T + 120)], T), 'accepted');
      strictEqual(await store.accept([use('last', T + LATE + 240)], T + LATE + 121), 'accepted');
      await refuses(() => store.accept([use('unused', T + 120)], T));
      await refuses(() => store.accept([use('new', T + LATE + 241), use('old', T + 120)], T));
      strictEqual(await store.accept([use('new', T + LATE + 241)], T), 'accepted');
    },
  );

  check(
    'refuses when it is full, and forgets no live key',
    { capacity: 3 },
    async (store, peer) => {
      strictEqual(await store.accept([use('a'), use('b')], T), 'accepted');
      strictEqual(await store.accept([use('c'), use('d')], T), 'full');
      strictEqual(await store.accept([use('c')], T), 'accepted');
      for (let index = 0; index < 100; index += 1)
        strictEqual(await peer.accept([use(`flood ${index}`)], T), 'full');
      for (const each of ['a', 'b', 'c'])
        strictEqual(await store.accept([use(each)], T), 'replayed', each);
    },
  );

  check('has room again when keys have expired', { capacity: 2 }, async (store) => {
    strictEqual(await store.accept([use('a'), use('b')], T), 'accepted');
    strictEqual(await store.accept([use('c', T + 200)], T + 120), 'full');
    const later = T + 120 + LATE;
    strictEqual(await store.accept([use('c', later + 120)], later), 'accepted');
    strictEqual(await store.accept([use('d', later + 120)], later), 'accepted');
    strictEqual(await store.accept([use('e', later + 120)], later), 'full');
  });

  check('accepts again what the same call had accepted and forgot', {}, async (store, peer) => {
    strictEqual(await store.accept([use('a'), use('b')], T), 'accepted');
    strictEqual(await store.forget([use('a')]), undefined);
    strictEqual(await peer.accept([use('b')], T), 'replayed');
    strictEqual(await peer.accept([use('a')], T), 'accepted');
    strictEqual(await store.accept([use('a')], T), 'replayed');
  });

  check('has room again for what was forgotten, and no more', { capacity: 2 }, async (store) => {
    strictEqual(await store.accept([use('a'), use('b')], T), 'accepted');
    await store.forget([use('a'), use('never there')]);
    await store.forget([use('a')]);
    strictEqual(await store.accept([use('c')], T), 'accepted');
    strictEqual(await store.accept([use('d')], T), 'full');
  });

  check('refuses what is no list of 1 to 16 different live keys', {}, async (store) => {
    const many = Array.from({ length: 17 }, (_, index) => use(`key ${index}`));
    const wrong: unknown[] = [
      [],
      many,
      undefined,
      'key',
      [use('one'), use('one')],
      [use('one'), use('one', T + 7200)],
      [use('one', T - 1)],
      [use('one', Number.NaN)],
      [use('one', T + 0.5)],
      [use('one', Infinity)],
      [{ key: 'short', expiresAt: T + 120 }],
      [{ key: `${identifier('one')}=`, expiresAt: T + 120 }],
      [{ key: identifier('one').replace(/.$/, '+'), expiresAt: T + 120 }],
      [{ key: 7, expiresAt: T + 120 }],
    ];
    for (const keys of wrong) await refuses(() => store.accept(keys as UsedKey[], T));
    for (const now of [Number.NaN, T + 0.5, Infinity, undefined])
      await refuses(() => store.accept([use('one')], now as number));
    strictEqual(await store.accept([use('one')], T), 'accepted');
  });
}

async function answerOf(ask: () => unknown): Promise<unknown> {
  try {
    return await ask();
  } catch {
    return 'an exception';
  }
}

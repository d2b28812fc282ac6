import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import { createDocumentFetch } from '../../src/oidc/fetch-document.ts';
import { fetchedKeys, type KeyAnswer, type KeySource } from '../../src/oidc/key-source.ts';
import { json, keySet, serve, type TestServer } from './issuer.ts';

const first = testKey('first');
const second = testKey('second');

interface Fixture {
  readonly source: KeySource;
  readonly server: TestServer;
  /** What is served from now on; `undefined` for an error. */
  publish(set: unknown): void;
}

async function fixture(): Promise<Fixture> {
  let published: unknown = keySet(first);
  const server = await serve((request, response) => {
    if (published !== undefined) return json(() => published)(request, response);
    response.writeHead(503).end();
  });
  return {
    source: fetchedKeys(server.url, createDocumentFetch({ loopbackHttp: true })),
    server,
    publish(set) {
      published = set;
    },
  };
}

async function knows(answer: Promise<KeyAnswer>, kid: string): Promise<boolean> {
  return (await answer).keys?.has(kid) === true;
}

describe('keys of an issuer that are fetched (Q11)', () => {
  it('are fetched when they are needed first, once for many at a time', async () => {
    const at = await fixture();
    expect(at.server.asked()).toBe(0);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => knows(at.source.keysFor('first', TEST_TIME), 'first')),
    );
    expect(answers).toEqual(Array(20).fill(true));
    expect(at.server.asked()).toBe(1);
  });

  it('are not fetched again for unknown kids within a minute, however many arrive', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    for (let index = 0; index < 100; index += 1) {
      const answer = await at.source.keysFor(`unknown ${index}`, TEST_TIME + (index % 60));
      expect(answer.keys?.has(`unknown ${index}`) ?? false).toBe(false);
    }
    expect(at.server.asked()).toBe(1);
    await at.source.keysFor('unknown', TEST_TIME + 60);
    expect(at.server.asked()).toBe(2);
  });

  it('say when to ask again for a key that may be new, and are wrong for one that is not there (Z10)', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    at.publish(keySet(first, second));
    expect(await at.source.keysFor('second', TEST_TIME + 20)).toEqual({
      keys: undefined,
      reason: 'key_unknown',
      retryAfter: 40,
    });
    expect(await knows(at.source.keysFor('first', TEST_TIME + 20), 'first')).toBe(true);
    expect(await knows(at.source.keysFor('second', TEST_TIME + 60), 'second')).toBe(true);
    const absent = await at.source.keysFor('third', TEST_TIME + 120);
    expect(absent.keys?.has('third')).toBe(false);
  });

  it('that were taken out of the set are forgotten within ten minutes', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    at.publish(keySet(second));
    expect(await knows(at.source.keysFor('first', TEST_TIME + 599), 'first')).toBe(true);
    expect(await knows(at.source.keysFor('first', TEST_TIME + 600), 'first')).toBe(false);
  });

  it('go on for a day when the issuer is down, and no second longer', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    at.publish(undefined);
    expect(await knows(at.source.keysFor('first', TEST_TIME + 86_399), 'first')).toBe(true);
    expect(await at.source.keysFor('first', TEST_TIME + 86_400)).toMatchObject({
      keys: undefined,
      reason: 'status',
    });
  });

  it('are not replaced by what is no key set, or one with a private key in it (W07)', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    let now = TEST_TIME;
    for (const poisoned of [{}, 'html', { keys: [{ ...second.privateJwk, kid: 'second' }] }]) {
      at.publish(poisoned);
      now += 600;
      expect(await knows(at.source.keysFor('first', now), 'first')).toBe(true);
      expect(await at.source.keysFor('second', now)).toMatchObject({ keys: undefined });
    }
    expect(at.server.asked()).toBe(4);
  });

  it('of an issuer that never answered are not there, and it is asked once a minute', async () => {
    const at = await fixture();
    at.publish(undefined);
    for (let seconds = 0; seconds < 180; seconds += 10)
      expect(await at.source.keysFor('first', TEST_TIME + seconds)).toMatchObject({
        keys: undefined,
        reason: 'status',
      });
    expect(at.server.asked()).toBe(3);
    at.publish(keySet(first));
    expect(await knows(at.source.keysFor('first', TEST_TIME + 180), 'first')).toBe(true);
  });

  it('are fetched again after the clock was set back', async () => {
    const at = await fixture();
    await at.source.keysFor('first', TEST_TIME);
    at.publish(keySet(second));
    expect(await knows(at.source.keysFor('second', TEST_TIME - 86_400), 'second')).toBe(true);
  });

  it('that are known are answered while an unknown one is being looked for', async () => {
    const held: (() => void)[] = [];
    let asked = 0;
    const source = fetchedKeys('https://ci.example/jwks', async () => {
      asked += 1;
      if (asked > 1) await new Promise<void>((resolve) => held.push(resolve));
      return JSON.stringify(keySet(first));
    });
    await source.keysFor('first', TEST_TIME);
    const unknown = source.keysFor('unknown', TEST_TIME + 60);
    expect(await knows(source.keysFor('first', TEST_TIME + 60), 'first')).toBe(true);
    expect(held).toHaveLength(1);
    for (const release of held) release();
    expect((await unknown).keys?.has('unknown')).toBe(false);
  });
});

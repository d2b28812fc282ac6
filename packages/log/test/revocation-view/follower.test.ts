import { revocationViewContract } from '@taper/enforce/testing';
import { describe, expect, it, test } from 'vitest';
import { createMemoryViewStore, openRevocationFollower } from '../../src/index.ts';
import { identifier, NEVER, open, query, until } from './scene.ts';
import { ORIGIN, ScriptedLog, START } from './scripted-log.ts';

describe('a follower', () => {
  it('knows what the log says when it begins: what is revoked, and as of when', async () => {
    const { verdict, follower, asOf } = await open({
      async before(log, server) {
        await log.revokeToken(identifier('other'));
        log.epoch();
        await server.publish();
      },
    });
    await follower.ready;
    expect(asOf()).toBe(START);
    expect(verdict({ tokens: [identifier('other')] })).toBe('revoked');
    expect(follower.status()).toMatchObject({ log: ORIGIN, size: 3, epoch: 2, revoked: 1 });
  });

  it('applies a pushed revocation at once, before any checkpoint, and is no fresher for it', async () => {
    const { log, server, verdict, asOf, clock } = await open();
    expect(verdict()).toBe('good');
    log.time += 5;
    clock.time += 5;
    await log.revokeToken(identifier('leaf'));
    server.pushEntries(1);
    await until(() => verdict() === 'revoked');
    expect(verdict({ tokens: [] })).toBe('good');
    expect(asOf()).toBeNaN();
    expect(verdict({ tokens: [identifier('root')] })).toBe('good');
  });

  it('is fresh by a pushed epoch, once its checkpoint is there and no earlier', async () => {
    const { log, server, follower, asOf, clock } = await open();
    log.time += 3;
    clock.time += 3;
    log.epoch();
    server.pushEntries(1);
    await log.revokeToken(identifier('other'));
    server.pushEntries(2);
    await until(
      () => follower.check(query({ tokens: [identifier('other')] }), 0).verdict === 'revoked',
    );
    expect(asOf()).toBe(START);
    // The checkpoint is of a size that others have come after already.
    server.pushNote(await log.note({ size: 2 }));
    await until(() => asOf() === START + 3);
    expect(follower.status()).toMatchObject({ size: 2, epoch: 2 });
  });

  it('finds by asking what was not pushed', async () => {
    const { log, server, follower, verdict, asOf, tick } = await open();
    server.pushes = false;
    server.cut();
    await log.revokeToken(identifier('leaf'));
    await tick();
    await follower.poll();
    expect(verdict()).toBe('revoked');
    expect(follower.status()).toMatchObject({ size: 3, epoch: 2, asOf: START + 1 });
    expect(asOf()).toBeNaN();
  });

  it('asks by itself, in the interval that it was given', async () => {
    const scene = await open({ options: { pollInterval: 20, push: false } });
    await scene.log.revokeToken(identifier('leaf'));
    await scene.tick();
    await until(() => scene.verdict() === 'revoked' && scene.follower.status().epoch === 2);
  });

  it('reads a log of many pages to its end', async () => {
    const { follower, asOf } = await open({
      async before(log, server) {
        for (let each = 0; each < 2_500; each += 1) log.epoch();
        await server.publish();
      },
    });
    expect(follower.status()).toMatchObject({ size: 2_501, epoch: 2_501 });
    expect(asOf()).toBe(START);
  });

  it('reads every kind of revocation, an agent by its keys, and skips what it does not know', async () => {
    const { log, follower, verdict, tick } = await open();
    log.entries.push('{"type":"agent_enrolled","version":7}');
    await log.revoke({ kind: 'key', key: identifier('lost key') });
    const keys = ['one', 'two'].map(identifier).sort();
    await log.revoke({ kind: 'agent', agent: 'crawler', keys });
    await log.revoke({ kind: 'tenant', tenant: 'acme', issued_before: START - 50 });
    await tick();
    await follower.poll();
    for (const key of [identifier('lost key'), ...keys])
      expect(verdict({ keys: [identifier('anchor'), key] })).toBe('revoked');
    expect(verdict({ tenant: 'acme' })).toBe('revoked');
    expect(verdict({ tenant: 'acme', oldestIssuedAt: START - 50 })).toBe('good');
    expect(verdict({ tokens: keys })).toBe('good');
    expect(follower.status()).toMatchObject({ epoch: 2, revoked: 4 });
  });

  it('says so when a chain names another log, or an epoch that it has not come to', async () => {
    const { verdict } = await open();
    expect(verdict({ logs: [ORIGIN], epochs: new Map([[ORIGIN, 1]]) })).toBe('good');
    expect(verdict({ logs: [ORIGIN, 'other.example/log'] })).toBe('unknown_log');
    expect(verdict({ logs: [ORIGIN], epochs: new Map([[ORIGIN, 2]]) })).toBe('behind');
  });

  it('M12 keeps revoked what was revoked, whatever entry comes later', async () => {
    const { log, follower, verdict, tick } = await open();
    await log.revokeToken(identifier('leaf'));
    log.entries.push(
      `{"target":{"kind":"token","token":"${identifier('leaf')}"},"type":"restored"}`,
    );
    await tick();
    await follower.poll();
    expect(verdict()).toBe('revoked');
    expect(follower.status().epoch).toBe(2);
  });

  it('M09 finds a child that was made after its parent was revoked', async () => {
    const { log, follower, verdict, tick } = await open();
    await log.revokeToken(identifier('root'));
    await tick();
    await follower.poll();
    expect(verdict({ tokens: ['root', 'made later'].map(identifier) })).toBe('revoked');
  });

  it('tells who asked to hear of it when something new was revoked, and of nothing else', async () => {
    const { log, follower, tick, server } = await open();
    let told = 0;
    const end = follower.onRevoked?.(() => {
      told += 1;
    });
    await tick();
    await follower.poll();
    expect(told).toBe(0);
    await log.revokeToken(identifier('leaf'));
    server.pushEntries();
    await until(() => told === 1);
    end?.();
    await log.revokeToken(identifier('other'));
    await tick();
    await follower.poll();
    expect(told).toBe(1);
  });

  it('goes on when one of those who listen throws', async () => {
    const { log, follower, tick, server, verdict } = await open();
    let told = 0;
    follower.onRevoked?.(() => {
      throw Object.assign(new Error('on purpose'), { code: 'TAPER_PORT_FAILED' });
    });
    follower.onRevoked?.(() => {
      told += 1;
    });
    await log.revokeToken(identifier('leaf'));
    server.pushEntries();
    await until(() => told === 1);
    expect(verdict()).toBe('revoked');
    await tick();
    await follower.poll();
    expect(follower.status()).toMatchObject({ epoch: 2, pushed: true });
  });

  it('asks once for all who want news at the same time', async () => {
    const { follower, server } = await open({ options: { push: false } });
    server.requests.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => follower.poll()));
    expect(server.requests.length).toBeLessThanOrEqual(2);
  });

  it('answers from what it knows when it is closed, which grows old', async () => {
    const { follower, tick, verdict, asOf } = await open();
    await follower.close();
    await tick(90);
    await follower.poll();
    expect(verdict()).toBe('good');
    expect(asOf()).toBe(START);
  });

  it('refuses every call when more is revoked than it has room for', async () => {
    const { log, follower, verdict, tick, codes } = await open({ options: { capacity: 2 } });
    for (const each of ['a', 'b', 'c']) await log.revokeToken(identifier(each));
    await tick();
    await follower.poll();
    expect(verdict({ tokens: [identifier('b')] })).toBe('revoked');
    expect(() => verdict()).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
    expect(codes()).toEqual(['view_full']);
  });

  it('[Z07] reads again after a restart what it had no room for', async () => {
    const store = createMemoryViewStore();
    const { log, follower, follow, tick, clock } = await open({
      options: { capacity: 2, store, push: false },
    });
    for (const each of ['a', 'b', 'leaf']) await log.revokeToken(identifier(each));
    await tick();
    await follower.poll();
    await follower.close();
    const small = await follow();
    await tick();
    await small.poll();
    expect(() => small.check(query(), clock.time)).toThrow(
      expect.objectContaining({ code: 'store_unavailable' }),
    );
    await small.close();
    const large = await follow({ capacity: 100 });
    await tick();
    await large.poll();
    expect(large.check(query(), clock.time).verdict).toBe('revoked');
    expect(large.check(query({ tokens: [] }), clock.time).verdict).toBe('good');
  });

  it('[R09] forgets a token a day after it has expired, and a key never', async () => {
    const { log, follower, verdict, tick } = await open({ options: { push: false } });
    await log.revokeToken(identifier('leaf'));
    await log.revoke({ kind: 'key', key: identifier('lost key') });
    await tick(3_600 + 86_400 - 2);
    await follower.poll();
    expect(verdict()).toBe('revoked');
    expect(follower.status().revoked).toBe(2);
    await tick(120);
    await follower.poll();
    expect(follower.status().revoked).toBe(1);
    expect(verdict({ tokens: [], keys: [identifier('lost key')] })).toBe('revoked');
  });

  it.each<[string, object]>([
    ['an unknown option', { polInterval: 5 }],
    ['no authority', { authority: [] }],
    ['a key of the authority that nobody has checked', { authority: [{ alg: 'Ed25519' }] }],
    ['no source', { source: undefined }],
    ['a plain address elsewhere', { source: 'http://authority.example/revocation' }],
    ['an interval of nothing', { pollInterval: 0 }],
    ['a trust without keys', { trust: { origin: ORIGIN, keys: [], witnesses: [], quorum: 0 } }],
  ])('is not opened with %s', async (_, change) => {
    const log = new ScriptedLog();
    const options = {
      source: 'https://authority.example/revocation',
      trust: log.trust(),
      authority: [log.authority.publicKey],
      pollInterval: NEVER,
      ...change,
    };
    await expect(openRevocationFollower(options as never)).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  it('is not opened over the view of another log', async () => {
    const store = createMemoryViewStore();
    const { follower } = await open({ options: { store } });
    await follower.ready;
    const log = new ScriptedLog({ origin: 'other.example/log' });
    const options = { source: 'https://other.example', trust: log.trust(), store };
    await expect(
      openRevocationFollower({ ...options, authority: [log.authority.publicKey] }),
    ).rejects.toMatchObject({ code: 'log_unverified' });
  });
});

describe('the contract of views of revocations', () => {
  const T = 1_800_000_000;
  revocationViewContract({
    test,
    async open({ logs }) {
      const log = new ScriptedLog({ origin: logs[0] ?? ORIGIN });
      const scene = await open({ log });
      const other = await scene.follow();
      await other.ready;
      const revocable = (view: typeof other) => ({
        check: view.check,
        onRevoked: (listener: () => void) => view.onRevoked?.(listener) ?? (() => undefined),
        async revoke(revocation: object, now: number) {
          const { token, key, tenant, issuedBefore = 0 } = revocation as Record<string, never>;
          scene.clock.time = Math.max(now, scene.clock.time);
          log.time = Math.max(now, log.time);
          if (token !== undefined) await log.revokeToken(token);
          if (key !== undefined) await log.revoke({ kind: 'key', key });
          if (tenant !== undefined)
            await log.revoke({ kind: 'tenant', tenant, issued_before: issuedBefore });
          log.epoch();
          await scene.server.publish();
          await scene.follower.poll();
          await other.poll();
        },
      });
      expect(T).toBe(START);
      return {
        port: revocable(scene.follower),
        peer: revocable(other),
        close: async () => undefined,
      };
    },
  });
});

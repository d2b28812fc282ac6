import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMemoryViewStore, type ViewStore } from '../../src/index.ts';
import { openSqliteViewStore } from '../../src/sqlite/index.ts';
import { newFolder } from '../file/folder.ts';
import { identifier, open, query } from './scene.ts';
import { ORIGIN, START } from './scripted-log.ts';

describe('a view that is opened again', () => {
  it('knows what it knew, as old as it is, and reads nothing twice', async () => {
    const path = join(newFolder(), 'view.db');
    const store = openSqliteViewStore(path);
    const scene = await open({ options: { store, push: false } });
    await scene.log.revokeToken(identifier('leaf'));
    await scene.log.revoke({ kind: 'tenant', tenant: 'acme', issued_before: START });
    await scene.tick();
    await scene.follower.poll();
    await scene.follower.close();
    store.close();

    scene.clock.time += 500;
    scene.server.tail = () => (response) => response.destroy();
    const again = openSqliteViewStore(path);
    const follower = await scene.follow({ store: again });
    expect(follower.check(query(), 0).verdict).toBe('revoked');
    expect(follower.check(query({ tokens: [], tenant: 'acme' }), 0).verdict).toBe('revoked');
    expect(follower.check(query({ tokens: [] }), 0)).toEqual({ verdict: 'good', asOf: START + 1 });
    expect(follower.status()).toMatchObject({ size: 4, epoch: 2 });
    await follower.poll();
    expect(follower.check(query({ tokens: [] }), 0)).toEqual({ verdict: 'good', asOf: START + 1 });

    scene.server.tail = undefined;
    scene.server.requests.length = 0;
    scene.log.time += 499;
    await scene.tick();
    await follower.poll();
    expect(follower.status()).toMatchObject({ size: 5, epoch: 3, asOf: START + 501 });
    expect(
      scene.server.requests.every((each) => each === 'tail?from=4' || each === 'tail?from=5'),
    ).toBe(true);
    await follower.close();
    again.close();
  });

  it('M06 believes no older log than it has seen: not a shorter one, not another one', async () => {
    const store = createMemoryViewStore();
    const scene = await open({ options: { store, push: false } });
    for (let each = 0; each < 3; each += 1) await scene.tick();
    await scene.follower.poll();
    await scene.follower.close();
    const known = scene.follower.status();
    expect(known).toMatchObject({ size: 4, epoch: 4 });

    // A server restored from a backup: it goes on from the second entry, and soon has more than before.
    scene.log.entries.length = 2;
    scene.log.epochs = 2;
    scene.server.note = await scene.log.note();
    scene.server.size = 2;
    const follower = await scene.follow({ store });
    await follower.poll();
    expect(scene.codes()).toContain('checkpoint_rollback');
    await scene.log.revokeToken(identifier('other'));
    for (let each = 0; each < 5; each += 1) await scene.tick();
    await follower.poll();
    await follower.poll();
    expect(scene.codes()).toContain('entries_mismatch');
    expect(follower.status()).toMatchObject({ size: 4, epoch: 4, asOf: known.asOf });
    const named = { logs: [ORIGIN], epochs: new Map([[ORIGIN, 5]]) };
    expect(follower.check(query(named), 0).verdict).toBe('behind');
  });

  it('does not count as known what could not be saved, and saves it with what comes next', async () => {
    const kept = createMemoryViewStore();
    let isBroken = false;
    const store: ViewStore = {
      load: () => kept.load(),
      save(change) {
        if (isBroken) throw new Error('the disk is full');
        return kept.save(change);
      },
    };
    const { log, follower, tick, codes, verdict, asOf } = await open({
      options: { store, push: false },
    });
    isBroken = true;
    await log.revokeToken(identifier('leaf'));
    await tick();
    await follower.poll();
    expect(codes()).toEqual(['store_unavailable']);
    expect(verdict()).toBe('revoked');
    expect(follower.status()).toMatchObject({ epoch: 1, asOf: START });
    isBroken = false;
    await tick();
    await follower.poll();
    expect(follower.status()).toMatchObject({ epoch: 3, asOf: START + 2 });
    expect(asOf()).toBeNaN();
    expect([...((await kept.load())?.revoked ?? [])]).toHaveLength(1);
  });

  it('saves at its end what was pushed and no checkpoint has covered yet', async () => {
    const store = createMemoryViewStore();
    const { log, server, follower, until, verdict } = await open({ options: { store } });
    await follower.ready;
    await log.revokeToken(identifier('leaf'));
    server.pushEntries(1);
    await until(() => verdict() === 'revoked');
    await follower.close();
    expect([...((await store.load())?.revoked ?? [])]).toHaveLength(1);
  });
});

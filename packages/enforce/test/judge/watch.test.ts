import type { Denial } from '@taper/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  createMemoryRevocationView,
  type EnforcementPoint,
  type Permitted,
  type RevocationView,
} from '../../src/index.ts';
import { chainOf, NOW, pay, pointWith } from './scene.ts';

async function permitFor(point: EnforcementPoint): Promise<Permitted> {
  const decision = await pay(point, await chainOf());
  if (decision.verdict !== 'permit') throw new Error('not permitted');
  return decision;
}

/** Watches a call; `stopped` resolves to why it was stopped. */
function watched(point: EnforcementPoint, permitted: Permitted) {
  const causes: Denial[] = [];
  const { promise: stopped, resolve } = Promise.withResolvers<Denial>();
  const end = point.watch(permitted, (cause) => {
    causes.push(cause);
    resolve(cause);
  });
  return { causes, stopped, end };
}

/** A view in memory that tells of news. */
function tellingView() {
  const view = createMemoryRevocationView();
  const listeners = new Set<() => void>();
  return {
    check: view.check,
    onRevoked(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    revoke(token: string) {
      view.revoke({ token, expiresAt: NOW + 600 }, NOW);
      for (const listener of listeners) listener();
    },
    listeners,
  };
}

describe('a call that runs for long', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('M08 is stopped at once when its chain is revoked and the view tells of it', async () => {
    const revocation = tellingView();
    const point = pointWith({ revocation });
    const permitted = await permitFor(point);
    const { stopped, causes } = watched(point, permitted);
    const other = watched(point, await permitFor(point));
    revocation.revoke(permitted.chain.leaf.hash);
    expect(await stopped).toMatchObject({ code: 'revoked' });
    revocation.revoke(permitted.chain.tokens[0]?.hash ?? '');
    await new Promise(setImmediate);
    expect(causes).toHaveLength(1);
    expect(other.causes).toEqual([]);
    other.end();
  });

  test('M08 is stopped within a second where the view tells of nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const view = createMemoryRevocationView();
    const point = pointWith({ revocation: view });
    const permitted = await permitFor(point);
    const { stopped, causes } = watched(point, permitted);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(causes).toEqual([]);
    view.revoke({ key: permitted.chain.leaf.claims.holder.thumbprint }, NOW);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await stopped).toMatchObject({ code: 'revoked' });
  });

  test('M10 is stopped when nobody knows any more whether its chain is revoked, and when the chain has expired', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let now = NOW;
    const frozen: RevocationView = { check: () => ({ verdict: 'good', asOf: NOW }) };
    const point = pointWith({ revocation: frozen, clock: { now: () => now } });
    const one = watched(point, await permitFor(point));
    now = NOW + 60;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(one.causes).toEqual([]);
    now = NOW + 61;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await one.stopped).toMatchObject({ code: 'revocation_stale' });

    now = NOW;
    const unasked = pointWith({ clock: { now: () => now } });
    const other = watched(unasked, await permitFor(unasked));
    now = NOW + 600;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await other.stopped).toMatchObject({ code: 'token_expired' });
  });

  test('M08 is stopped at once when it was revoked between permit and watching', async () => {
    const revocation = tellingView();
    const point = pointWith({ revocation });
    const permitted = await permitFor(point);
    revocation.revoke(permitted.chain.leaf.hash);
    expect(await watched(point, permitted).stopped).toMatchObject({ code: 'revoked' });
  });

  test('is left alone once it is over, and the view then is, too', async () => {
    const revocation = tellingView();
    const point = pointWith({ revocation });
    const permitted = await permitFor(point);
    const { causes, end } = watched(point, permitted);
    expect(revocation.listeners.size).toBe(1);
    end();
    expect(revocation.listeners.size).toBe(0);
    revocation.revoke(permitted.chain.leaf.hash);
    await new Promise(setImmediate);
    expect(causes).toEqual([]);
  });

  test('is stopped where it was never permitted here', async () => {
    const point = pointWith();
    const elsewhere = await permitFor(pointWith());
    expect(await watched(point, elsewhere).stopped).toMatchObject({ code: 'internal_error' });
    const { stopped } = watched(point, { ...(await permitFor(point)) });
    expect(await stopped).toMatchObject({ code: 'internal_error' });
  });

  test('is watched over though what is called for another one throws', async () => {
    const revocation = tellingView();
    const point = pointWith({ revocation });
    const permitted = await permitFor(point);
    point.watch(permitted, () => {
      throw new Error('on purpose');
    });
    const { stopped } = watched(point, permitted);
    revocation.revoke(permitted.chain.leaf.hash);
    expect(await stopped).toMatchObject({ code: 'revoked' });
  });
});

import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { noteKey } from '@taper/core';
import {
  createRevocationService,
  openRevocationFollower,
  type RevocationFollower,
  type ViewQuery,
} from '@taper/log';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ALICE,
  ANCHOR,
  AUTHORITY,
  ask,
  BOB,
  CAROL,
  CHAIN,
  chainNumber,
  LOG_KEY,
  leafOf,
  NOW,
  ORIGIN,
  openDesk,
} from './desk.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const tokens = CHAIN.map((token) => leafOf([token]).token);
const keys = [ANCHOR, ALICE, BOB, CAROL].map(({ publicKey }) => publicKey.thumbprint);

const QUERY: ViewQuery = {
  tokens,
  keys,
  chains: [{ tokens, keys }],
  acting: [],
  evidence: undefined,
  tenant: undefined,
  oldestIssuedAt: NOW - 300,
  logs: [ORIGIN],
  epochs: new Map([[ORIGIN, 1]]),
};

async function follow(push: boolean, snapshotFrom?: number) {
  const desk = await openDesk();
  const fetchHandler = createRevocationService({ log: desk.log, authority: desk.authority });
  const server = serve({ fetch: fetchHandler, hostname: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(async () => {
    (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    server.close();
  });
  const open = async (): Promise<RevocationFollower> => {
    const follower = await openRevocationFollower({
      source: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      trust: {
        origin: ORIGIN,
        keys: [noteKey(ORIGIN, LOG_KEY.publicKey, 1)],
        witnesses: [],
        quorum: 0,
      },
      authority: [AUTHORITY.publicKey],
      clock: desk.clock,
      push,
      pollInterval: 60_000,
      ...(snapshotFrom === undefined ? {} : { snapshotFrom }),
    });
    closers.push(() => follower.close());
    return follower;
  };
  return { desk, open };
}

describe('who follows the service', () => {
  test('M01, M02: knows of a revocation when it was pushed, before any checkpoint covers it', async () => {
    const { desk, open } = await follow(true);
    await desk.authority.publishEpoch();
    const follower = await open();
    await follower.ready;
    expect(follower.check(QUERY, NOW)).toEqual({ verdict: 'good', asOf: NOW });
    for (let tries = 0; !follower.status().pushed && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await desk.authority.request(await ask(BOB));
    for (let tries = 0; follower.status().revoked === 0 && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(follower.check(QUERY, NOW)).toEqual({
      verdict: 'revoked',
      what: 'token',
      index: 2,
    });
    expect(desk.authority.feed.checkpoint?.size).toBe(1);
  });

  test('knows it by polling too, and its epoch moves with the log’s', async () => {
    const { desk, open } = await follow(false);
    await desk.authority.publishEpoch();
    const follower = await open();
    await follower.ready;
    desk.clock.advance(5);
    await desk.authority.request(await ask(ALICE, CHAIN.slice(0, 2)));
    await desk.authority.publishEpoch();
    await follower.poll();
    expect(follower.status()).toMatchObject({ epoch: 2, asOf: NOW + 5, size: 3, faulty: false });
    expect(follower.check(QUERY, NOW + 5)).toEqual({
      verdict: 'revoked',
      what: 'token',
      index: 1,
    });
  });

  test('begins a long log at a snapshot and goes on from there', async () => {
    const { desk, open } = await follow(false, 10);
    for (let number = 0; number < 20; number++)
      await desk.authority.request(await ask(CAROL, chainNumber(number)));
    await desk.authority.publishEpoch();
    await desk.authority.request(await ask(BOB));
    const follower = await open();
    await follower.ready;
    expect(follower.status()).toMatchObject({ epoch: 1, revoked: 20, faulty: false });
    await desk.authority.publishEpoch();
    await follower.poll();
    expect(follower.status()).toMatchObject({ epoch: 2, revoked: 21, faulty: false });
    expect(follower.check(QUERY, NOW)).toMatchObject({ verdict: 'revoked', index: 2 });
  });
});

import {
  createSigner,
  derive,
  type EpochRecord,
  generateKeyPair,
  issue,
  type JsonObject,
  noteKey,
  platform,
  prove,
  requestRevocation,
  revocationSubject,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import { createEnforcementPoint, type EnforcementPoint, type RevocationView } from '@taper/enforce';
import { exchangedFor } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createMemoryCheckpointStore,
  createMemoryTileStore,
  createRevocationService,
  createStapleView,
  openLog,
  openRevocationAuthority,
  openRevocationFollower,
  type RevocationAuthority,
  type RevocationFollower,
} from '../../src/index.ts';
import { serveHere } from '../served.ts';
import { until } from './scene.ts';

const ORIGIN = 'authority.example/revocation';
const AUDIENCE = 'https://desk.example';
const [anchor, orchestrator, agent, writer, revoker] = Array.from({ length: 5 }, () =>
  createSigner(generateKeyPair().privateJwk),
) as [Signer, Signer, Signer, Signer, Signer];
const anchors = [{ issuer: 'https://issuer.example', key: anchor.publicKey }];
const trust = {
  origin: ORIGIN,
  keys: [noteKey(ORIGIN, writer.publicKey, 1)],
  witnesses: [],
  quorum: 0,
};
const now = (): number => Math.floor(Date.now() / 1000);

let authority: RevocationAuthority;
let url: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const log = await openLog({
    origin: ORIGIN,
    signer: writer,
    tiles: createMemoryTileStore(),
    checkpoints: createMemoryCheckpointStore(),
    create: true,
  });
  authority = await openRevocationAuthority({ log, signer: revoker, anchors, clock: now });
  await authority.publishEpoch();
  const served = await serveHere(
    createRevocationService({ log, authority, prefix: '/revocation' }),
  );
  url = `${served.url}/revocation`;
  closing.push(
    () => log.close(),
    () => authority.close(),
    () => served.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function follow(options = {}): Promise<RevocationFollower> {
  const follower = await openRevocationFollower({
    source: url,
    trust,
    authority: [revoker.publicKey],
    pollInterval: 60_000,
    ...options,
  });
  closing.push(() => follower.close());
  await follower.ready;
  return follower;
}

/** Done when something was pushed to it. */
async function connected(follower: RevocationFollower): Promise<void> {
  while (!follower.status().pushed) {
    await authority.publishEpoch();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function newChain(information?: JsonObject): Promise<VerifiedChain> {
  const root = await issue({
    issuer: 'https://issuer.example',
    signer: anchor,
    holder: orchestrator.publicKey,
    tools: { read: {} },
    now: now(),
    id: crypto.randomUUID(),
    lifetime: 600,
    maxDepth: 3,
    caveats: { revocation: { log: ORIGIN, epoch: 1, max_staleness: 30 } },
    ...(information === undefined ? {} : { information }),
  });
  return derive(root, {
    signer: orchestrator,
    holder: agent.publicKey,
    tools: { read: {} },
    now: now(),
    id: crypto.randomUUID(),
  });
}

function pointWith(revocation: RevocationView): EnforcementPoint {
  return createEnforcementPoint({ audience: AUDIENCE, anchors, revocation, report: () => {} });
}

async function call(
  point: EnforcementPoint,
  chain: VerifiedChain,
  evidence?: string,
): Promise<string> {
  const wire = await prove(chain, {
    signer: agent,
    tool: 'read',
    args: {},
    now: now(),
    id: crypto.randomUUID(),
    audience: AUDIENCE,
  });
  const context = evidence === undefined ? {} : { evidence };
  const decision = await point.authorize(wire, 'read', {}, context);
  return decision.verdict === 'deny' ? decision.denial.code : decision.verdict;
}

/** The orchestrator takes back what it handed on, over the network. Neither agent is asked for anything. */
async function takeBack(chain: VerifiedChain): Promise<Response> {
  const tokens = chain.tokens.map(({ compact }) => compact);
  const [root, leaf] = [chain.tokens[0], chain.leaf] as [
    VerifiedChain['leaf'],
    VerifiedChain['leaf'],
  ];
  const request = await requestRevocation({
    log: ORIGIN,
    target: { kind: 'token', token: leaf.hash, root: root.hash },
    chain: tokens,
    signer: orchestrator,
    now: now(),
    id: crypto.randomUUID(),
  });
  return fetch(`${url}/revocations`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/jwt' },
    body: request,
  });
}

async function stapleFor(chain: VerifiedChain): Promise<string> {
  const { chains } = revocationSubject(chain);
  const response = await fetch(`${url}/staple`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ chains }),
  });
  expect(response.status).toBe(200);
  return platform.encodeBase64url(new Uint8Array(await response.arrayBuffer()));
}

describe('an authority, its service, and those who follow it', () => {
  it('what a holder takes back is refused everywhere at the next call, by what is pushed alone', async () => {
    const followers = await Promise.all([follow(), follow(), follow()]);
    const points = followers.map(pointWith);
    const [chain, other] = [await newChain(), await newChain()];
    for (const point of points) expect(await call(point, chain)).toBe('permit');
    await Promise.all(followers.map(connected));
    expect((await takeBack(chain)).status).toBe(201);
    await until(() => followers.every((each) => each.status().revoked === 1));
    for (const point of points) {
      expect(await call(point, chain)).toBe('revoked');
      expect(await call(point, other)).toBe('permit');
    }
  });

  it('M02, D22: and with it what was exchanged for it, of which its holder knows nothing', async () => {
    const follower = await follow();
    const points = [pointWith(follower), pointWith(createStapleView({ trust }))] as const;
    const subject = await newChain();
    const chain = await newChain(exchangedFor(subject));
    const other = await newChain(exchangedFor(await newChain()));
    const staples = new Map<VerifiedChain, string>();
    const outcomes = async (): Promise<readonly string[]> => {
      for (const each of [chain, other]) staples.set(each, await stapleFor(each));
      return Promise.all(
        [chain, other].flatMap((each) => [
          call(points[0], each),
          call(points[1], each, staples.get(each)),
        ]),
      );
    };
    expect(await outcomes()).toEqual(['permit', 'permit', 'permit', 'permit']);
    await connected(follower);
    expect((await takeBack(subject)).status).toBe(201);
    await authority.publishEpoch();
    await until(() => follower.status().revoked === 1);
    expect(await outcomes()).toEqual(['revoked', 'revoked', 'permit', 'permit']);
  });

  it('D22: a staple of the tokens that are shown alone proves nothing for a root that was exchanged', async () => {
    const subject = await newChain();
    const chain = await newChain(exchangedFor(subject));
    // Of an empty set, one proof is good for every question: somebody else’s token below the subject’s root.
    const sibling = { kind: 'token', token: (await newChain()).leaf.hash } as const;
    const options = { expiresAt: now() + 60 };
    await authority.revoke({ ...sibling, root: subject.tokens[0]?.hash ?? '' }, options);
    await authority.publishEpoch();
    const [own] = revocationSubject(chain).chains;
    const response = await fetch(`${url}/staple`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ chains: [own] }),
    });
    const silent = platform.encodeBase64url(new Uint8Array(await response.arrayBuffer()));
    const point = pointWith(createStapleView({ trust }));
    expect(await call(point, chain, silent)).toBe('revocation_staple_invalid');
    expect(await call(point, chain, await stapleFor(chain))).toBe('permit');
  });

  it('epochs that are pushed keep the view fresh', async () => {
    const follower = await follow();
    await connected(follower);
    let last: EpochRecord | undefined;
    for (let each = 0; each < 3; each += 1) last = await authority.publishEpoch();
    await until(() => follower.status().epoch === last?.epoch);
    expect(follower.status()).toMatchObject({ asOf: last?.time, pushed: true, faulty: false });
  });

  it('what is not pushed is found by asking', async () => {
    const follower = await follow({ push: false, pollInterval: 30 });
    const point = pointWith(follower);
    const chain = await newChain();
    expect(await call(point, chain)).toBe('permit');
    await takeBack(chain);
    await authority.publishEpoch();
    await until(() => follower.status().revoked === 1);
    expect(await call(point, chain)).toBe('revoked');
  });

  it('a follower that begins later knows the same, from a snapshot', async () => {
    const chain = await newChain();
    await takeBack(chain);
    for (let each = 0; each < 1_100; each += 1)
      await authority.append(`{"type":"note","value":${each}}`);
    await authority.publishEpoch();
    const problems: unknown[] = [];
    const report = (problem: unknown): void => void problems.push(problem);
    const follower = await follow({ snapshotFrom: 1_000, report });
    expect(problems).toEqual([]);
    expect(follower.status()).toMatchObject({ revoked: 1, epoch: 2 });
    expect(await call(pointWith(follower), chain)).toBe('revoked');
  });

  it('a staple lets a call pass where there is no network, and none does once it was revoked', async () => {
    const point = pointWith(createStapleView({ trust }));
    const chain = await newChain();
    expect(await call(point, chain)).toBe('revocation_staple_invalid');
    const staple = await stapleFor(chain);
    expect(await call(point, chain, staple)).toBe('permit');
    expect(await call(point, await newChain(), 'x')).toBe('revocation_staple_invalid');
    await takeBack(chain);
    await authority.publishEpoch();
    expect(await call(point, chain, await stapleFor(chain))).toBe('revoked');
    expect(await call(point, chain, staple)).toBe('revoked');
  });
});

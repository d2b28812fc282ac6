import {
  type CaveatsInit,
  type Denial,
  derive,
  issue,
  type JsonObject,
  prove,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import {
  createEnforcementPoint,
  createSessionTable,
  type EnforcementDecision,
  type EnforcementPoint,
  type EnforcementPointOptions,
  initiateSession,
  type RevocationView,
} from '@taper/enforce';
import { exchangedFor } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import { combineRevocationViews } from '../../src/index.ts';
import { open, type Scene, until } from './scene.ts';
import { newSigner, ORIGIN, ScriptedLog, START } from './scripted-log.ts';

const AUDIENCE = 'https://desk.example';
const ISSUER = 'https://issuer.example';
const [authority, orchestrator, agent, responder] = Array.from({ length: 4 }, newSigner) as [
  Signer,
  Signer,
  Signer,
  Signer,
];
const TOOLS = { read: {} };

async function chainOf(caveats?: CaveatsInit, information?: JsonObject): Promise<VerifiedChain> {
  const root = await issue({
    issuer: ISSUER,
    signer: authority,
    holder: orchestrator.publicKey,
    tools: TOOLS,
    now: START,
    id: crypto.randomUUID(),
    lifetime: 3_000,
    maxDepth: 3,
    ...(caveats === undefined ? {} : { caveats }),
    ...(information === undefined ? {} : { information }),
  });
  return derive(root, {
    signer: orchestrator,
    holder: agent.publicKey,
    tools: TOOLS,
    now: START,
    id: crypto.randomUUID(),
  });
}

function asks(maxStaleness: number, epoch = 0, log = ORIGIN): CaveatsInit {
  return { revocation: { log, epoch, max_staleness: maxStaleness } };
}

function pointAt(
  { clock, follower }: Scene,
  options: Partial<EnforcementPointOptions> = {},
): EnforcementPoint {
  return createEnforcementPoint({
    audience: AUDIENCE,
    anchors: [{ issuer: ISSUER, key: authority.publicKey }],
    clock: { now: () => clock.time },
    revocation: follower,
    report: () => {},
    ...options,
  });
}

async function call(
  point: EnforcementPoint,
  chain: VerifiedChain,
  { clock }: Scene,
): Promise<EnforcementDecision> {
  const wire = await prove(chain, {
    signer: agent,
    tool: 'read',
    args: {},
    now: clock.time,
    id: crypto.randomUUID(),
    audience: AUDIENCE,
  });
  return point.authorize(wire, 'read', {});
}

function codeOf(decision: EnforcementDecision): string {
  return decision.verdict === 'deny' ? decision.denial.code : decision.verdict;
}

/** Pushes the revocation of a token, and waits for nothing but the view. */
async function pushRevoked({ log, server, follower }: Scene, token: string): Promise<void> {
  const before = follower.status().revoked;
  const from = log.entries.length;
  await log.revokeToken(token);
  server.pushEntries(from);
  await until(() => follower.status().revoked > before);
}

describe('an enforcement point with a follower', () => {
  it('[M03, M15] refuses the very next call of a cached chain when a token of it is revoked, leaf or root', async () => {
    const scene = await open();
    const point = pointAt(scene);
    for (const hop of [0, 1]) {
      const chain = await chainOf(asks(30));
      expect(codeOf(await call(point, chain, scene))).toBe('permit');
      expect(codeOf(await call(point, chain, scene))).toBe('permit');
      await pushRevoked(scene, chain.tokens[hop]?.hash ?? '');
      const refused = await call(point, chain, scene);
      expect(refused).toMatchObject({ verdict: 'deny', denial: { code: 'revoked', hop } });
    }
    // A revoked parent has no new children either (M09), and other chains go on.
    expect(codeOf(await call(point, await chainOf(asks(30)), scene))).toBe('permit');
  });

  it('[D22, M02, M03] refuses the very next call of a cached chain when a token that was exchanged for its root is revoked', async () => {
    const scene = await open();
    const point = pointAt(scene);
    for (const hop of [0, 1]) {
      const subject = await chainOf();
      const chain = await chainOf(asks(30), exchangedFor(subject));
      expect(codeOf(await call(point, chain, scene))).toBe('permit');
      expect(codeOf(await call(point, chain, scene))).toBe('permit');
      await pushRevoked(scene, subject.tokens[hop]?.hash ?? '');
      const refused = await call(point, chain, scene);
      expect(refused).toMatchObject({ verdict: 'deny', denial: { code: 'revoked', hop: 0 } });
    }
    const other = await chainOf(asks(30), exchangedFor(await chainOf()));
    expect(codeOf(await call(point, other, scene))).toBe('permit');
  });

  it('[D22, J11] refuses it when a key is revoked that was on no chain but the one exchanged', async () => {
    const scene = await open();
    const point = pointAt(scene);
    const subject = await chainOf();
    const { taper_subject } = exchangedFor(subject) as { taper_subject: JsonObject };
    const gone = newSigner().publicKey.thumbprint;
    const keys = [...(taper_subject['keys'] as readonly string[]), gone];
    const chain = await chainOf(asks(30), exchangedFor(subject, { keys }));
    expect(codeOf(await call(point, chain, scene))).toBe('permit');
    const from = scene.log.entries.length;
    await scene.log.revoke({ kind: 'key', key: gone });
    scene.server.pushEntries(from);
    await until(() => scene.follower.status().revoked === 1);
    const refused = await call(point, chain, scene);
    expect(refused).toMatchObject({ denial: { code: 'revoked', hop: 0 } });
    expect(codeOf(await call(point, await chainOf(asks(30), exchangedFor(subject)), scene))).toBe(
      'permit',
    );
  });

  it('[J11] refuses every chain with the key of an agent, or of the anchor, once that key is revoked', async () => {
    for (const key of [agent, orchestrator, authority]) {
      const scene = await open();
      const point = pointAt(scene);
      const chain = await chainOf();
      expect(codeOf(await call(point, chain, scene))).toBe('permit');
      await scene.log.revoke({ kind: 'key', key: key.publicKey.thumbprint });
      scene.server.pushEntries(1);
      await until(() => scene.follower.status().revoked === 1);
      expect(codeOf(await call(point, chain, scene))).toBe('revoked');
      // Also what is signed with it from now on, and dated back.
      expect(codeOf(await call(point, await chainOf(), scene))).toBe('revoked');
    }
  });

  it('[M03] refuses the next request of a session, too, and opens none', async () => {
    const scene = await open();
    const sessions = createSessionTable({ signer: responder, audience: AUDIENCE, tools: ['read'] });
    const point = pointAt(scene, { sessions });
    const chain = await chainOf(asks(30));
    const { hello, complete } = initiateSession({
      chains: [chain],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    const welcome = await point.sessions?.hello(JSON.parse(JSON.stringify(hello)));
    const { finish, session } = await complete(welcome, scene.clock.time);
    await point.sessions?.finish(JSON.parse(JSON.stringify(finish)));
    const request = (): Promise<EnforcementDecision> =>
      point.authorize(session.request('read', {}), 'read', '{}');
    expect(codeOf(await request())).toBe('permit');
    await pushRevoked(scene, chain.leaf.hash);
    expect(codeOf(await request())).toBe('revoked');
    const again = initiateSession({
      chains: [chain],
      signers: [agent],
      audience: AUDIENCE,
      responderKey: responder.publicKey,
    });
    expect(await point.sessions?.hello(JSON.parse(JSON.stringify(again.hello)))).toMatchObject({
      code: 'revoked',
    });
  });

  it('[M08] stops a call that runs, at once when it is pushed', async () => {
    const scene = await open();
    const point = pointAt(scene);
    const chain = await chainOf(asks(30));
    const permitted = await call(point, chain, scene);
    if (permitted.verdict !== 'permit') throw new Error('not permitted');
    const { promise: stopped, resolve } = Promise.withResolvers<Denial>();
    point.watch(permitted, resolve);
    await pushRevoked(scene, chain.leaf.hash);
    expect(await stopped).toMatchObject({ code: 'revoked' });
  });

  it('[M10] serves on while the log is cut off, until max_staleness is over and no second longer', async () => {
    const scene = await open();
    const { clock, server, follower } = scene;
    const point = pointAt(scene);
    const chain = await chainOf(asks(10));
    server.tail = () => (response) => response.destroy();
    server.pushes = false;
    server.cut();
    clock.time = START + 10;
    await follower.poll();
    expect(codeOf(await call(point, chain, scene))).toBe('permit');
    clock.time = START + 11;
    expect(codeOf(await call(point, chain, scene))).toBe('revocation_stale');
    expect(scene.codes()).toContain('source_unavailable');
    server.tail = undefined;
    scene.log.time = START + 10;
    await scene.tick(1);
    clock.time = START + 11;
    await follower.poll();
    expect(codeOf(await call(point, chain, scene))).toBe('permit');
  });

  it('[M04] refuses everything at the start, until the first epoch is there', async () => {
    const scene = await open();
    scene.server.note = '';
    const follower = await scene.follow();
    const point = pointAt({ ...scene, follower });
    const chain = await chainOf(asks(3_600));
    expect(codeOf(await call(point, chain, scene))).toBe('revocation_stale');
    await follower.poll();
    expect(codeOf(await call(point, chain, scene))).toBe('revocation_stale');
    await scene.server.publish();
    await follower.poll();
    expect(codeOf(await call(point, chain, scene))).toBe('permit');
  });

  it('[M06] refuses a chain that has seen a later epoch, with the reason', async () => {
    const scene = await open();
    const point = pointAt(scene);
    expect(codeOf(await call(point, await chainOf(asks(30, 1)), scene))).toBe('permit');
    const ahead = await call(point, await chainOf(asks(30, 2)), scene);
    expect(ahead).toMatchObject({
      denial: { code: 'revocation_stale', facts: { reason: 'behind' } },
    });
    const other = await chainOf(asks(30, 0, 'other.example/log'));
    expect(codeOf(await call(point, other, scene))).toBe('revocation_log_unknown');
  });

  it('[M17] judges by one moment: what is revoked while a call is judged refuses it', async () => {
    const scene = await open();
    const { follower } = scene;
    const chain = await chainOf(asks(30));
    let asked = 0;
    const revocation: RevocationView = {
      async check(query, now) {
        asked += 1;
        const verdict = follower.check(query, now);
        if (asked === 1) await pushRevoked(scene, chain.leaf.hash);
        return verdict;
      },
    };
    const point = pointAt(scene, { revocation });
    expect(codeOf(await call(point, chain, scene))).toBe('revoked');
    expect(asked).toBe(2);
  });
});

describe('views of two logs', () => {
  const OTHER = 'other.example/log';

  async function openBoth(): Promise<{ one: Scene; other: Scene; point: EnforcementPoint }> {
    const one = await open();
    const other = await open({ log: new ScriptedLog({ origin: OTHER }) });
    const revocation = combineRevocationViews([one.follower, other.follower]);
    return { one, other, point: pointAt(one, { revocation }) };
  }

  it('refuse what either has revoked, whichever log the chain names', async () => {
    const { one, other, point } = await openBoth();
    for (const caveats of [undefined, asks(30), asks(30, 0, OTHER)]) {
      for (const scene of [one, other]) {
        const chain = await chainOf(caveats);
        expect(codeOf(await call(point, chain, one))).toBe('permit');
        await pushRevoked(scene, chain.leaf.hash);
        expect(codeOf(await call(point, chain, one))).toBe('revoked');
      }
    }
  });

  it('are as fresh as the log that the chain names, and as the oldest where it names none', async () => {
    const { one, point } = await openBoth();
    one.clock.time += 70;
    one.log.time += 69;
    await one.tick(1);
    one.clock.time -= 1;
    await one.follower.poll();
    expect(codeOf(await call(point, await chainOf(asks(30)), one))).toBe('permit');
    expect(codeOf(await call(point, await chainOf(asks(30, 0, OTHER)), one))).toBe(
      'revocation_stale',
    );
    expect(codeOf(await call(point, await chainOf(), one))).toBe('revocation_stale');
  });

  it('are behind, or do not know a log, when it is so of the log that is named', async () => {
    const { one, point } = await openBoth();
    expect(codeOf(await call(point, await chainOf(asks(30, 2, OTHER)), one))).toBe(
      'revocation_stale',
    );
    expect(codeOf(await call(point, await chainOf(asks(30, 1, OTHER)), one))).toBe('permit');
    expect(codeOf(await call(point, await chainOf(asks(30, 0, 'third.example')), one))).toBe(
      'revocation_log_unknown',
    );
  });

  it('tell of news from each, and are not made of nothing, or twice of one', async () => {
    const { one, other } = await openBoth();
    const view = combineRevocationViews([one.follower, other.follower]);
    let told = 0;
    const end = view.onRevoked?.(() => {
      told += 1;
    });
    await pushRevoked(one, (await chainOf()).leaf.hash);
    await pushRevoked(other, (await chainOf()).leaf.hash);
    end?.();
    await pushRevoked(other, (await chainOf()).leaf.hash);
    expect(told).toBe(2);
    for (const views of [[], [one.follower, one.follower]])
      expect(() => combineRevocationViews(views)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});

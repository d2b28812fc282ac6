import { createHash } from 'node:crypto';
import { derive, type JsonObject, noteKey, type VerifiedChain } from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  createMemoryCheckpointStore,
  createMemoryTileStore,
  createStaple,
  openLog,
  openRevocationAuthority,
  readPublishedEpoch,
} from '../../src/index.ts';
import {
  answers,
  described,
  ISSUER,
  NOW,
  newChain,
  openStory,
  PARTIES,
  policy,
  REVOCATION_ORIGIN,
  type Story,
  toldPermit,
  verify,
} from './story.ts';

// What staples say of a call at NOW + 10, whose chain is revoked at some time, or never.

type Staple = { readonly leaf: string; readonly staple: string };

interface Scene {
  readonly story: Story;
  /** A staple as of a time; time only goes on. */
  readonly at: (seconds: number) => Promise<Staple>;
  readonly revoke: (what?: 'leaf' | 'root' | 'key') => Promise<void>;
  readonly verdict: (...staples: readonly Staple[]) => ReturnType<typeof verify>;
}

async function scene(caveats: object = {}, lifetime = 3600): Promise<Scene> {
  const story = await openStory();
  const chain = await newChain({ caveats, lifetime });
  const [root] = chain.tokens;
  return {
    story,
    async at(seconds) {
      story.now = NOW + seconds;
      return story.staple(chain);
    },
    async revoke(what = 'leaf') {
      const options = { reason: 'agent_compromised', expiresAt: chain.leaf.claims.exp } as const;
      if (what === 'key')
        await story.revocation.revoke(
          { kind: 'key', key: PARTIES.planner.key.thumbprint },
          { reason: 'key_compromised' },
        );
      else {
        const { hash } = what === 'leaf' ? chain.leaf : (root as typeof chain.leaf);
        await story.revocation.revoke(
          { kind: 'token', token: hash, root: root?.hash ?? '' },
          options,
        );
      }
    },
    async verdict(...staples) {
      await story.recorder.record(await toldPermit(chain, { time: NOW + 10 }));
      return verify(await story.bundle({ staples }));
    },
  };
}

function codes({ problems }: Awaited<ReturnType<typeof verify>>): readonly string[] {
  return problems.map(({ code }) => code);
}

describe('a call of which the bundle shows', () => {
  test('O07: that its chain was not revoked afterwards, is authorized as of then', async () => {
    const { at, verdict } = await scene();
    const found = await verdict(await at(10), await at(20));
    expect(answers(found)).toEqual(['pass', 'pass', 'pass']);
    expect(found.notRevokedAsOf).toBe(NOW + 20);
  });

  test('N03, M10: only what was known before, is not shown to have been in force', async () => {
    const { at, verdict } = await scene();
    const found = await verdict(await at(9));
    expect(codes(found)).toEqual(['revocation_not_shown']);
    expect(answers(found)).toEqual(['pass', 'not_shown', 'pass']);
  });

  test('nothing of revocation, is not shown to have been in force', async () => {
    const { at, story, verdict } = await scene();
    await at(10);
    const found = await verdict();
    expect(codes(found)).toEqual(['revocation_not_shown']);
    const lax = await verify(await story.bundle(), { required: { revocation: 'optional' } });
    expect(answers(lax)).toEqual(['pass', 'pass', 'pass']);
    expect(lax.lacking.revocation).toBe(1);
    expect(lax.notRevokedAsOf).toBe(undefined);
  });

  test.each(['leaf', 'root', 'key'] as const)(
    'M01, M02, M16: that the %s had been revoked before, is refused',
    async (what) => {
      const { at, revoke, verdict } = await scene();
      await revoke(what);
      const found = await verdict(await at(10), await at(30));
      expect(codes(found)).toEqual(['chain_revoked']);
      expect(answers(found)).toEqual(['pass', 'fail', 'pass']);
    },
  );

  test('M16: that it was revoked later, and nothing between, is undecided', async () => {
    const { at, revoke, verdict } = await scene();
    const before = await at(9);
    await revoke();
    const found = await verdict(before, await at(11));
    expect(codes(found)).toEqual(['revocation_undecided']);
    expect(answers(found)[1]).toBe('not_shown');
  });

  test('M16: that it was in force after the call, and revoked later, stays authorized', async () => {
    const { at, revoke, verdict } = await scene();
    const between = await at(10);
    await revoke();
    const found = await verdict(between, await at(11));
    expect(answers(found)).toEqual(['pass', 'pass', 'pass']);
    expect(found.notRevokedAsOf).toBe(NOW + 10);
  });

  test('what the log no longer knew, proves nothing: it forgets tokens that have long expired', async () => {
    const remembered = await scene({}, 100);
    const last = await remembered.at(100 + 86_400 - 1);
    expect(answers(await remembered.verdict(last))[1]).toBe('pass');
    const { at, revoke, verdict } = await scene({}, 100);
    await revoke();
    const forgotten = await at(100 + 86_400);
    expect(codes(await verdict(forgotten))).toEqual(['revocation_not_shown']);
  });

  test('F09: the word of another log than its chain asks for, is not shown to have been in force', async () => {
    const demand = (log: string): object => ({ revocation: { log, epoch: 0, max_staleness: 60 } });
    const asked = await scene(demand(REVOCATION_ORIGIN));
    expect(answers(await asked.verdict(await asked.at(10)))[1]).toBe('pass');
    const { at, verdict } = await scene(demand('other.example.com/log'));
    expect(codes(await verdict(await at(10)))).toEqual(['revocation_not_shown']);
  });

  test('an epoch before the one that its chain has seen, is not shown to have been in force', async () => {
    const { at, verdict } = await scene({
      revocation: { log: REVOCATION_ORIGIN, epoch: 1000, max_staleness: 60 },
    });
    expect(codes(await verdict(await at(10)))).toEqual(['revocation_not_shown']);
  });

  test('O01, O05: the word of a log that the auditor does not name, is refused', async () => {
    const { at, story, verdict } = await scene();
    const staple = await at(10);
    await verdict(staple);
    const found = await verify(await story.bundle({ staples: [staple] }), { revocation_logs: [] });
    expect(codes(found)).toEqual(['staple_invalid', 'revocation_not_shown']);
    expect(answers(found)[1]).toBe('fail');
  });

  test('M16, O05: that one of several logs had it revoked before, is refused, whatever the others say', async () => {
    const { at, revoke, story, verdict } = await scene();
    await at(0);
    await revoke();
    const revoked = await at(5);
    const origin = 'other.example.com/log';
    const party = PARTIES.responder;
    const log = await openLog({
      origin,
      signer: party.signer,
      tiles: createMemoryTileStore(),
      checkpoints: createMemoryCheckpointStore(),
      create: true,
    });
    const authority = await openRevocationAuthority({
      log,
      signer: PARTIES.revoker.signer,
      anchors: [{ issuer: ISSUER, key: PARTIES.authority.key }],
      clock: () => NOW + 20,
    });
    const record = await authority.publishEpoch();
    const epoch = await readPublishedEpoch(log.reader, record, log.checkpoint() ?? '');
    // Nothing is revoked in the other log, so one proof is good for every chain.
    const { leaf } = revoked;
    const { tokens, anchor } = (await newChain()) as VerifiedChain;
    const keys = [anchor.key, ...tokens.map(({ claims }) => claims.holder)];
    const query = {
      chains: [{ tokens: tokens.map(({ hash }) => hash), keys: keys.map((key) => key.thumbprint) }],
    };
    const bytes = createStaple(query, authority.state.set, epoch);
    const good = { leaf, staple: Buffer.from(bytes).toString('base64url') };
    await verdict(revoked);
    const logs = policy()['logs'] as JsonObject[];
    const both = {
      logs: [...logs, { origin, keys: [noteKey(origin, party.key, 1).text] }],
      revocation_logs: [REVOCATION_ORIGIN, origin],
    };
    const judged = async (...staples: readonly Staple[]): Promise<readonly string[]> =>
      codes(await verify(await story.bundle({ staples }), both));
    expect(await judged(good)).toEqual([]);
    expect(await judged(revoked, good)).toEqual(['chain_revoked']);
    expect(await judged(good, revoked)).toEqual(['chain_revoked']);
  });

  test('O05: the staple of another chain, is refused', async () => {
    const { at, story, verdict } = await scene();
    // Where nothing at all is revoked, one proof is good for every chain.
    for (let other = 0; other < 64; other++) {
      const root = createHash('sha256').update(`root ${other}`).digest('base64url');
      const expiresAt = NOW + 1000;
      await story.revocation.revoke({ kind: 'token', token: root, root }, { expiresAt });
    }
    const own = await at(10);
    const other = await story.staple(await newChain());
    const found = await verdict({ leaf: own.leaf, staple: other.staple });
    expect(codes(found)).toContain('staple_invalid');
    expect(answers(found)[1]).toBe('fail');
  });

  test('M16: that the key of the anchor had been revoked before, is refused', async () => {
    const { at, story, verdict } = await scene();
    const key = PARTIES.authority.key.thumbprint;
    await story.revocation.revoke({ kind: 'key', key }, { reason: 'key_compromised' });
    expect(codes(await verdict(await at(10)))).toEqual(['chain_revoked']);
  });

  test.each([
    ['all of its tokens had been issued after', 0, []],
    ['its oldest token had been issued before', 1, ['chain_revoked']],
  ])('M01: that its tenant was revoked, where %s', async (_, seconds, expected) => {
    const tenant = 'acme';
    const story = await openStory({ tenant });
    const chain = await newChain({ caveats: { tenant } });
    const issued_before = NOW + seconds;
    await story.revocation.revoke({ kind: 'tenant', tenant, issued_before });
    story.now = NOW + 10;
    const staple = await story.staple(chain);
    await story.recorder.record(await toldPermit(chain, { time: NOW + 10, tenant }));
    expect(codes(await verify(await story.bundle({ staples: [staple] })))).toEqual(expected);
  });

  test.each([
    ['one chain in force and one revoked, is refused', true, ['chain_revoked']],
    [
      'one chain in force and one of which nothing is said, is not shown',
      false,
      ['revocation_not_shown'],
    ],
  ])('D18: %s, in either order', async (_, isRevoked, expected) => {
    for (const turned of [false, true]) {
      const story = await openStory();
      const [good, bad] = [await newChain(), await newChain()];
      const { hash } = bad.leaf;
      if (isRevoked)
        await story.revocation.revoke(
          { kind: 'token', token: hash, root: bad.tokens[0]?.hash ?? '' },
          { expiresAt: bad.leaf.claims.exp },
        );
      story.now = NOW + 10;
      const staples = [await story.staple(good), ...(isRevoked ? [await story.staple(bad)] : [])];
      const chains = turned ? [bad, good] : [good, bad];
      const proofs = await Promise.all(
        chains.map(
          async (chain) =>
            (await toldPermit(chain, { time: NOW + 10 })).evidence?.proofs?.[0] ?? '',
        ),
      );
      const [first] = chains as [typeof good];
      await story.recorder.record({
        ...(await toldPermit(first, { time: NOW + 10 })),
        chains: chains.map(described),
        evidence: { chains, proofs },
      });
      expect(codes(await verify(await story.bundle({ staples })))).toEqual(expected);
    }
  });

  test('O07: joined chains in force as of different times, is authorized as of the earlier', async () => {
    for (const turned of [false, true]) {
      const story = await openStory();
      const chains = [await newChain(), await newChain()];
      story.now = NOW + 10;
      const early = await story.staple(chains[turned ? 1 : 0]);
      story.now = NOW + 20;
      const late = await story.staple(chains[turned ? 0 : 1]);
      const proofs = await Promise.all(
        chains.map(
          async (chain) =>
            (await toldPermit(chain, { time: NOW + 10 })).evidence?.proofs?.[0] ?? '',
        ),
      );
      const [first] = chains as [(typeof chains)[0]];
      await story.recorder.record({
        ...(await toldPermit(first, { time: NOW + 10 })),
        chains: chains.map(described),
        evidence: { chains, proofs },
      });
      const found = await verify(await story.bundle({ staples: [early, late] }));
      expect(answers(found)).toEqual(['pass', 'pass', 'pass']);
      expect(found.notRevokedAsOf).toBe(NOW + 10);
    }
  });

  test('M01: that its tenant was revoked after its root was issued, and before its leaf was, is refused', async () => {
    const tenant = 'acme';
    const story = await openStory({ tenant });
    const root = await newChain({ hops: 1, caveats: { tenant } });
    const chain = await derive(root, {
      signer: PARTIES.agent.signer,
      holder: PARTIES.planner.key,
      tools: {
        pay: {
          amount: { constraint_type: 'decimal', min: '0', max: '200.00', scale: 2 },
          order: { constraint_type: 'wildcard' },
        },
      },
      now: NOW + 5,
      id: 'younger',
    });
    await story.revocation.revoke({ kind: 'tenant', tenant, issued_before: NOW + 1 });
    story.now = NOW + 10;
    const staple = await story.staple(chain);
    const { signer } = PARTIES.planner;
    await story.recorder.record(await toldPermit(chain, { time: NOW + 10, tenant, signer }));
    const found = await verify(await story.bundle({ staples: [staple] }));
    expect(codes(found)).toEqual(['chain_revoked']);
  });
});

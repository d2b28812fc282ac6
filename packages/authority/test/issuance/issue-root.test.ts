import { compareTools, createVerifier, type JsonObject, type ToolMap } from '@taper/core';
import { createRandom, narrowTools, TEST_TIME, type ToolMaps, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { IssuancePolicy, IssuancePolicyDecision } from '../../src/issuance/policy.ts';
import type { IssuedRoot } from '../../src/issuance/request.ts';
import type { AuthorityStore } from '../../src/port/store.ts';
import { StoreError } from '../../src/store-error.ts';
import { ANY_ARGUMENTS, grantText } from '../grant/document.ts';
import { BY, enrolled, handOver, ISSUER, idOf, rootKey } from '../identity/authority.ts';
import { refusal } from '../refusal.ts';
import { asking, type Desk, openDesk, range } from './desk.ts';

const verifier = createVerifier({
  anchors: [{ issuer: ISSUER, key: rootKey.publicKey }],
  profile: {},
});

const DESK = { agent: idOf('desk'), by: BY };

function toolsIn({ details }: IssuedRoot): JsonObject {
  return (details[0] as { tools: JsonObject }).tools;
}

async function refused(desk: Desk, changes: Parameters<Desk['request']>[0]) {
  const known = await desk.store.read((tx) => tx.listIssuances({ limit: 100 }));
  const result = await refusal(() => desk.issuance.issueRoot(desk.request(changes)));
  // Whatever is refused leaves nothing behind.
  expect(await desk.store.read((tx) => tx.listIssuances({ limit: 100 }))).toEqual(known);
  expect(await desk.logged('root.issued')).toHaveLength(known.length);
  return result;
}

describe('a root', () => {
  test('is what request and grant have in common, and any verifier accepts it', async () => {
    const desk = await openDesk();
    const issued = await desk.issuance.issueRoot(desk.request());
    expect(verifier.verifyChain([issued.compact], TEST_TIME).verdict).toBe('verified');
    const { claims, hash } = issued.chain.leaf;
    expect(claims).toMatchObject({
      iss: ISSUER,
      iat: TEST_TIME,
      exp: TEST_TIME + 3600,
      delDepth: 0,
      delMaxDepth: 2,
      aud: ['https://shop.example'],
      caveats: { tenant: 'acme' },
    });
    expect(claims.holder.thumbprint).toBe(desk.key.publicKey.thumbprint);
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(50) } });
    expect(issued).toMatchObject({ expiresIn: 3600, grant: 'refunds' });
    expect(await desk.store.read((tx) => tx.findIssuance(hash))).toMatchObject({
      jti: claims.jti,
      grant: 'refunds',
      grantVersion: 1,
      kind: 'client_credentials',
      expiresAt: claims.exp,
      holder: desk.key.publicKey.thumbprint,
      subjectHash: undefined,
    });
    expect(await desk.logged('root.issued')).toMatchObject([
      { by: { kind: 'agent', id: idOf('desk') }, details: { token_hash: hash, grant_version: 1 } },
    ]);
  });

  test('that asks for more than the grant gets what the grant has', async () => {
    const desk = await openDesk();
    const details = asking({
      refund: { amount: range(1000) },
      lookup: {},
      delete: ANY_ARGUMENTS,
    } as ToolMap);
    expect(toolsIn(await desk.issuance.issueRoot(desk.request({ details })))).toEqual({
      refund: { amount: range(100) },
      lookup: ANY_ARGUMENTS,
    });
  });

  test('is never more than the request or the grant, whatever both are', async () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const random = createRandom(`root ${seed}`);
      const tools: ToolMaps = {
        a: { x: range(100), y: { constraint_type: 'wildcard', optional: true } },
        b: { p: { constraint_type: 'path', root: '/data', reach: 'subtree' }, ...ANY_ARGUMENTS },
        c: { l: { constraint_type: 'any', constraints: [range(5), range(90, 60)] } },
      };
      const [granted, wanted] = [narrowTools(tools, random), narrowTools(tools, random)];
      const desk = await openDesk({ tools: granted });
      const result = await desk.issuance
        .issueRoot(desk.request({ details: asking(wanted as ToolMap) }))
        .catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toMatchObject({ refusal: 'grant_none' });
        continue;
      }
      const root = toolsIn(result as IssuedRoot);
      expect(compareTools(granted as JsonObject, root)).toBeUndefined();
      expect(compareTools(wanted as JsonObject, root)).toBeUndefined();
    }
  });

  test('of which nothing is left is refused, with what was dropped and why', async () => {
    const desk = await openDesk();
    const details = asking({ refund: { amount: range(300, 200) }, delete: ANY_ARGUMENTS });
    const { code, facts } = await refused(desk, { details });
    expect(code).toBe('grant_none');
    expect(facts['dropped']).toEqual([
      { tool: 'delete', reason: 'not_in_both' },
      { tool: 'refund', reason: 'nothing_in_common', argument: 'amount' },
    ]);
  });

  test('request lowers depth, lifetime and places, and raises none of them', async () => {
    const desk = await openDesk({ audience: ['https://a.example', 'https://b.example'] });
    const less = await desk.issuance.issueRoot(
      desk.request({
        lifetime: 60,
        maxDepth: 0,
        audience: ['https://b.example', 'https://c.example'],
      }),
    );
    expect(less.chain.leaf.claims).toMatchObject({
      exp: TEST_TIME + 60,
      delMaxDepth: 0,
      aud: ['https://b.example'],
    });
    const more = await desk.issuance.issueRoot(desk.request({ lifetime: 1e9, maxDepth: 8 }));
    expect(more.chain.leaf.claims).toMatchObject({
      exp: TEST_TIME + 3600,
      delMaxDepth: 2,
      aud: ['https://a.example', 'https://b.example'],
    });
    expect((await refused(desk, { audience: ['https://c.example'] })).code).toBe('target_refused');
    expect((await refused(desk, { audience: [] })).code).toBe('target_refused');
  });

  test.each<readonly [string, Parameters<Desk['request']>[0]]>([
    ['a depth below nothing', { maxDepth: -1 }],
    ['half a hop', { maxDepth: 0.5 }],
    ['no time at all', { lifetime: 0 }],
    ['J02 a lifetime that is no number', { lifetime: Number.NaN }],
    ['a lifetime without end', { lifetime: Number.POSITIVE_INFINITY }],
  ])('request for %s is malformed', async (_, changes) => {
    expect((await refused(await openDesk(), changes)).code).toBe('request_malformed');
  });

  test.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['no list', { type: 'attenuating_agent_token', tools: { lookup: {} } }],
    ['an empty list', []],
    ['two entries', [...(asking({ lookup: {} }) as []), ...(asking({ refund: {} }) as [])]],
    ['another type', [{ type: 'payment', tools: { lookup: {} } }]],
    [
      'an entry of another type beside it',
      [...(asking({ lookup: {} }) as []), { type: 'payment' }],
    ],
    [
      'a member that nobody knows',
      [{ type: 'attenuating_agent_token', tools: { lookup: {} }, actions: ['all'] }],
    ],
    ['no tools', [{ type: 'attenuating_agent_token' }]],
    ['empty tools: not all of them', asking({})],
    [
      'a constraint of an unknown type',
      asking({ refund: { amount: { constraint_type: 'regex', pattern: '.' } } }),
    ],
    [
      'more than any token has room for',
      asking({ refund: { amount: { constraint_type: 'exact', value: 'x'.repeat(70_000) } } }),
    ],
    ['tools that are no object', asking(['lookup'] as never)],
  ])('request for %s is malformed', async (_, details) => {
    const { code } = await refused(await openDesk(), { details: details as never });
    expect(code).toBe('details_invalid');
  });
});

describe('grants', () => {
  test('of others give nothing', async () => {
    for (const grant of [
      { agents: ['other'] },
      { tenant: 'beta' },
      { subject: { kind: 'chain' } },
    ]) {
      expect(await refused(await openDesk(grant), {})).toMatchObject({
        code: 'grant_none',
        facts: { reason: 'no_grant' },
      });
    }
  });

  test('that were never applied give nothing', async () => {
    const desk = await openDesk();
    await desk.apply();
    expect((await refused(desk, {})).code).toBe('grant_none');
  });

  test('are not united: a request that needs two of them gets one that it names', async () => {
    const desk = await openDesk();
    await desk.apply(
      grantText({ name: 'one', tools: { refund: { amount: range(100) } } }),
      grantText({ name: 'two', tools: { lookup: ANY_ARGUMENTS } }),
    );
    const details = asking({ refund: { amount: range(50) }, lookup: ANY_ARGUMENTS });
    expect(await refused(desk, { details })).toMatchObject({
      code: 'request_malformed',
      facts: { argument: 'grant', grants: ['one', 'two'] },
    });
    const issued = await desk.issuance.issueRoot(desk.request({ details, grant: 'two' }));
    expect(Object.keys(toolsIn(issued))).toEqual(['lookup']);
    // The only one that has all of it is taken without being named.
    expect((await desk.issuance.issueRoot(desk.request())).grant).toBe('one');
    expect((await refused(desk, { grant: 'three' })).code).toBe('grant_none');
  });

  test('D18 the tools of two grants are not united in one argument either', async () => {
    const desk = await openDesk();
    await desk.apply(
      grantText({ name: 'low', tools: { refund: { amount: range(10) } } }),
      grantText({ name: 'high', tools: { refund: { amount: range(100, 90) } } }),
    );
    const details = asking({ refund: { amount: range(100) } });
    expect((await refused(desk, { details })).code).toBe('request_malformed');
    const issued = await desk.issuance.issueRoot(desk.request({ details, grant: 'low' }));
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(10) } });
  });

  test('caveats of the grant are in the root, with the agent\u2019s tenant and the epoch that the log has reached', async () => {
    const log = 'log.example/authority';
    const caveats = {
      budget: { calls: '10' },
      approvals: { refund: { finance: 1 } },
      revocation: { log, max_staleness: 60 },
    };
    const desk = await openDesk({ caveats }, { epoch: () => 41 });
    const { claims } = (await desk.issuance.issueRoot(desk.request())).chain.leaf;
    expect(claims.caveats).toMatchObject({
      tenant: 'acme',
      revocation: { log, epoch: 41, maxStaleness: 60 },
    });
    expect([...(claims.caveats?.budget ?? [])]).toEqual([['calls', '10']]);
    const failing = desk.issuing({ epoch: () => Promise.reject(new Error('down')) });
    expect((await refusal(() => failing.issueRoot(desk.request()))).code).toBe('unavailable');
  });

  test('a change while the root is signed is seen: what was granted before is not handed out', async () => {
    const desk = await openDesk();
    let signed = 0;
    const slow = desk.issuing({
      root: {
        publicKey: rootKey.publicKey,
        async sign(input) {
          signed += 1;
          if (signed === 1)
            await desk.apply(grantText({ tools: { refund: { amount: range(7) } } }));
          return rootKey.sign(input);
        },
      },
    });
    const issued = await slow.issueRoot(desk.request());
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(7) } });
    expect(signed).toBe(2);
    expect(await desk.logged('root.issued')).toHaveLength(1);
  });

  test('that change all the time end in a refusal, and not in a root', async () => {
    const desk = await openDesk();
    let version = 0;
    const never = desk.issuing({
      root: {
        publicKey: rootKey.publicKey,
        async sign(input) {
          version += 1;
          await desk.apply(grantText({ lifetime: 100 + version }));
          return rootKey.sign(input);
        },
      },
    });
    expect((await refusal(() => never.issueRoot(desk.request()))).code).toBe('unavailable');
    expect(await desk.logged('root.issued')).toEqual([]);
  });
});

describe('a store that fails', () => {
  /** The desk's store, whose next transaction that records a root ends so. */
  function failing(desk: Desk, isPersisted: boolean): AuthorityStore {
    const error = new StoreError(undefined, 'The disk is full.');
    return {
      ...desk.store,
      async transaction(work) {
        if (isPersisted) await desk.store.transaction(work);
        throw error;
      },
    };
  }

  test('hands out no root, and leaves none behind', async () => {
    const desk = await openDesk();
    const issuance = desk.issuing({ store: failing(desk, false) });
    await expect(issuance.issueRoot(desk.request())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(await desk.logged('root.issued')).toEqual([]);
  });

  test('but had recorded it hands out none either; asking again gives another', async () => {
    const desk = await openDesk();
    const issuance = desk.issuing({ store: failing(desk, true) });
    await expect(issuance.issueRoot(desk.request())).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    const { chain } = await desk.issuance.issueRoot(desk.request());
    const issued = await desk.store.read((tx) => tx.listIssuances({ limit: 10 }));
    expect(issued).toHaveLength(2);
    expect(issued.map(({ jti }) => jti)).toContain(chain.leaf.claims.jti);
  });
});

describe('who asks', () => {
  test('has to be an active agent with an accepted key of its own', async () => {
    const desk = await openDesk();
    const stranger = testKey('stranger');
    expect((await refused(desk, { holder: stranger.publicKey })).code).toBe('agent_unknown');
    const other = await enrolled(desk, 'other');
    // The key of one agent, in the name of another.
    expect((await refused(desk, { holder: other.publicKey })).code).toBe('agent_unknown');
    await desk.agents.suspend(DESK);
    expect((await refused(desk, {})).code).toBe('agent_suspended');
    await desk.agents.resume(DESK);
    await desk.issuance.issueRoot(desk.request());
    await desk.agents.retire(DESK);
    expect((await refused(desk, {})).code).toBe('agent_retired');
  });

  test('and still has to be when the root has been signed', async () => {
    const desk = await openDesk();
    const slow = desk.issuing({
      root: {
        publicKey: rootKey.publicKey,
        async sign(input) {
          await desk.agents.suspend(DESK);
          return rootKey.sign(input);
        },
      },
    });
    expect((await refusal(() => slow.issueRoot(desk.request()))).code).toBe('agent_suspended');
    expect(await desk.logged('root.issued')).toEqual([]);
  });
});

describe('the policy', () => {
  async function deskWith(decision: unknown): Promise<Desk> {
    const policy: IssuancePolicy = () =>
      (typeof decision === 'function' ? decision() : decision) as IssuancePolicyDecision;
    return openDesk({}, { policy });
  }

  test('is asked about what would be granted', async () => {
    const asked: unknown[] = [];
    const policy: IssuancePolicy = (input) => {
      asked.push(input);
      return { verdict: 'permit' };
    };
    const desk = await openDesk({}, { policy });
    await desk.issuance.issueRoot(desk.request({ details: asking({ refund: {} }) }));
    expect(asked).toMatchObject([
      {
        agent: { tenant: 'acme', name: 'desk', spiffeId: idOf('desk') },
        kind: 'client_credentials',
        grant: 'refunds',
        tools: { refund: { amount: range(100) } },
        lifetime: 3600,
        maxDepth: 2,
        now: TEST_TIME,
      },
    ]);
  });

  test('D20 narrows what is granted: a tool that it excludes is not in the root', async () => {
    const desk = await deskWith({ verdict: 'narrow', tools: { refund: { amount: range(9) } } });
    const details = asking({ refund: { amount: range(50) }, lookup: ANY_ARGUMENTS });
    const issued = await desk.issuance.issueRoot(desk.request({ details }));
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(9) } });
  });

  test('cannot widen: what it adds is not granted', async () => {
    const desk = await deskWith({
      verdict: 'narrow',
      tools: { refund: { amount: range(1e6) }, delete: ANY_ARGUMENTS },
    });
    expect(toolsIn(await desk.issuance.issueRoot(desk.request()))).toEqual({
      refund: { amount: range(50) },
    });
  });

  test('that denies or leaves nothing refuses', async () => {
    for (const decision of [
      { verdict: 'deny', reason: 'frozen' },
      { verdict: 'narrow', tools: {} },
      { verdict: 'narrow', tools: { delete: ANY_ARGUMENTS } },
    ])
      expect(await refused(await deskWith(decision), {})).toMatchObject({
        code: 'grant_none',
        facts: { reason: 'policy' },
      });
  });

  test('that fails or gives no answer refuses', async () => {
    for (const decision of [
      undefined,
      null,
      true,
      {},
      { verdict: 'PERMIT' },
      { verdict: 'narrow' },
      { verdict: 'narrow', tools: { refund: { amount: { constraint_type: 'odd' } } } },
      () => Promise.reject(new Error('down')),
      () => {
        throw new Error('down');
      },
    ])
      expect((await refused(await deskWith(decision), {})).code).toBe('unavailable');
  });
});

describe('renewal', () => {
  const END = TEST_TIME + 5000;
  const ends = new Date(END * 1000).toISOString().replace('.000Z', 'Z');

  test('J07 asking again gives a new lifetime and never one beyond the end of the grant', async () => {
    const desk = await openDesk({ ends });
    const expiries: number[] = [];
    for (const at of [0, 1000, 2000, 4000, 4999]) {
      desk.clock.set(TEST_TIME + at);
      const { chain, expiresIn } = await desk.issuance.issueRoot(desk.request());
      expect(expiresIn).toBe(chain.leaf.claims.exp - TEST_TIME - at);
      expiries.push(chain.leaf.claims.exp - TEST_TIME);
    }
    expect(expiries).toEqual([3600, 4600, 5000, 5000, 5000]);
  });

  test('J07 in the last second gives one second, however long was asked for', async () => {
    const desk = await openDesk({ ends });
    desk.clock.set(END - 1);
    const { expiresIn, chain } = await desk.issuance.issueRoot(desk.request({ lifetime: 3600 }));
    expect([expiresIn, chain.leaf.claims.exp]).toEqual([1, END]);
    expect(verifier.verifyChain([chain.leaf.compact], END).verdict).toBe('deny');
  });

  test('J13 at the end itself there is nothing any more', async () => {
    const desk = await openDesk({ ends });
    for (const at of [END, END + 1]) {
      desk.clock.set(at);
      expect(await refused(desk, {})).toEqual({ code: 'grant_ended', facts: { ended_at: END } });
    }
  });

  test('J07 a clock that passes the end while the root is signed issues nothing that verifies', async () => {
    const desk = await openDesk({ ends });
    desk.clock.set(END - 1);
    const slow = desk.issuing({
      root: {
        publicKey: rootKey.publicKey,
        sign(input) {
          desk.clock.set(END + 10);
          return rootKey.sign(input);
        },
      },
    });
    const { chain } = await slow.issueRoot(desk.request());
    expect(chain.leaf.claims.exp).toBe(END);
    expect(verifier.verifyChain([chain.leaf.compact], END + 10).verdict).toBe('deny');
  });

  test('a key that was replaced gets no root that outlives it', async () => {
    const desk = await openDesk();
    const fresh = testKey('desk, later');
    const { acceptance, consent } = await handOver(desk, 'desk', desk.key, fresh);
    await desk.agents.rotateKey({
      possession: { key: fresh.publicKey },
      acceptance,
      authority: { kind: 'holder', oldKey: desk.key.publicKey.thumbprint, consent },
      overlap: 600,
    });
    const { expiresIn } = await desk.issuance.issueRoot(desk.request());
    expect(expiresIn).toBe(600);
    const renewed = await desk.issuance.issueRoot(desk.request({ holder: fresh.publicKey }));
    expect(renewed.expiresIn).toBe(3600);
    desk.clock.advance(600);
    expect((await refused(desk, {})).code).toBe('key_not_current');
  });

  test('nor one that was under way when it was replaced (Q01)', async () => {
    const desk = await openDesk();
    const fresh = testKey('desk, meanwhile');
    const { acceptance, consent } = await handOver(desk, 'desk', desk.key, fresh);
    let isReplaced = false;
    const slow = desk.issuing({
      root: {
        publicKey: rootKey.publicKey,
        async sign(input) {
          if (!isReplaced) {
            isReplaced = true;
            await desk.agents.rotateKey({
              possession: { key: fresh.publicKey },
              acceptance,
              authority: { kind: 'holder', oldKey: desk.key.publicKey.thumbprint, consent },
              overlap: 60,
            });
          }
          return rootKey.sign(input);
        },
      },
    });
    const { expiresIn } = await slow.issueRoot(desk.request());
    expect(expiresIn).toBe(60);
    expect(await desk.logged('root.issued')).toHaveLength(1);
  });
});

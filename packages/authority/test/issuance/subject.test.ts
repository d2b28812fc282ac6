import { type CaveatsInit, chainCaveats, type JsonObject, type ToolMap } from '@taper/core';
import { TEST_TIME } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { IssuedRoot, SubjectBounds } from '../../src/issuance/request.ts';
import { ANY_ARGUMENTS, grantText } from '../grant/document.ts';
import { refusal } from '../refusal.ts';
import { asking, type Desk, openDesk, range } from './desk.ts';

const OF_CHAIN = { subject: { kind: 'chain' } };

function bounds(changes: Partial<SubjectBounds> = {}): SubjectBounds {
  return {
    subject: 'chain',
    issuer: undefined,
    tools: { refund: { amount: range(30) } },
    expiresAt: TEST_TIME + 900,
    maxDepth: 1,
    audience: undefined,
    caveats: undefined,
    hash: 'h'.repeat(43),
    claims: { act: { sub: 'user-7' } },
    ...changes,
  };
}

function toolsIn({ details }: IssuedRoot): JsonObject {
  return (details[0] as { tools: JsonObject }).tools;
}

async function exchange(
  desk: Desk,
  changes: Partial<SubjectBounds> = {},
  tools?: ToolMap,
): Promise<IssuedRoot> {
  const details = tools === undefined ? undefined : asking(tools);
  return desk.issuance.issueRoot(desk.request({ details, subject: bounds(changes) }));
}

describe('a root on behalf of a subject', () => {
  test('D19 is at most what the subject has left, however much the grant has and the request asks', async () => {
    const desk = await openDesk(OF_CHAIN);
    const issued = await exchange(
      desk,
      {},
      { refund: { amount: range(1000) }, lookup: ANY_ARGUMENTS },
    );
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(30) } });
    expect(issued.chain.leaf.claims).toMatchObject({ exp: TEST_TIME + 900, delMaxDepth: 1 });
    expect(await desk.store.read((tx) => tx.findIssuance(issued.chain.leaf.hash))).toMatchObject({
      kind: 'token_exchange',
      subjectHash: 'h'.repeat(43),
    });
  });

  test('D19 a grant on behalf of somebody is no grant of the agent\u2019s own, and the reverse', async () => {
    const onBehalf = await openDesk(OF_CHAIN);
    expect((await refusal(() => onBehalf.issuance.issueRoot(onBehalf.request()))).code).toBe(
      'grant_none',
    );
    const own = await openDesk();
    expect((await refusal(() => exchange(own))).code).toBe('grant_none');
  });

  test('D20 has no tool that the subject does not have, and none that the grant does not', async () => {
    const desk = await openDesk(OF_CHAIN);
    const tools = { delete: ANY_ARGUMENTS, lookup: ANY_ARGUMENTS };
    expect(toolsIn(await exchange(desk, { tools }))).toEqual({ lookup: ANY_ARGUMENTS });
    expect((await refusal(() => exchange(desk, { tools: { delete: ANY_ARGUMENTS } }))).code).toBe(
      'grant_none',
    );
    expect((await refusal(() => exchange(desk, { tools: {} }))).code).toBe('grant_none');
  });

  test('D23 that leaves out what it asks for gets what the subject has, within the grant', async () => {
    const desk = await openDesk(OF_CHAIN);
    const tools = { refund: { amount: range(500) } };
    expect(toolsIn(await exchange(desk, { tools }))).toEqual({ refund: { amount: range(100) } });
  });

  test('J04 never outlives its subject, and an expired subject gives nothing', async () => {
    const desk = await openDesk(OF_CHAIN);
    expect((await exchange(desk, { expiresAt: TEST_TIME + 1 })).expiresIn).toBe(1);
    for (const expiresAt of [TEST_TIME, TEST_TIME - 1])
      expect(await refusal(() => exchange(desk, { expiresAt }))).toMatchObject({
        code: 'subject_refused',
        facts: { reason: 'expired' },
      });
  });

  test('may be presented where all of grant, subject and request say', async () => {
    const desk = await openDesk({
      ...OF_CHAIN,
      audience: ['https://a.example', 'https://b.example'],
    });
    const audience = ['https://b.example', 'https://c.example'];
    expect((await exchange(desk, { audience })).chain.leaf.claims.aud).toEqual([
      'https://b.example',
    ]);
    expect((await refusal(() => exchange(desk, { audience: ['https://c.example'] }))).code).toBe(
      'target_refused',
    );
    expect((await refusal(() => exchange(desk, { audience: [] }))).code).toBe('target_refused');
  });

  test('keeps the caveats of both: the smaller budget, the more approvers, the fresher view', async () => {
    const log = 'log.example/authority';
    const desk = await openDesk({
      ...OF_CHAIN,
      caveats: {
        budget: { calls: '10', EUR: '9.5' },
        approvals: { refund: { finance: 1 } },
        revocation: { log, max_staleness: 60 },
      },
    });
    const caveats: CaveatsInit = {
      tenant: 'acme',
      budget: { calls: '9', EUR: '10', USD: '1' },
      approvals: { refund: { finance: 2, board: 1 } },
      revocation: { log, epoch: 7, max_staleness: 300 },
      purpose: 'case 7',
    };
    const kept = (await exchange(desk, { caveats })).chain.leaf.claims.caveats;
    expect(kept).toMatchObject({
      tenant: 'acme',
      purpose: 'case 7',
      revocation: { log, epoch: 7, maxStaleness: 60 },
    });
    expect(Object.fromEntries(kept?.budget ?? [])).toEqual({ calls: '9', EUR: '9.5', USD: '1' });
    expect(Object.fromEntries(kept?.approvals?.get('refund') ?? [])).toEqual({
      finance: 2,
      board: 1,
    });
  });

  test.each<readonly [string, CaveatsInit]>([
    ['tenant', { tenant: 'beta' }],
    ['purpose', { purpose: 'another' }],
    ['definitions', { definitions: { refund: `${'B'.repeat(42)}A` } }],
    ['revocation', { revocation: { log: 'other.example/log', epoch: 0, max_staleness: 60 } }],
  ])('whose %s cannot be kept beside that of the grant is refused', async (caveat, caveats) => {
    const desk = await openDesk({
      ...OF_CHAIN,
      caveats: {
        purpose: 'case 7',
        definitions: { refund: 'A'.repeat(43) },
        revocation: { log: 'log.example/authority', max_staleness: 60 },
      },
    });
    expect(await refusal(() => exchange(desk, { caveats }))).toMatchObject({
      code: 'subject_refused',
      facts: { caveat },
    });
  });

  test('D24 says whom it is for in claims that carry no authority', async () => {
    const desk = await openDesk(OF_CHAIN);
    const { compact } = await exchange(desk);
    const claims = JSON.parse(Buffer.from(compact.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ act: { sub: 'user-7' } });
    await expect(exchange(desk, { claims: { exp: 1e12 } })).rejects.toThrow();
  });
});

describe('a user', () => {
  const issuer = 'https://idp.example';
  const grant = {
    subject: {
      kind: 'user',
      issuer,
      scopes: {
        'refunds:small': { refund: { amount: range(5) } },
        'orders:read': { lookup: ANY_ARGUMENTS },
      },
    },
  };
  const user = (
    scopes: readonly string[],
    more: Partial<SubjectBounds> = {},
  ): Partial<SubjectBounds> => ({
    subject: 'user',
    issuer,
    scopes,
    maxDepth: undefined,
    ...more,
  });

  test('gives by scopes what the grant maps them to, and nothing for others', async () => {
    const desk = await openDesk(grant);
    const issued = await exchange(
      desk,
      user(['refunds:small', 'admin', 'Orders:Read', 'constructor']),
    );
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(5) } });
    const both = await exchange(desk, user(['refunds:small', 'orders:read']));
    expect(Object.keys(toolsIn(both)).sort()).toEqual(['lookup', 'refund']);
    for (const scopes of [[], ['admin'], ['refunds:small orders:read']])
      expect((await refusal(() => exchange(desk, user(scopes)))).code).toBe('grant_none');
  });

  test('of another issuer, and a chain, need a grant of their own', async () => {
    const desk = await openDesk(grant);
    const other = user(['orders:read'], { issuer: 'https://idp.example/' });
    expect((await refusal(() => exchange(desk, other))).code).toBe('grant_none');
    expect((await refusal(() => exchange(desk))).code).toBe('grant_none');
  });
});

describe('a foreign chain', () => {
  const issuer = 'https://partner.example';
  const grant = { subject: { kind: 'foreign', issuer, tools: { pay: 'refund' } } };
  const foreign = (tools: ToolMap, more: Partial<SubjectBounds> = {}): Partial<SubjectBounds> => ({
    subject: 'foreign',
    issuer,
    tools,
    ...more,
  });

  test('gives by foreign tools what the grant maps them to, within both constraints', async () => {
    const desk = await openDesk(grant);
    const issued = await exchange(
      desk,
      foreign({ pay: { amount: range(20) }, wire: ANY_ARGUMENTS }),
    );
    expect(toolsIn(issued)).toEqual({ refund: { amount: range(20) } });
  });

  test('gives nothing without a mapping, also for a tool of the same name as ours', async () => {
    const desk = await openDesk(grant);
    for (const tools of [
      { refund: ANY_ARGUMENTS },
      { wire: ANY_ARGUMENTS },
      { Pay: ANY_ARGUMENTS },
    ])
      expect((await refusal(() => exchange(desk, foreign(tools)))).code).toBe('grant_none');
    await desk.apply(grantText());
    expect((await refusal(() => exchange(desk, foreign({ pay: ANY_ARGUMENTS })))).code).toBe(
      'grant_none',
    );
  });

  test('keeps the approvals of a foreign tool for the tool that it becomes', async () => {
    const desk = await openDesk(grant);
    const caveats = { approvals: { pay: { finance: 2 }, wire: { board: 1 } } };
    const { chain } = await exchange(desk, foreign({ pay: ANY_ARGUMENTS }, { caveats }));
    const kept = chain.leaf.claims.caveats?.approvals;
    expect([...(kept ?? [])].map(([tool, groups]) => [tool, Object.fromEntries(groups)])).toEqual([
      ['refund', { finance: 2 }],
    ]);
  });
});

test.each(['foreign', 'user'] as const)(
  'a grant for chains of ours serves no subject that is %s, whatever tools it names (D19, F11)',
  async (subject) => {
    const desk = await openDesk(OF_CHAIN);
    const issuer = 'https://other.example';
    const { code } = await refusal(() => exchange(desk, { subject, issuer }));
    expect(code).toBe('grant_none');
    expect(await desk.logged('root.issued')).toEqual([]);
    await exchange(desk);
  },
);

test.each([
  [20, 60],
  [60, 20],
])(
  'the fresher knowledge of revocations counts, whoever asks for it: %d and %d (M10)',
  async (own, theirs) => {
    const log = 'log.example';
    const desk = await openDesk({
      ...OF_CHAIN,
      caveats: { revocation: { log, max_staleness: own } },
    });
    const { chain } = await exchange(desk, {
      caveats: { tenant: 'acme', revocation: { log, epoch: 0, max_staleness: theirs } },
    });
    expect(chain.leaf.claims.caveats?.revocation).toMatchObject({ log });
    expect(chainCaveats(chain).revocation?.maxStaleness).toBe(20);
  },
);

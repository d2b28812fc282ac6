import { type ApprovalRequest, approve, createVerifier, type JsonObject } from '@taper/core';
import { TEST_TIME, type TestKey, testId, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { ISSUE_ROOT_TOOL } from '../../src/issuance/pending.ts';
import type { SubjectBounds } from '../../src/issuance/request.ts';
import { StoreError } from '../../src/store-error.ts';
import { grantText } from '../grant/document.ts';
import { BY, enrolled, handOver, ISSUER, idOf, rootKey } from '../identity/authority.ts';
import { refusal } from '../refusal.ts';
import { asking, type Desk, openDesk, range } from './desk.ts';

const [ada, grace, eve] = ['ada', 'grace', 'eve'].map((name) => testKey(name)) as [
  TestKey,
  TestKey,
  TestKey,
];
const approvers = {
  finance: [
    { name: 'Ada', key: ada.publicKey },
    { name: 'Grace', key: grace.publicKey },
  ],
  board: [{ name: 'Eve', key: eve.publicKey }],
};
const APPROVALS = [{ group: 'finance', count: 1 }];

function deskThatAsks(grant: Readonly<Record<string, unknown>> = {}): Promise<Desk> {
  return openDesk({ approvals: APPROVALS, ...grant }, { approvers });
}

/** Id of the question that a request opens. */
async function opened(desk: Desk, changes: Parameters<Desk['request']>[0] = {}): Promise<string> {
  const { code, facts } = await refusal(() => desk.issuance.issueRoot(desk.request(changes)));
  expect(code).toBe('approval_required');
  return facts['pending'] as string;
}

let made = 0;

/** An approval of a question, as an approver makes it. */
async function approvalOf(
  desk: Desk,
  id: string,
  key: TestKey,
  { group = 'finance', request }: { group?: string; request?: ApprovalRequest } = {},
): Promise<string> {
  const { action } = request ?? (await desk.issuance.waiting(id)).request;
  made += 1;
  return approve({
    action,
    group,
    signer: key.signer,
    now: desk.clock.now(),
    id: testId(made),
  });
}

describe('an issuance that needs approval', () => {
  test('is opened, approved by signature, and issued when it is asked for again', async () => {
    const desk = await deskThatAsks();
    const { code, facts } = await refusal(() => desk.issuance.issueRoot(desk.request()));
    expect(code).toBe('approval_required');
    expect(facts).toMatchObject({ missing: APPROVALS, expires_at: TEST_TIME + 3600 });
    const id = facts['pending'] as string;
    expect(
      await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id }))),
    ).toMatchObject({
      code: 'approval_required',
      facts: { pending: id, missing: APPROVALS },
    });
    const taken = await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    expect(taken).toMatchObject({ approval: { approver: 'Ada', group: 'finance' }, missing: [] });
    desk.clock.advance(600);
    const { chain } = await desk.issuance.issueRoot(desk.request({ pending: id }));
    // The lifetime starts when the root is issued.
    expect(chain.leaf.claims).toMatchObject({ iat: TEST_TIME + 600, exp: TEST_TIME + 4200 });
    const events = (await desk.entries()).map(({ event }) => event);
    expect(events).toEqual([
      'agent.enrolled',
      'grants.applied',
      'issuance.pending',
      'issuance.approved',
      'root.issued',
    ]);
  });

  test('gives approvers a chain that verifies and allows exactly this action', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    const { request } = await desk.issuance.waiting(id);
    const { action, chains, requirements } = request;
    expect(requirements).toEqual(APPROVALS);
    expect(action).toMatchObject({ tool: ISSUE_ROOT_TOOL, enforcementPoint: ISSUER, nonce: id });
    expect(action.arguments).toMatchObject({
      agent: idOf('desk'),
      grant: 'refunds',
      holder: desk.key.publicKey.thumbprint,
      authorization_details: asking({ refund: { amount: range(50) } }),
      audience: ['https://shop.example'],
      max_depth: 2,
      lifetime: 3600,
      caveats: { tenant: 'acme' },
    });
    const anchors = [{ issuer: ISSUER, key: rootKey.publicKey }];
    const verdict = createVerifier({ anchors }).verifyChain(chains[0] ?? [], TEST_TIME);
    expect(verdict).toMatchObject({
      verdict: 'verified',
      chain: { leaf: { hash: action.tokens[0], claims: { delMaxDepth: 0 } } },
    });
    // It opens nothing: a place that is no enforcement point, and no tool but the one that nobody has.
    expect(verdict).toMatchObject({ chain: { leaf: { claims: { aud: [ISSUER] } } } });
    if (verdict.verdict !== 'verified') return;
    expect([...verdict.chain.leaf.claims.capabilities.keys()]).toEqual([ISSUE_ROOT_TOOL]);
  });

  test('is one question, however often the same is asked', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    expect(await opened(desk)).toBe(id);
    const other = await opened(desk, { details: asking({ refund: { amount: range(49) } }) });
    expect(other).not.toBe(id);
    const { waiting, next } = await desk.issuance.listWaiting({ limit: 10 });
    expect(new Set(waiting.map((each) => each.id))).toEqual(new Set([id, other]));
    expect(next).toBeUndefined();
    expect((await desk.issuance.listWaiting({ limit: 10, tenant: 'beta' })).waiting).toEqual([]);
  });

  test('P02 is issued once, also where two ask at the same time', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => desk.issuance.issueRoot(desk.request({ pending: id }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await desk.logged('root.issued')).toHaveLength(1);
    const again = await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id })));
    expect(again.code).toBe('pending_unknown');
    // A new question has a new nonce, which the old approval does not fit.
    const next = await opened(desk);
    expect(next).not.toBe(id);
  });

  test('whose record was lost on the way is asked about again, and never issued twice', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const lost = desk.issuing({
      store: {
        ...desk.store,
        async transaction(work) {
          await desk.store.transaction(work);
          throw new StoreError(undefined, 'The answer was lost.');
        },
      },
    });
    const request = desk.request({ pending: id });
    await expect(lost.issueRoot(request)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect((await refusal(() => desk.issuance.issueRoot(request))).code).toBe('pending_unknown');
    expect(await desk.logged('root.issued')).toHaveLength(1);
  });

  test('P01 an approval of one issuance is none of another', async () => {
    const desk = await deskThatAsks();
    const small = await opened(desk, { details: asking({ refund: { amount: range(1) } }) });
    const large = await opened(desk);
    const approval = await approvalOf(desk, small, ada);
    expect(await refusal(() => desk.issuance.approve(large, approval))).toMatchObject({
      code: 'approval_refused',
      facts: { reason: 'approval_action_mismatch' },
    });
    await desk.issuance.approve(small, approval);
    // Nor does the approved question serve for a request of more.
    expect(
      await refusal(() => desk.issuance.issueRoot(desk.request({ pending: small }))),
    ).toMatchObject({ code: 'approval_refused', facts: { reason: 'approval_action_mismatch' } });
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['tools', { tools: { refund: { amount: range(20) } } }],
    ['depth', { max_depth: 8 }],
    ['lifetime', { lifetime: 7200 }],
    ['places', { audience: 'any' }],
    ['end', { ends: '2027-06-01T00:00:00Z' }],
    ['caveats', { caveats: { purpose: 'case 7' } }],
  ])(
    'P05 what was approved is not what is issued once the %s of the grant changed',
    async (_, changes) => {
      const desk = await deskThatAsks();
      const id = await opened(desk);
      await desk.issuance.approve(id, await approvalOf(desk, id, ada));
      await desk.apply(grantText({ approvals: APPROVALS, ...changes }));
      const { code } = await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id })));
      expect(code).toBe('approval_refused');
      expect(await desk.logged('root.issued')).toEqual([]);
    },
  );

  test('a change of other grants is nobody\u2019s business', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    await desk.apply(
      grantText({ approvals: APPROVALS }),
      grantText({ name: 'audit', agents: ['auditor'] }),
    );
    expect((await desk.issuance.issueRoot(desk.request({ pending: id }))).grant).toBe('refunds');
  });

  test('P05 more approvers asked for meanwhile are needed, and a group fewer does not help', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    await desk.apply(grantText({ approvals: [{ group: 'finance', count: 2 }] }));
    expect(
      await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id }))),
    ).toMatchObject({
      code: 'approval_required',
      facts: { missing: [{ group: 'finance', count: 1 }] },
    });
    await desk.issuance.approve(id, await approvalOf(desk, id, grace));
    await desk.issuance.issueRoot(desk.request({ pending: id }));
  });

  test('P05 an approver who left the group does not count any more', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const later = desk.issuing({ approvers: { finance: approvers.finance.slice(1) } });
    expect((await refusal(() => later.issueRoot(desk.request({ pending: id })))).code).toBe(
      'approval_required',
    );
  });

  test('P05 a grant that asks for fewer meanwhile does not make fewer enough', async () => {
    const desk = await deskThatAsks({ approvals: [{ group: 'finance', count: 2 }] });
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    await desk.apply(grantText({ approvals: APPROVALS }));
    expect((await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id })))).code).toBe(
      'approval_required',
    );
    await desk.issuance.approve(id, await approvalOf(desk, id, grace));
    expect((await desk.issuance.issueRoot(desk.request({ pending: id }))).grant).toBe('refunds');
  });

  test('P15 agents that flood approvers together are stopped, and those of other tenants are not', async () => {
    const desk = await deskThatAsks({ agents: ['desk', 'other'] });
    const id = await opened(desk);
    await enrolled(desk, 'other');
    const agent = (await desk.agents.find(idOf('other'))).agent.id;
    await desk.store.transaction(async (tx) => {
      const record = await tx.findPending(id);
      if (record === undefined) throw new Error('no question');
      for (let index = 1; index < 512; index += 1)
        await tx.insertPending({ ...record, id: `${index}`.padStart(22, '0'), agent });
    });
    const more = desk.request({ details: asking({ refund: { amount: range(1) } }) });
    const { code, facts } = await refusal(() => desk.issuance.issueRoot(more));
    expect([code, facts]).toEqual(['too_many_requests', { reason: 'tenant' }]);
    const away = await enrolled(desk, 'away', testKey('away'), 'elsewhere');
    await desk.apply(
      grantText({ approvals: APPROVALS }),
      grantText({ tenant: 'elsewhere', agents: ['away'], approvals: APPROVALS }),
    );
    const spiffeId = idOf('away', 'elsewhere');
    await opened(desk, {
      agent: (await desk.agents.find(spiffeId)).agent.id,
      holder: away.publicKey,
    });
  });

  test('P11 time that passes approves nothing: the question closes', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    const approval = await approvalOf(desk, id, ada);
    await desk.issuance.approve(id, approval);
    desk.clock.advance(3600);
    for (const work of [
      () => desk.issuance.issueRoot(desk.request({ pending: id })),
      () => desk.issuance.approve(id, approval),
      () => desk.issuance.waiting(id),
    ])
      expect((await refusal(work)).code).toBe('pending_unknown');
    expect((await desk.issuance.listWaiting({ limit: 10 })).waiting).toEqual([]);
    expect(await opened(desk)).not.toBe(id);
  });

  test('that is closed is issued to nobody', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    const approval = await approvalOf(desk, id, ada);
    await desk.issuance.approve(id, approval);
    await desk.issuance.close(id, BY);
    expect((await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id })))).code).toBe(
      'pending_unknown',
    );
    expect(await desk.logged('issuance.closed')).toMatchObject([{ by: BY }]);
    expect((await refusal(() => desk.issuance.close(id, BY))).code).toBe('pending_unknown');
  });

  test('P03 the agent does not approve for itself, with none of its keys', async () => {
    const agentKey = testKey('desk');
    const desk = await openDesk(
      { approvals: APPROVALS },
      { approvers: { finance: [{ name: 'Desk', key: agentKey.publicKey }, ...approvers.finance] } },
    );
    const id = await opened(desk);
    const { code, facts } = await refusal(async () =>
      desk.issuance.approve(id, await approvalOf(desk, id, agentKey)),
    );
    expect([code, facts]).toEqual(['approval_refused', { reason: 'approval_by_requester' }]);
  });

  test('P03 an approver whose key becomes one of the agent meanwhile has approved for itself', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const { acceptance, consent } = await handOver(desk, 'desk', desk.key, ada);
    await desk.agents.rotateKey({
      possession: { key: ada.publicKey },
      acceptance,
      authority: { kind: 'holder', oldKey: desk.key.publicKey.thumbprint, consent },
      overlap: 600,
    });
    const { code } = await refusal(() => desk.issuance.issueRoot(desk.request({ pending: id })));
    expect(code).toBe('approval_required');
    expect(await desk.logged('root.issued')).toEqual([]);
  });

  test('P01 what was approved on behalf of one subject is not issued on behalf of another', async () => {
    const desk = await deskThatAsks({ subject: { kind: 'chain' } });
    const onBehalfOf = (hash: string): SubjectBounds => ({
      subject: 'chain',
      issuer: undefined,
      tools: { refund: { amount: range(50) } },
      expiresAt: TEST_TIME + 900,
      maxDepth: 1,
      audience: undefined,
      caveats: undefined,
      hash,
      claims: {},
    });
    const [mine, other] = ['m', 'o'].map((letter) => onBehalfOf(letter.repeat(43)));
    const id = await opened(desk, { subject: mine });
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const ask = (subject: SubjectBounds | undefined) =>
      desk.issuance.issueRoot(desk.request({ subject, pending: id }));
    expect(await refusal(() => ask(other))).toMatchObject({
      code: 'approval_refused',
      facts: { reason: 'approval_action_mismatch' },
    });
    expect((await ask(mine)).grant).toBe('refunds');
  });

  test('P04 who approves is known by key from the configuration, and by nothing that is sent', async () => {
    const desk = await deskThatAsks();
    const id = await opened(desk);
    for (const [key, group] of [
      [testKey('mallory'), 'finance'],
      [eve, 'finance'],
      [eve, 'board'],
    ] as const)
      expect(
        await refusal(async () =>
          desk.issuance.approve(id, await approvalOf(desk, id, key, { group })),
        ),
      ).toMatchObject({ code: 'approval_refused', facts: { reason: 'approval_approver_unknown' } });
    for (const junk of ['', 'yes', 'a.b.c', 'x'.repeat(5000)])
      expect((await refusal(() => desk.issuance.approve(id, junk))).code).toBe('approval_refused');
    expect((await desk.issuance.waiting(id)).request.approvals).toEqual([]);
  });

  test('P09 two approvals of one person are one', async () => {
    const desk = await deskThatAsks({ approvals: [{ group: 'finance', count: 2 }] });
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const { facts } = await refusal(async () =>
      desk.issuance.approve(id, await approvalOf(desk, id, ada)),
    );
    expect(facts).toEqual({ reason: 'approval_repeated' });
    const { missing } = await desk.issuance.approve(id, await approvalOf(desk, id, grace));
    expect(missing).toEqual([]);
  });

  test('P13 is found by an id that nobody can guess, and by no other agent', async () => {
    const desk = await deskThatAsks({ agents: ['desk', 'other'] });
    const id = await opened(desk);
    expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const other = await enrolled(desk, 'other');
    const agent = (await desk.agents.find(idOf('other'))).agent.id;
    const theirs = desk.request({ agent, holder: other.publicKey, pending: id });
    expect((await refusal(() => desk.issuance.issueRoot(theirs))).code).toBe('pending_unknown');
    expect((await refusal(() => desk.issuance.waiting(`${id.slice(1)}A`))).code).toBe(
      'pending_unknown',
    );
  });

  test('P15 an agent that floods approvers with questions is stopped, and others are not', async () => {
    const desk = await deskThatAsks({ agents: ['desk', 'other'] });
    for (let max = 1; max <= 16; max += 1)
      await opened(desk, { details: asking({ refund: { amount: range(max) } }) });
    const { code, facts } = await refusal(() =>
      desk.issuance.issueRoot(desk.request({ details: asking({ refund: { amount: range(17) } }) })),
    );
    expect([code, facts]).toEqual(['too_many_requests', { reason: 'agent' }]);
    // What waits already can still be asked for.
    await opened(desk, { details: asking({ refund: { amount: range(16) } }) });
    const other = await enrolled(desk, 'other');
    const agent = (await desk.agents.find(idOf('other'))).agent.id;
    await opened(desk, { agent, holder: other.publicKey });
  });

  test('by a group that is not configured can never be issued', async () => {
    const desk = await openDesk({ approvals: [{ group: 'nobody', count: 1 }] }, { approvers });
    expect(await refusal(() => desk.issuance.issueRoot(desk.request()))).toMatchObject({
      code: 'approval_refused',
      facts: { reason: 'approval_group_unknown' },
    });
  });

  test('a pending id where no approval is needed names nothing', async () => {
    const desk = await openDesk();
    const request = desk.request({ pending: 'A'.repeat(22) });
    expect((await refusal(() => desk.issuance.issueRoot(request))).code).toBe('pending_unknown');
  });

  test('P06 what an approver signs is what is issued, to the last member', async () => {
    const desk = await deskThatAsks({ caveats: { budget: { EUR: '10.50' } } });
    const id = await opened(desk);
    await desk.issuance.approve(id, await approvalOf(desk, id, ada));
    const { arguments: content } = (await desk.issuance.waiting(id)).request.action;
    const { chain, details } = await desk.issuance.issueRoot(desk.request({ pending: id }));
    const [, payload = ''] = chain.leaf.compact.split('.');
    const claims: JsonObject = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect(content).toMatchObject({
      authorization_details: details,
      audience: claims['aud'],
      caveats: claims['taper'],
      max_depth: claims['del_max_depth'],
      lifetime: (claims['exp'] as number) - (claims['iat'] as number),
    });
  });
});

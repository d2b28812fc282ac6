import { type ApprovalAction, approve, type Signer } from '@taper/core';
import { describe, expect, test } from 'vitest';
import type { ApprovalRequired, EnforcementDecision, PolicyEngine } from '../../src/index.ts';
import { createMemoryApprovalSource } from '../../src/memory/approval-source.ts';
import { createMemoryReplayStore } from '../../src/memory/replay-store.ts';
import {
  AUDIENCE,
  ada,
  agent,
  chainOf,
  codeOf,
  grace,
  NOW,
  newSigner,
  nextId,
  orchestrator,
  PAYMENT,
  pay,
  pointWith,
  present,
} from './scene.ts';

const groups = {
  finance: [
    { name: 'Ada', key: ada.publicKey },
    { name: 'Grace', key: grace.publicKey },
  ],
  board: [{ name: 'Ada', key: ada.publicKey }],
};

const oneOfFinance = { root: { approvals: { pay: { finance: 1 } } } };

function approvedBy(action: ApprovalAction, signer: Signer, group = 'finance'): Promise<string> {
  return approve({ action, group, signer, now: NOW, id: nextId() });
}

function asRequired(decision: EnforcementDecision): ApprovalRequired {
  if (decision.verdict !== 'approval_required') throw new Error(`was ${codeOf(decision)}`);
  return decision;
}

async function scene(caveats: Parameters<typeof chainOf>[0] = oneOfFinance) {
  const source = createMemoryApprovalSource({ groups });
  const chain = await chainOf(caveats);
  const point = pointWith({ approvals: source });
  const { pending } = asRequired(await pay(point, chain));
  return { source, chain, point, action: pending.action };
}

describe('a call that needs approval', () => {
  test('names the exact action: tool, arguments, leaf, enforcement point, nonce, expiry', async () => {
    const chain = await chainOf(oneOfFinance);
    const point = pointWith({ approvals: createMemoryApprovalSource({ groups }) });
    const { pending, missing, denial } = asRequired(await pay(point, chain));
    expect(denial.code).toBe('approval_required');
    expect(missing).toEqual([{ group: 'finance', count: 1 }]);
    expect(pending.action).toMatchObject({
      tool: 'pay',
      arguments: PAYMENT,
      tokens: [chain.leaf.hash],
      enforcementPoint: AUDIENCE,
      expiresAt: NOW + 900,
    });
    expect(pending.chains).toEqual([chain.tokens.map(({ compact }) => compact)]);
  });

  test('asked for again is the same question, with the same nonce', async () => {
    const { point, chain, action } = await scene();
    expect(asRequired(await pay(point, chain)).pending.action.nonce).toBe(action.nonce);
  });

  test('runs once with an approval that the caller brings along; the same approval serves no second call', async () => {
    const { point, chain, action } = await scene();
    const taper_approvals = [await approvedBy(action, ada)];
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe('permit');
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe('approval_action_mismatch');
    expect(codeOf(await pay(point, chain))).toBe('approval_required');
  });

  test('runs once with an approval that came in at the source', async () => {
    const { point, chain, action, source } = await scene();
    expect(await source.submit(await approvedBy(action, ada), NOW)).not.toHaveProperty('code');
    expect(codeOf(await pay(point, chain))).toBe('permit');
    expect(codeOf(await pay(point, chain))).toBe('approval_required');
  });

  test('presented many times at once with one approval runs once', async () => {
    const { chain, action, source } = await scene();
    const replay = createMemoryReplayStore();
    const points = [1, 2].map(() => pointWith({ approvals: source, replay }));
    const taper_approvals = [await approvedBy(action, ada)];
    const codes = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const point = points[index % 2] as (typeof points)[0];
        return codeOf(await pay(point, chain, { taper_approvals }));
      }),
    );
    expect(codes.filter((code) => code === 'permit')).toHaveLength(1);
  });

  test('keeps its approval when the call is refused for another reason', async () => {
    const { point, chain, action, source } = await scene();
    await source.submit(await approvedBy(action, ada), NOW);
    const used = await present(chain);
    const bad = { ...used, aat_pop: `${used.aat_pop.slice(0, -4)}AAAA` };
    expect(codeOf(await point.authorize(bad, 'pay', PAYMENT))).toBe('signature_invalid');
    expect(codeOf(await pay(point, chain))).toBe('permit');
  });
});

describe('an approval is refused', () => {
  test('twice by one approver, where two are needed (P09)', async () => {
    const { point, chain, action } = await scene({ root: { approvals: { pay: { finance: 2 } } } });
    const twice = [await approvedBy(action, ada), await approvedBy(action, ada)];
    expect(codeOf(await pay(point, chain, { taper_approvals: twice }))).toBe('approval_repeated');
    const both = [await approvedBy(action, ada), await approvedBy(action, grace)];
    expect(codeOf(await pay(point, chain, { taper_approvals: both }))).toBe('permit');
  });

  test('by one person for two groups', async () => {
    const { point, chain, action } = await scene({
      root: { approvals: { pay: { finance: 1, board: 1 } } },
    });
    const one = [await approvedBy(action, ada, 'finance'), await approvedBy(action, ada, 'board')];
    expect(codeOf(await pay(point, chain, { taper_approvals: one }))).toBe('approval_repeated');
    const two = [
      await approvedBy(action, grace, 'finance'),
      await approvedBy(action, ada, 'board'),
    ];
    expect(codeOf(await pay(point, chain, { taper_approvals: two }))).toBe('permit');
  });

  test.each<[string, Signer, string]>([
    ['outside of the group', newSigner(), 'approval_approver_unknown'],
    ['the agent that asks', agent, 'approval_approver_unknown'],
  ])('by somebody %s', async (_who, signer, code) => {
    const { point, chain, action } = await scene();
    const taper_approvals = [await approvedBy(action, signer)];
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe(code);
  });

  test.each([
    ['the agent that asks', agent],
    ['who handed the authority on', orchestrator],
  ])('by %s, even as a member of the group', async (_who, signer) => {
    const source = createMemoryApprovalSource({
      groups: { finance: [{ name: 'Insider', key: signer.publicKey }] },
    });
    const chain = await chainOf(oneOfFinance);
    const point = pointWith({ approvals: source });
    const { pending } = asRequired(await pay(point, chain));
    const taper_approvals = [await approvedBy(pending.action, signer)];
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe('approval_by_requester');
  });

  test.each<[string, (action: ApprovalAction) => ApprovalAction]>([
    ['other arguments', (action) => ({ ...action, arguments: { ...PAYMENT, amount: '120.01' } })],
    ['another tool', (action) => ({ ...action, tool: 'read' })],
    ['another enforcement point', (action) => ({ ...action, enforcementPoint: `${AUDIENCE}/` })],
    ['another leaf', (action) => ({ ...action, tokens: ['A'.repeat(43)] })],
    ['another request', (action) => ({ ...action, nonce: `${action.nonce.slice(0, -2)}AA` })],
    ['a later expiry', (action) => ({ ...action, expiresAt: action.expiresAt + 1 })],
  ])('for %s', async (_what, change) => {
    const { point, chain, action } = await scene();
    const taper_approvals = [await approvedBy(change(action), ada)];
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe('approval_action_mismatch');
  });

  test('for the sibling of the token it was given for', async () => {
    const { point, action } = await scene();
    const sibling = await chainOf(oneOfFinance);
    const taper_approvals = [await approvedBy(action, ada)];
    expect(codeOf(await pay(point, sibling, { taper_approvals }))).toBe('approval_action_mismatch');
  });

  test('when it has expired, and until then it is good', async () => {
    const source = createMemoryApprovalSource({ groups });
    const chain = await chainOf(oneOfFinance, 3600);
    let now = NOW;
    const point = pointWith({ approvals: source, clock: { now: () => now } });
    const { action } = asRequired(await pay(point, chain)).pending;
    const brief = await approve({
      action,
      group: 'finance',
      signer: ada,
      now: NOW,
      id: nextId(),
      expiresAt: NOW + 10,
    });
    const call = async (): Promise<string> => {
      const fresh = await present(chain, { now });
      return codeOf(await point.authorize({ ...fresh, taper_approvals: [brief] }, 'pay', PAYMENT));
    };
    now = NOW + 10;
    expect(await call()).toBe('approval_expired');
    const other = pointWith({ approvals: source, clock: { now: () => NOW + 9 } });
    const fresh = await present(chain, { now: NOW + 9 });
    expect(
      codeOf(await other.authorize({ ...fresh, taper_approvals: [brief] }, 'pay', PAYMENT)),
    ).toBe('permit');
  });

  test('that is a proof or a token (A10)', async () => {
    const { point, chain } = await scene();
    const { aat_pop } = await present(chain);
    for (const offered of [aat_pop, chain.leaf.compact, 'yes', '']) {
      expect(codeOf(await pay(point, chain, { taper_approvals: [offered] }))).toBe(
        'approval_malformed',
      );
    }
  });

  test('that is no list of strings, or too long a list', async () => {
    const { point, chain, action } = await scene();
    const good = await approvedBy(action, ada);
    for (const offered of [true, good, [1], {}, Array.from({ length: 17 }, () => good)]) {
      expect(codeOf(await pay(point, chain, { taper_approvals: offered }))).toBe(
        'approval_malformed',
      );
    }
  });
});

describe('what asks for approval', () => {
  test('a group that nobody configured: refused, not forgotten', async () => {
    const chain = await chainOf({ root: { approvals: { pay: { legal: 1 } } } });
    const point = pointWith({ approvals: createMemoryApprovalSource({ groups }) });
    expect(codeOf(await pay(point, chain))).toBe('approval_group_unknown');
  });

  test('a caveat where the enforcement point has no source of approvals: refused', async () => {
    expect(codeOf(await pay(pointWith(), await chainOf(oneOfFinance)))).toBe(
      'approval_source_unavailable',
    );
  });

  test('a caveat for another tool asks nothing of this one', async () => {
    const chain = await chainOf({ root: { approvals: { read: { finance: 1 } } } });
    const point = pointWith({ approvals: createMemoryApprovalSource({ groups }) });
    expect(codeOf(await pay(point, chain))).toBe('permit');
  });

  test('several hops: the greatest count for each group holds, whoever asked (K04)', async () => {
    const chain = await chainOf({
      root: { approvals: { pay: { finance: 2 } } },
      leaf: { approvals: { pay: { finance: 1, board: 1 } } },
    });
    const point = pointWith({ approvals: createMemoryApprovalSource({ groups }) });
    expect(asRequired(await pay(point, chain)).missing).toEqual([
      { group: 'finance', count: 2 },
      { group: 'board', count: 1 },
    ]);
  });

  test('a policy: the same way, and its condition is asked afresh when the call comes again', async () => {
    let limit = 100;
    const policy: PolicyEngine = {
      decide: ({ arguments: { amount } }) => ({
        verdict: Number(amount) > limit ? 'approval_required' : 'permit',
        approvals: Number(amount) > limit ? [{ group: 'finance', count: 1 }] : [],
        policy: { id: 'limits', version: '1' },
        reasons: [],
      }),
    };
    const chain = await chainOf();
    const point = pointWith({ approvals: createMemoryApprovalSource({ groups }), policy });
    const { action } = asRequired(await pay(point, chain)).pending;
    expect(
      codeOf(await pay(point, chain, { taper_approvals: [await approvedBy(action, ada)] })),
    ).toBe('permit');
    limit = 200;
    expect(codeOf(await pay(point, chain))).toBe('permit');
  });

  test('a policy that denies is not softened by approvals', async () => {
    const { source, chain, action } = await scene();
    const policy: PolicyEngine = {
      decide: () => ({
        verdict: 'deny',
        approvals: [],
        policy: { id: 'no', version: '1' },
        reasons: [],
      }),
    };
    const taper_approvals = [await approvedBy(action, ada)];
    const point = pointWith({ approvals: source, policy });
    expect(codeOf(await pay(point, chain, { taper_approvals }))).toBe('policy_denied');
  });
});

test('an approval outlives neither the chain nor the budget: everything is judged afresh', async () => {
  const source = createMemoryApprovalSource({ groups });
  const chain = await chainOf(oneOfFinance, 20);
  let now = NOW;
  const point = pointWith({ approvals: source, clock: { now: () => now } });
  const { action } = asRequired(await pay(point, chain)).pending;
  await source.submit(await approvedBy(action, ada), NOW);
  const fresh = await present(chain, { now: NOW + 19 });
  now = NOW + 20;
  expect(codeOf(await point.authorize(fresh, 'pay', PAYMENT))).toBe('token_expired');
});

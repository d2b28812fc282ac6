import { approve, type JsonObject } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { createMemoryApprovalSource } from '../../src/memory/approval-source.ts';
import { createCedarEngine, createPolicySet } from '../../src/policy/cedar/index.ts';
import type { PolicyEngine } from '../../src/port/policy-engine.ts';
import {
  ada,
  agent,
  chainOf,
  childOf,
  codeOf,
  NOW,
  nextId,
  orchestrator,
  pay,
  pointWith,
  present,
  rootOf,
} from '../judge/scene.ts';

// Cedar behind a real enforcement point, with real chains, proofs and approvals.

const SCHEMA = `
  action "pay" appliesTo { principal: Taper::Agent, resource: Taper::Resource,
    context: { call: Taper::Call, arguments: { order: String, amount: decimal } } };
  action "read" appliesTo { principal: Taper::Agent, resource: Taper::Resource,
    context: { call: Taper::Call, arguments: {} } };
`;
const ENTITIES = JSON.stringify([
  {
    uid: { type: 'Taper::Agent', id: orchestrator.publicKey.thumbprint },
    attrs: {},
    parents: [{ type: 'Taper::Role', id: 'payer' }],
  },
]);
const POLICIES = `
  permit (principal, action == Action::"pay", resource) when { context.call.root in Taper::Role::"payer" };
  @id("above-100") @approval("finance")
  forbid (principal, action == Action::"pay", resource) when { context.arguments.amount.greaterThan(decimal("100.00")) };
`;

const engineOf = (policies: string): ReturnType<typeof createCedarEngine> =>
  createCedarEngine({ policies, schema: SCHEMA, entities: ENTITIES });

const groups = { finance: [{ name: 'Ada', key: ada.publicKey }] };

const small: JsonObject = { order: 'o-1', amount: '99.00' };

async function paySmall(policy: PolicyEngine): Promise<string> {
  const chain = await chainOf();
  return codeOf(
    await pointWith({ policy }).authorize(await present(chain, { args: small }), 'pay', small),
  );
}

describe('a call that its chain permits', () => {
  test('runs when the policy permits it', async () => {
    expect(await paySmall(engineOf(POLICIES))).toBe('permit');
  });

  test('is refused when no policy permits it, or one forbids it', async () => {
    const other = POLICIES.replace('"payer"', '"auditor"');
    expect(await paySmall(engineOf(other))).toBe('policy_denied');
    expect(await paySmall(engineOf(`${POLICIES} forbid (principal, action, resource);`))).toBe(
      'policy_denied',
    );
  });

  test('runs above the limit with the approval that the policy asks for, and only with it', async () => {
    const source = createMemoryApprovalSource({ groups });
    const point = pointWith({ policy: engineOf(POLICIES), approvals: source });
    const chain = await chainOf();
    const first = await pay(point, chain);
    if (first.verdict !== 'approval_required') throw new Error(codeOf(first));
    expect(first.missing).toEqual([{ group: 'finance', count: 1 }]);
    expect(codeOf(await pay(point, chain))).toBe('approval_required');
    const { action } = first.pending;
    const signed = await approve({ action, group: 'finance', signer: ada, now: NOW, id: nextId() });
    expect(codeOf(await pay(point, chain, { taper_approvals: [signed] }))).toBe('permit');
    expect(codeOf(await pay(point, chain))).toBe('approval_required');
  });

  test('P10: the agent cannot approve what the policy asks others to approve', async () => {
    const source = createMemoryApprovalSource({ groups });
    const point = pointWith({ policy: engineOf(POLICIES), approvals: source });
    const chain = await chainOf();
    const first = await pay(point, chain);
    if (first.verdict !== 'approval_required') throw new Error(codeOf(first));
    const { action } = first.pending;
    for (const signer of [agent, orchestrator]) {
      const own = await approve({ action, group: 'finance', signer, now: NOW, id: nextId() });
      const decision = await pay(point, chain, { taper_approvals: [own] });
      expect(decision.verdict).not.toBe('permit');
    }
  });

  test('is refused when the policy asks for a group that nobody is in', async () => {
    const policy = engineOf(POLICIES.replace('"finance"', '"treasury"'));
    const point = pointWith({ policy, approvals: createMemoryApprovalSource({ groups }) });
    expect(codeOf(await pay(point, await chainOf()))).toBe('approval_group_unknown');
  });

  test('Z02: is refused when the engine throws', async () => {
    const throwing = createCedarEngine({
      policies: POLICIES,
      schema: SCHEMA,
      resource: () => {
        throw new Error('no such resource');
      },
    });
    expect(await paySmall(throwing)).toBe('policy_unavailable');
  });
});

test('K11: a policy that permits everything does not widen a chain', async () => {
  const policy = engineOf('permit (principal, action, resource);');
  expect(await paySmall(policy)).toBe('permit');
  // An orchestrator that may pay and read hands on a token for paying up to 10.00.
  const narrow = await childOf(await rootOf(), undefined, agent, {
    pay: {
      order: { constraint_type: 'exact', value: 'o-1' },
      amount: { constraint_type: 'decimal', min: '0', max: '10.00', scale: 2 },
    },
  });
  const point = pointWith({ policy });
  const asked = async (tool: string, args: JsonObject, shown: JsonObject): Promise<string> =>
    codeOf(await point.authorize(await present(narrow, { args: shown }), tool, args));
  const within = { order: 'o-1', amount: '10.00' };
  expect(await asked('pay', within, within)).toBe('permit');
  expect(await asked('pay', small, within)).toBe('argument_refused');
  expect(await asked('read', {}, within)).toBe('tool_not_granted');
});

test('Y11: policies that are reloaded count for the next call, and broken ones for none', async () => {
  let policies = POLICIES;
  const policy = await createPolicySet({ load: () => engineOf(policies) });
  expect(await paySmall(policy)).toBe('permit');
  policies = 'forbid (';
  expect(await policy.reload()).toMatchObject({ outcome: 'kept' });
  expect(await paySmall(policy)).toBe('permit');
  policies = `${POLICIES} forbid (principal, action, resource);`;
  expect(await policy.reload()).toMatchObject({ outcome: 'replaced' });
  expect(await paySmall(policy)).toBe('policy_denied');
});

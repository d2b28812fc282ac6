import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { CEDAR_BASE_SCHEMA } from '../../src/policy/cedar/base-schema.ts';
import { seenCall } from '../../src/policy/cedar/call-members.ts';
import { createCedarEngine } from '../../src/policy/cedar/index.ts';
import { readPolicies } from '../../src/policy/cedar/policies.ts';
import { cedarRequest } from '../../src/policy/cedar/request.ts';
import type { PolicyInput } from '../../src/port/policy-engine.ts';
import { HELPER, policyChain, policyInput, REFUND_DESK } from './input.ts';

const SCHEMA = `action "act" appliesTo {
  principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: { n: Long } } };`;

const permitWhen = (condition: string): string =>
  `permit (principal, action, resource) when { ${condition} };`;

function membersSeen(policies: string, schema = SCHEMA): readonly string[] | undefined {
  const whole = `${schema}\n${CEDAR_BASE_SCHEMA}`;
  const read = readPolicies([{ name: 'policies', text: policies }], whole);
  const { members } = seenCall(
    schema,
    [...read.values()].map(({ json }) => json),
  );
  return members && [...members].sort();
}

describe('of a call, Cedar is handed', () => {
  test('what policies read or ask for', () => {
    const condition = `context.call.root == principal && context.call has tenant && context has call.purposes`;
    expect(membersSeen(permitWhen(condition))).toEqual(['call', 'purposes', 'root', 'tenant']);
    expect(membersSeen('permit (principal, action, resource);')).toEqual([]);
    expect(membersSeen(permitWhen('{ tool: 1, "Var": { now: 2 } }.tool == 1'))).toEqual(['tool']);
  });

  test.each([
    'context == context',
    'context.call == context.call',
    '[context.call].contains(context.call)',
    '(if context.arguments.n == 1 then context.call else context.call).tool == "act"',
    '{ call: context.call }.call.tool == "act"',
    '{ "Var": context }["Var"].call.tool == "act"',
  ])('everything, where one takes it as a whole: %s', (condition) => {
    expect(membersSeen(permitWhen(condition))).toBeUndefined();
    expect(membersSeen(permitWhen('context.call.tool == "act"'))).toEqual(['call', 'tool']);
  });

  test.each([
    ['an entity', `entity Log = { last: Taper::Call };\n${SCHEMA}`],
    ['an argument', SCHEMA.replace('n: Long', 'n: Long, call?: Taper::Call')],
    ['a type of the owner’s', `type Alias = Taper::Call;\n${SCHEMA}`],
    ['another part of the context', SCHEMA.replace('{ call:', '{ before: Taper::Call, call:')],
  ])('everything, where %s has the type of a call', (_title, schema) => {
    expect(membersSeen(permitWhen('context.call.tool == "act"'), schema)).toBeUndefined();
  });
});

describe('Y04: a decision is the one that Cedar makes of the whole call', () => {
  const input = policyInput({
    tool: 'act',
    arguments: { n: 1 },
    chains: [policyChain([REFUND_DESK, HELPER])],
    caveats: { tenant: undefined, purposes: ['task-1'] },
    approvals: [{ group: 'finance', approver: 'ada' }],
  });
  const withTenant: PolicyInput = { ...input, caveats: { tenant: 'acme', purposes: [] } };

  const conditions = [
    'context.call has tenant',
    '!(context.call has tenant)',
    'context has call.tenant && context.call.tenant == "acme"',
    'context.call.purposes.isEmpty()',
    'context.call.approvals.contains({ group: "finance", approver: "ada" })',
    'context == context && context.call has tenant',
    '[context.call].contains(context.call) && context.call.depth == 1',
    '(if context.call has tenant then context.call else context.call).now > context.call.expiresAt',
    `context.call.agents.contains(Taper::Agent::"${REFUND_DESK}") && context.call.root != principal`,
    'context.call.tool like "a*" && context.call.action == context.call.tool',
  ];

  test.each(conditions)('%s', (condition) => {
    for (const policies of [
      permitWhen(condition),
      `permit (principal, action, resource);\nforbid (principal, action, resource) when { ${condition} };`,
    ]) {
      const engine = createCedarEngine({ policies, schema: SCHEMA });
      for (const each of [input, withTenant]) {
        const request = cedarRequest(
          each,
          {
            actionType: 'Action',
            attributes: false,
            argumentsOf: ({ arguments: args }) => args,
            resourceOf: ({ resource }) => ({ type: 'Taper::Resource', id: resource }),
          },
          { members: undefined, takesEntities: false },
        );
        if (request === undefined) throw new Error('The call has a Cedar value.');
        const whole = isAuthorized({
          ...request,
          entities: [],
          schema: `${SCHEMA}\n${CEDAR_BASE_SCHEMA}`,
          validateRequest: true,
          policies: { staticPolicies: policies },
        });
        if (whole.type === 'failure') throw new Error('Cedar refused the request.');
        expect(whole.response.diagnostics.errors).toEqual([]);
        expect(engine.decide(each)).toMatchObject({
          verdict: whole.response.decision === 'allow' ? 'permit' : 'deny',
        });
      }
    }
  });
});

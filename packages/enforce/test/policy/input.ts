import type { PolicyChain, PolicyInput } from '../../src/port/policy-engine.ts';

/** Agents with the roles of examples/policies. */
export const REVIEWER = 'WhBTUGd-f2fe2-aflHTlQvPImwzdoDZyf8oCDFYvIGM';
export const DEPLOYER = '3V7pLmiSV6DhVNxO3Dk_6kSuvZOHOn_ZnqZ3RQVDSlQ';
export const REFUND_DESK = 'MQ2oDgsXiIGa1Wh9tdzSqW3zvKOyXmc4jkDgxjyCpPA';
/** An agent without a role, to which the others delegate. */
export const HELPER = 'hP3mZ0VwJ6b2sYc5kq8Tn1rLxEoAdUuGf7iWvB9XQzM';

export function policyChain(
  holders: readonly string[],
  overrides: Partial<PolicyChain> = {},
): PolicyChain {
  return {
    issuer: 'https://issuer.example',
    holders,
    tokens: holders.map((_, hop) => `token-${hop}`.padEnd(43, 'A')),
    depth: holders.length - 1,
    expiresAt: 2_000_000_000,
    ...overrides,
  };
}

/** A call as the enforcement point puts it to a policy. */
export function policyInput(overrides: Partial<PolicyInput> = {}): PolicyInput {
  const tool = overrides.tool ?? 'refund_order';
  const holders = overrides.chains?.[0]?.holders ?? [REFUND_DESK, HELPER];
  return {
    agent: { key: holders.at(-1) as string },
    chains: [policyChain(holders)],
    tool,
    resource: tool,
    action: tool,
    arguments: { order: 'A-17', amount: '50.00' },
    caveats: { tenant: undefined, purposes: [] },
    approvals: [],
    context: { enforcementPoint: 'https://desk.example/mcp', now: 1_900_000_000, attributes: {} },
    ...overrides,
  };
}

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadCedarEngine } from '../../src/policy/cedar/index.ts';
import type { LoadedPolicyEngine } from '../../src/policy/loaded-engine.ts';
import type { PolicyDecision } from '../../src/port/policy-engine.ts';
import { policyEngineContract } from '../../src/testing/policy-engine.ts';
import { DEPLOYER, HELPER, policyChain, policyInput, REFUND_DESK, REVIEWER } from './input.ts';

const folder = new URL('../../../../examples/policies/cedar/', import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, folder));

const engine: LoadedPolicyEngine = await loadCedarEngine({
  policies: [path('review.cedar'), path('deploy.cedar'), path('refund.cedar')],
  schema: path('schema.cedarschema'),
  entities: path('entities.json'),
});

async function decide(tool: string, holder: string, args: object): Promise<PolicyDecision> {
  return engine.decide(
    policyInput({
      tool,
      chains: [policyChain([holder, HELPER])],
      arguments: args as Record<string, string>,
    }),
  );
}

const comment = { repository: 'taper', number: 7, body: 'Looks right.' };
const deploy = (environment: string) => ({ service: 'shop', environment, version: '1.4.0' });
const refund = (amount: string) => ({ order: 'A-17', amount });

describe('the policies in examples/policies/cedar', () => {
  test('a reviewer may comment on a pull request, also through an agent it delegates to', async () => {
    expect(await decide('comment_on_pull_request', REVIEWER, comment)).toMatchObject({
      verdict: 'permit',
      reasons: ['reviewers-comment'],
    });
  });

  test.each([DEPLOYER, REFUND_DESK, HELPER])('who is no reviewer may not: %s', async (holder) => {
    expect((await decide('comment_on_pull_request', holder, comment)).verdict).toBe('deny');
  });

  test('a reviewer at the end of a chain that another agent began is no reviewer', async () => {
    expect(
      await engine.decide(
        policyInput({
          tool: 'comment_on_pull_request',
          chains: [policyChain([DEPLOYER, REVIEWER])],
          arguments: comment,
        }),
      ),
    ).toMatchObject({ verdict: 'deny' });
  });

  test('a deployer may deploy to staging', async () => {
    expect((await decide('deploy', DEPLOYER, deploy('staging'))).verdict).toBe('permit');
  });

  test('a deployment to production needs one release manager', async () => {
    expect(await decide('deploy', DEPLOYER, deploy('production'))).toMatchObject({
      verdict: 'approval_required',
      approvals: [{ group: 'release-managers', count: 1 }],
      reasons: ['production-needs-approval'],
    });
  });

  test.each(['Production', 'production ', 'prod', ''])(
    'no approval opens an environment that is not listed: %j',
    async (environment) => {
      expect((await decide('deploy', DEPLOYER, deploy(environment))).verdict).toBe('deny');
    },
  );

  test('P10: no approval lets an agent deploy that is no deployer, and its own word is none', async () => {
    expect((await decide('deploy', REVIEWER, deploy('production'))).verdict).toBe('deny');
    const own = await engine.decide(
      policyInput({
        tool: 'deploy',
        chains: [policyChain([DEPLOYER])],
        arguments: { ...deploy('production'), approved: true },
      }),
    );
    expect(own.verdict).toBe('deny');
  });

  test.each([
    ['0.01', 'permit'],
    ['100.00', 'permit'],
    ['100.01', 'approval_required'],
    ['5000.00', 'approval_required'],
    ['5000.01', 'deny'],
    ['0.00', 'deny'],
    ['-1.00', 'deny'],
    ['1e2', 'deny'],
    ['100', 'deny'],
    ['99.99999', 'deny'],
    ['', 'deny'],
  ])('a refund of %j: %s', async (amount, verdict) => {
    expect((await decide('refund_order', REFUND_DESK, refund(amount))).verdict).toBe(verdict);
  });
});

test.each(['review.cedar', 'deploy.cedar', 'refund.cedar'])(
  'docs/policy.md shows %s as it is',
  (name) => {
    const page = readFileSync(new URL('../../../docs/policy.md', folder), 'utf8');
    expect(page).toContain(`\`\`\`cedar\n${readFileSync(path(name), 'utf8')}\`\`\``);
  },
);

policyEngineContract({
  test,
  open: () => {
    const permitted = policyInput({ chains: [policyChain([REFUND_DESK])] });
    return {
      engine,
      permitted,
      denied: { ...permitted, arguments: refund('0.00') },
      undecided: { ...permitted, tool: 'drop_table' },
      needsApproval: { ...permitted, arguments: refund('100.01') },
      requirements: [{ group: 'finance', count: 1 }],
      deniedAndNeedsApproval: { ...permitted, arguments: refund('9000.00') },
      failing: [{ ...permitted, arguments: refund('1e2') }],
    };
  },
});

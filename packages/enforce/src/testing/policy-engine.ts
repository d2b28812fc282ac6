import assert from 'node:assert/strict';
import type {
  ApprovalRequirement,
  PolicyDecision,
  PolicyEngine,
  PolicyInput,
} from '../port/policy-engine.ts';
import type { ContractTest } from './contract.ts';

/** An engine with calls of which it is known what its policy says. */
export interface PolicyEngineSetup {
  readonly engine: PolicyEngine;
  readonly permitted: PolicyInput;
  readonly denied: PolicyInput;
  /** No rule says anything about it. */
  readonly undecided: PolicyInput;
  /** Holds no approvals. */
  readonly needsApproval: PolicyInput;
  readonly requirements: readonly ApprovalRequirement[];
  /** Would need approval, and is denied for another reason as well. */
  readonly deniedAndNeedsApproval: PolicyInput;
  /** Calls for which a rule cannot be evaluated. May be empty where the language has no such thing. */
  readonly failing: readonly PolicyInput[];
  readonly close?: () => void | Promise<void>;
}

export interface PolicyEngineContract {
  readonly test: ContractTest;
  open(): PolicyEngineSetup | Promise<PolicyEngineSetup>;
}

const CANARY = 'canary-5b1f6f0e';

/** What every `PolicyEngine` keeps to: one test for each sentence of the port. */
export function policyEngineContract({ test, open }: PolicyEngineContract): void {
  const contract = (title: string, run: (setup: PolicyEngineSetup) => Promise<void>): void =>
    test(title, async () => {
      const setup = await open();
      try {
        await run(setup);
      } finally {
        await setup.close?.();
      }
    });

  contract('permits what its policy permits, and asks for nothing', async (setup) => {
    const decision = await decide(setup, setup.permitted);
    assert.equal(decision.verdict, 'permit');
    assert.deepEqual(decision.approvals, []);
  });

  contract('denies what its policy denies, and asks for nothing', async (setup) => {
    const decision = await decide(setup, setup.denied);
    assert.equal(decision.verdict, 'deny');
    assert.deepEqual(decision.approvals, []);
  });

  contract('denies what no rule decides', async (setup) => {
    assert.equal((await decide(setup, setup.undecided)).verdict, 'deny');
  });

  contract('asks for approval, with every group and its count', async (setup) => {
    const decision = await decide(setup, setup.needsApproval);
    assert.equal(decision.verdict, 'approval_required');
    assert.deepEqual(byGroup(decision.approvals), byGroup(setup.requirements));
    assert.ok(decision.approvals.length > 0);
  });

  contract('gives the same answer when the approvals are there', async (setup) => {
    const approvals = setup.requirements.flatMap(({ group, count }) =>
      Array.from({ length: count }, (_, index) => ({ group, approver: `approver-${index}` })),
    );
    assert.deepEqual(
      settled(await decide(setup, { ...setup.needsApproval, approvals })),
      settled(await decide(setup, setup.needsApproval)),
    );
  });

  contract('denies what it would ask approval for and denies for another reason', async (setup) => {
    assert.equal((await decide(setup, setup.deniedAndNeedsApproval)).verdict, 'deny');
    const approvals = setup.requirements.map(({ group }) => ({ group, approver: 'ada' }));
    assert.equal(
      (await decide(setup, { ...setup.deniedAndNeedsApproval, approvals })).verdict,
      'deny',
    );
  });

  contract('an approval does not turn a denial into a permit', async (setup) => {
    const approvals = setup.requirements.map(({ group }) => ({ group, approver: 'ada' }));
    assert.equal((await decide(setup, { ...setup.denied, approvals })).verdict, 'deny');
    assert.equal((await decide(setup, { ...setup.undecided, approvals })).verdict, 'deny');
  });

  contract('throws or denies where a rule cannot be evaluated', async (setup) => {
    for (const input of setup.failing) {
      const decision = await decide(setup, input).catch(() => undefined);
      assert.ok(decision === undefined || decision.verdict === 'deny');
    }
  });

  contract('names policy and version, the same in every decision', async (setup) => {
    const decisions = await Promise.all(
      [setup.permitted, setup.denied, setup.undecided, setup.needsApproval].map((input) =>
        decide(setup, input),
      ),
    );
    for (const { policy } of decisions) {
      assert.ok(policy.id !== '' && policy.version !== '');
      assert.deepEqual({ ...policy }, { ...decisions[0]?.policy });
    }
  });

  contract('puts no argument and no attribute into its answer', async (setup) => {
    for (const input of [setup.permitted, setup.denied, setup.needsApproval, setup.undecided]) {
      const marked: PolicyInput = {
        ...input,
        arguments: Object.fromEntries(
          Object.entries(input.arguments).map(([name, value]) => [
            name,
            typeof value === 'string' ? `${CANARY}${value}` : value,
          ]),
        ),
        context: { ...input.context, attributes: { note: CANARY } },
      };
      const said = await decide(setup, marked).then(
        (decision) => JSON.stringify(decision),
        (error: unknown) => describe(error),
      );
      assert.ok(!said.includes(CANARY));
    }
  });

  contract('answers calls that come at once each by its own input', async (setup) => {
    const calls = Array.from({ length: 24 }, (_, index) =>
      index % 3 === 0 ? setup.permitted : index % 3 === 1 ? setup.denied : setup.needsApproval,
    );
    const verdicts = await Promise.all(
      calls.map(async (input) => (await decide(setup, input)).verdict),
    );
    assert.deepEqual(
      verdicts,
      calls.map((_, index) => ['permit', 'deny', 'approval_required'][index % 3]),
    );
  });
}

async function decide({ engine }: PolicyEngineSetup, input: PolicyInput): Promise<PolicyDecision> {
  return await engine.decide(deepFreeze(structuredClone(input)));
}

/** A decision without what differs each time it is made. */
function settled({ decisionId: _, ...decision }: PolicyDecision): unknown {
  return { ...decision, approvals: byGroup(decision.approvals) };
}

function byGroup(requirements: readonly ApprovalRequirement[]): readonly ApprovalRequirement[] {
  return requirements
    .map(({ group, count }) => ({ group, count }))
    .sort((one, other) => (one.group < other.group ? -1 : 1));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  return `${error.stack ?? error.message} ${JSON.stringify(error)} ${describe(error.cause)}`;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) deepFreeze(each);
  }
  return value;
}

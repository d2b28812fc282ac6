import { joinPresentations } from '@taper/core';
import { describe, expect, test } from 'vitest';
import type {
  AgentDirectory,
  AgentRules,
  DirectoryAnswer,
  PolicyEngine,
  PolicyInput,
} from '../../src/index.ts';
import {
  agent,
  chainOf,
  childOf,
  codeOf,
  NOW,
  newSigner,
  orchestrator,
  PAYMENT,
  pay,
  pointWith,
  present,
  rootOf,
} from './scene.ts';

const AGENT = agent.publicKey.thumbprint;
const ORCHESTRATOR = orchestrator.publicKey.thumbprint;
const ID = 'spiffe://example.org/acme/agent/refunds';

function known(changes: Partial<Extract<DirectoryAnswer, { verdict: 'known' }>> = {}) {
  return {
    verdict: 'known',
    agent: { id: ID, state: 'active' },
    standing: 'unlisted',
    asOf: NOW,
    ...changes,
  } as const;
}

const UNKNOWN: DirectoryAnswer = { verdict: 'unknown', asOf: NOW };

/** A directory of these answers by key; other keys are unknown. */
function directory(answers: { readonly [key: string]: unknown }): AgentDirectory {
  return { find: (key) => (answers[key] ?? UNKNOWN) as DirectoryAnswer };
}

async function verdictWith(
  answers: { readonly [key: string]: unknown },
  rules: Partial<AgentRules> = {},
): Promise<string> {
  const point = pointWith({
    agents: { directory: directory(answers), callers: 'enrolled', ...rules },
  });
  return codeOf(await pay(point, await chainOf()));
}

describe('where only enrolled agents may call', () => {
  test('one that the directory knows and that is active may, and one that it does not know may not', async () => {
    expect(await verdictWith({ [AGENT]: known() })).toBe('permit');
    expect(await verdictWith({ [ORCHESTRATOR]: known() })).toBe('agent_unknown');
  });

  test('who handed the authority on need not be enrolled', async () => {
    expect(await verdictWith({ [AGENT]: known() })).toBe('permit');
  });
});

describe('whoever may call', () => {
  test.each(['suspended', 'retired'] as const)('nobody on the chain may be %s', async (state) => {
    const gone = known({ agent: { id: ID, state } });
    for (const callers of ['any', 'enrolled', 'allowed'] as const) {
      const fine = known({ standing: 'allowed' });
      expect(await verdictWith({ [AGENT]: gone }, { callers })).toBe('agent_not_active');
      expect(await verdictWith({ [AGENT]: fine, [ORCHESTRATOR]: gone }, { callers })).toBe(
        'agent_not_active',
      );
    }
  });

  test('nobody on the chain may be blocked, and the denial says at which hop', async () => {
    const blocked = known({ standing: 'blocked' });
    const point = pointWith({
      agents: {
        directory: directory({ [AGENT]: known(), [ORCHESTRATOR]: blocked }),
        callers: 'any',
      },
    });
    const decision = await pay(point, await chainOf());
    expect(decision).toMatchObject({ denial: { code: 'agent_blocked', hop: 0 } });
  });

  test('any agent may, where the rules say any', async () => {
    expect(await verdictWith({}, { callers: 'any' })).toBe('permit');
  });
});

test('where only listed agents may call, the caller has to be on the list and nobody else', async () => {
  const listed = known({ standing: 'allowed' });
  expect(await verdictWith({ [AGENT]: listed }, { callers: 'allowed' })).toBe('permit');
  expect(await verdictWith({ [AGENT]: known() }, { callers: 'allowed' })).toBe('agent_not_allowed');
  expect(await verdictWith({ [ORCHESTRATOR]: listed }, { callers: 'allowed' })).toBe(
    'agent_unknown',
  );
});

describe('a directory that is no help', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['answers nothing', () => undefined],
    ['answers another word', () => ({ ...known(), verdict: 'maybe' })],
    [
      'answers a state that nobody knows',
      () => known({ agent: { id: ID, state: 'asleep' as never } }),
    ],
    ['answers no standing', () => ({ ...known(), standing: undefined })],
    ['answers without a time', () => ({ ...known(), asOf: undefined })],
    ['answers from the future', () => known({ asOf: NOW + 61 })],
    ['is stale', () => known({ asOf: NOW - 61 })],
  ])('refuses the call: it %s', async (_, find) => {
    const point = pointWith({
      agents: { directory: { find: find as AgentDirectory['find'] }, callers: 'any' },
    });
    expect(codeOf(await pay(point, await chainOf()))).toBe('agents_unavailable');
  });

  test('is fresh enough to the last second', async () => {
    expect(
      await verdictWith({
        [AGENT]: known({ asOf: NOW - 60 }),
        [ORCHESTRATOR]: known({ asOf: NOW - 60 }),
      }),
    ).toBe('permit');
    const old = { [AGENT]: known({ asOf: NOW - 11 }) };
    expect(await verdictWith(old, { maxStaleness: 10 })).toBe('agents_unavailable');
  });

  test('is asked again before the call runs: who was suspended meanwhile is refused', async () => {
    let asked = 0;
    const find = (key: string): DirectoryAnswer => {
      if (key !== AGENT) return UNKNOWN;
      asked += 1;
      return asked === 1 ? known() : known({ agent: { id: ID, state: 'suspended' } });
    };
    const point = pointWith({ agents: { directory: { find }, callers: 'enrolled' } });
    expect(codeOf(await pay(point, await chainOf()))).toBe('agent_not_active');
  });
});

describe('a policy sees', () => {
  async function seenWith(rules: Partial<AgentRules>): Promise<PolicyInput['agent']> {
    const seen: PolicyInput[] = [];
    const policy: PolicyEngine = {
      decide(input) {
        seen.push(input);
        return { verdict: 'permit', approvals: [], policy: { id: 'p', version: '1' }, reasons: [] };
      },
    };
    const point = pointWith({
      policy,
      agents: { directory: directory({ [AGENT]: known() }), callers: 'any', ...rules },
    });
    expect(codeOf(await pay(point, await chainOf()))).toBe('permit');
    return (seen[0] as PolicyInput).agent;
  }

  test('the agent by its name, and the trust in it', async () => {
    const asked: string[] = [];
    const score = (who: string): number => {
      asked.push(who);
      return 73;
    };
    expect(await seenWith({ trust: { score } })).toEqual({ key: AGENT, id: ID, trust: 73 });
    expect(new Set(asked)).toEqual(new Set([ID]));
  });

  test('of several chains the agent of the first, and the trust in nobody else (D18, L01)', async () => {
    const seen: PolicyInput[] = [];
    const policy: PolicyEngine = {
      decide(input) {
        seen.push(input);
        return { verdict: 'permit', approvals: [], policy: { id: 'p', version: '1' }, reasons: [] };
      },
    };
    const other = newSigner();
    const trusted = known({ agent: { id: `${ID}-trusted`, state: 'active' } });
    const answers = { [AGENT]: known(), [other.publicKey.thumbprint]: trusted };
    const score = (who: string): number => (who === ID ? 10 : 90);
    const point = pointWith({
      policy,
      agents: { directory: directory(answers), callers: 'any', trust: { score } },
    });
    const theirs = await childOf(await rootOf(), undefined, other);
    const joined = joinPresentations([
      await present(await chainOf()),
      await present(theirs, { signer: other }),
    ]);
    expect(codeOf(await point.authorize(joined, 'pay', PAYMENT))).toBe('permit');
    expect(seen[0]?.agent).toEqual({ key: AGENT, id: ID, trust: 10 });
  });

  test.each([
    ['is unknown', () => undefined],
    ['is no integer', () => 50.5],
    ['is below 0', () => -1],
    ['is above 100', () => 101],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('no trust where the score %s', async (_, score) => {
    const agentSeen = await seenWith({ trust: { score: score as () => number } });
    expect(agentSeen).toEqual({ key: AGENT, id: ID });
  });
});

test.each([
  { callers: 'any' },
  { directory: {}, callers: 'any' },
  { directory: directory({}), callers: 'all' },
  { directory: directory({}) },
  { directory: directory({}), callers: 'any', maxStaleness: -1 },
  { directory: directory({}), callers: 'any', trust: {} },
  { directory: directory({}), callers: 'any', blocked: [] },
])('an enforcement point is not made with rules such as %#', (agents) => {
  expect(() => pointWith({ agents: agents as unknown as AgentRules })).toThrow(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});

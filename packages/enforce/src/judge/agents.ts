import { type Denial, denial } from '@taper/core';
import type {
  AgentRules,
  CompleteAgentRules,
  DirectoryAgent,
  DirectoryAnswer,
  PeerStanding,
} from '../port/agent-directory.ts';
import type { PolicyAgent } from '../port/policy-engine.ts';
import { ask, membersOf, oneOf, type Patience } from './ask.ts';
import type { Subject } from './subject.ts';

/** Seconds by which the clock of a directory may run ahead of ours. */
const MAX_DIRECTORY_SKEW = 60;

export interface AgentSettings {
  readonly rules: CompleteAgentRules;
  readonly tenant: string | undefined;
  readonly patience: Patience;
}

interface Finding {
  readonly denial: Denial;
  readonly joined?: number;
}

/** What was found of the agents of a call: who calls, for policies; or why it is refused. */
export async function checkAgents(
  subject: Subject,
  now: number,
  settings: AgentSettings,
): Promise<PolicyAgent | Finding> {
  const { rules, tenant, patience } = settings;
  const { directory, maxStaleness } = rules;
  let caller: DirectoryAgent | undefined;
  for (const [joined, { tokens }] of subject.chains.entries()) {
    for (const [hop, { claims }] of tokens.entries()) {
      const key = claims.holder.thumbprint;
      const answer = await ask(() => directory.find(key, tenant, now), readAnswer, patience);
      const late = staleness(answer, now, maxStaleness);
      if (late !== undefined || answer === undefined)
        return { denial: late ?? denial('agents_unavailable') };
      const isCaller = hop === tokens.length - 1;
      const cause = refusalOf(answer, isCaller ? rules.callers : 'any');
      if (cause !== undefined) return { denial: denial(cause, { hop }), joined };
      if (isCaller && joined === 0 && answer.verdict === 'known') caller = answer.agent;
    }
  }
  return agentFor(subject.agent, caller, now, rules);
}

/** Why an answer is none, or too old to count. */
export function staleness(
  answer: DirectoryAnswer | undefined,
  now: number,
  maxStaleness: number,
): Denial | undefined {
  if (answer === undefined || !(answer.asOf <= now + MAX_DIRECTORY_SKEW))
    return denial('agents_unavailable');
  if (now - answer.asOf <= maxStaleness) return undefined;
  return denial('agents_unavailable', {}, { reason: 'stale' });
}

/** Why an agent may not act here. */
export function refusalOf(
  answer: DirectoryAnswer,
  callers: AgentRules['callers'],
): 'agent_unknown' | 'agent_not_active' | 'agent_blocked' | 'agent_not_allowed' | undefined {
  if (answer.verdict === 'unknown') return callers === 'any' ? undefined : 'agent_unknown';
  if (answer.agent.state !== 'active') return 'agent_not_active';
  if (answer.standing === 'blocked') return 'agent_blocked';
  return callers === 'allowed' && answer.standing !== 'allowed' ? 'agent_not_allowed' : undefined;
}

function agentFor(
  key: string,
  caller: DirectoryAgent | undefined,
  now: number,
  { trust }: AgentSettings['rules'],
): PolicyAgent {
  const score = readScore(() => trust?.score(caller?.id ?? key, now));
  return Object.freeze({
    key,
    ...(caller === undefined ? {} : { id: caller.id }),
    ...(score === undefined ? {} : { trust: score }),
  });
}

function readScore(source: () => unknown): number | undefined {
  try {
    const score = source();
    const isScore = Number.isInteger(score) && (score as number) >= 0 && (score as number) <= 100;
    return isScore ? (score as number) : undefined;
  } catch {
    return undefined;
  }
}

const readState = oneOf('active', 'suspended', 'retired');
const readStanding = oneOf<PeerStanding>('allowed', 'blocked', 'unlisted');

/** Reads what a directory answers; `undefined` for what its contract does not know. */
export function readAnswer(value: unknown): DirectoryAnswer | undefined {
  const { verdict, agent, standing, asOf } = membersOf(value);
  if (!Number.isFinite(asOf)) return undefined;
  if (verdict === 'unknown') return { verdict, asOf: asOf as number };
  const { id, state } = membersOf(agent);
  const known = readState(state);
  const stands = readStanding(standing);
  if (verdict !== 'known' || typeof id !== 'string' || known === undefined) return undefined;
  if (stands === undefined) return undefined;
  return { verdict, agent: { id, state: known }, standing: stands, asOf: asOf as number };
}

import { MAX_AGENT_KEYS, type RevocationTarget } from '@taper/core';
import type { AgentRecord, AgentState, AuthorityTransaction, KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { unknownAgent } from './agent-key.ts';
import { type Actor, type Change, changeStore, logChange, subjectOf } from './change.ts';
import type { IdentityContext } from './context.ts';

/** Which agent is meant, and who says so. */
export interface AgentRequest {
  /** SPIFFE ID. */
  readonly agent: string;
  readonly by: Actor;
}

/** An agent that was taken out of service, or some of its keys, and what has to be revoked so that enforcement points know. */
export interface AgentRevocation {
  readonly agent: AgentRecord;
  /** One for up to 256 keys, so that all of them are revoked or none; of more keys the newest first. */
  readonly revocations: readonly RevocationTarget[];
}

/** @throws {AuthorityRefusal} `agent_unknown`, `agent_state_invalid` unless it is active. */
export async function suspend(
  context: IdentityContext,
  request: AgentRequest,
): Promise<AgentRecord> {
  return await changeState(context, request, 'active', 'suspended', 'agent.suspended');
}

/** @throws {AuthorityRefusal} `agent_unknown`, `agent_state_invalid` unless it is suspended. */
export async function resume(
  context: IdentityContext,
  request: AgentRequest,
): Promise<AgentRecord> {
  return await changeState(context, request, 'suspended', 'active', 'agent.resumed');
}

/**
 * Retires an agent with all its keys, for good. For one that is retired it answers the same again, so that a caller who was interrupted can
 * go on to revoke.
 * @throws {AuthorityRefusal} `agent_unknown`.
 */
export async function retire(
  context: IdentityContext,
  request: AgentRequest,
): Promise<AgentRevocation> {
  const now = context.clock();
  return await changeStore(context.store, async (tx) => {
    const before = await requireAgent(tx, request.agent);
    const keys = await tx.listKeys('agent', before.id);
    const revocations = agentTargets(before, keys);
    if (before.state === 'retired') return { agent: before, revocations };
    const agent = await updateAgent(tx, before, 'retired');
    for (const key of keys) {
      if (key.state !== 'current' && key.state !== 'overlapping') continue;
      await tx.updateKey({ ...key, state: 'former', endsAt: Math.min(now, key.endsAt ?? now) });
    }
    await logChange(tx, { ...changeOf(now, 'agent.retired', agent, request.by), details: {} });
    return { agent, revocations };
  });
}

async function changeState(
  context: IdentityContext,
  request: AgentRequest,
  from: AgentState,
  to: AgentState,
  event: Change['event'],
): Promise<AgentRecord> {
  const now = context.clock();
  return await changeStore(context.store, async (tx) => {
    const before = await requireAgent(tx, request.agent);
    if (before.state !== from) {
      throw new AuthorityRefusal('agent_state_invalid', `The agent is not ${from}.`, {
        facts: { state: before.state },
      });
    }
    const agent = await updateAgent(tx, before, to);
    await logChange(tx, { ...changeOf(now, event, agent, request.by), details: {} });
    return agent;
  });
}

/** @throws {AuthorityRefusal} `agent_unknown`. */
export async function requireAgent(
  tx: AuthorityTransaction,
  spiffeId: string,
): Promise<AgentRecord> {
  const agent = await tx.findAgentBySpiffeId(spiffeId);
  if (agent === undefined) throw unknownAgent();
  return agent;
}

/** Writes the agent's next version. Changes of its keys are changes of the agent, so that two at once cannot both be made. */
export async function updateAgent(
  tx: AuthorityTransaction,
  before: AgentRecord,
  state: AgentState,
): Promise<AgentRecord> {
  const agent = { ...before, state, version: before.version + 1 };
  await tx.updateAgent(agent);
  return agent;
}

export function changeOf(
  time: number,
  event: Change['event'],
  agent: AgentRecord,
  by: Actor,
): Omit<Change, 'details'> {
  return { time, event, tenant: agent.tenant, by, subject: subjectOf(agent) };
}

/** Longest name of an agent in a target of a revocation, in UTF-16 code units (spec/revocation.md section 1). */
const MAX_TARGET_NAME = 256;

/** What revokes these keys of the agent: one key as a key, more as the agent's, as many at a time as an entry holds. */
export function revocationsOf(
  agent: AgentRecord,
  keys: readonly KeyRecord[],
): readonly RevocationTarget[] {
  const [only] = keys;
  return keys.length === 1 && only !== undefined
    ? [{ kind: 'key', key: only.thumbprint }]
    : agentTargets(agent, keys);
}

function agentTargets(
  { spiffeId }: AgentRecord,
  keys: readonly KeyRecord[],
): readonly RevocationTarget[] {
  const newest = keys.toSorted((a, b) => b.addedAt - a.addedAt).map((key) => key.thumbprint);
  // A longer name stands in no entry.
  if (spiffeId.length > MAX_TARGET_NAME) return newest.map((key) => ({ kind: 'key', key }));
  const targets: RevocationTarget[] = [];
  for (let from = 0; from < newest.length; from += MAX_AGENT_KEYS) {
    const some = newest.slice(from, from + MAX_AGENT_KEYS).sort();
    targets.push({ kind: 'agent', agent: spiffeId, keys: some });
  }
  return targets;
}

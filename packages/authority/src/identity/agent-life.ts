import type { RevocationTarget } from '@taper/core';
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

/** An agent that was taken out of service, and what has to be revoked so that enforcement points know. */
export interface AgentRevocation {
  readonly agent: AgentRecord;
  readonly revocation: RevocationTarget;
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
    const revocation = agentTarget(before, keys);
    if (before.state === 'retired') return { agent: before, revocation };
    const agent = await updateAgent(tx, before, 'retired');
    for (const key of keys) {
      if (key.state !== 'current' && key.state !== 'overlapping') continue;
      await tx.updateKey({ ...key, state: 'former', endsAt: Math.min(now, key.endsAt ?? now) });
    }
    await logChange(tx, { ...changeOf(now, 'agent.retired', agent, request.by), details: {} });
    return { agent, revocation };
  });
}

export interface CompromiseRequest {
  /** RFC 7638 thumbprint of a key of an agent. */
  readonly key: string;
  readonly by: Actor;
}

/**
 * Marks a key as compromised: it is not accepted from now on, and what it did is to be revoked whole. An agent whose current key it was has none
 * until the operator rotates it. For a key that is marked it answers the same again.
 * @throws {AuthorityRefusal} `agent_unknown` where no agent has or had it.
 */
export async function markCompromised(
  context: IdentityContext,
  request: CompromiseRequest,
): Promise<AgentRevocation> {
  const now = context.clock();
  const revocation: RevocationTarget = { kind: 'key', key: request.key };
  return await changeStore(context.store, async (tx) => {
    const key = await tx.findKey(request.key);
    const before = key?.purpose === 'agent' ? await tx.findAgent(key.holder) : undefined;
    if (key === undefined || before === undefined) throw unknownAgent();
    if (key.state === 'compromised') return { agent: before, revocation };
    const agent = await updateAgent(tx, before, before.state);
    await tx.updateKey({ ...key, state: 'compromised', endsAt: Math.min(now, key.endsAt ?? now) });
    await logChange(tx, {
      ...changeOf(now, 'key.compromised', agent, request.by),
      details: { key: key.thumbprint },
    });
    return { agent, revocation };
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

function agentTarget({ spiffeId }: AgentRecord, keys: readonly KeyRecord[]): RevocationTarget {
  return { kind: 'agent', agent: spiffeId, keys: keys.map((key) => key.thumbprint).sort() };
}

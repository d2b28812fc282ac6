import type { PublicKey } from '@taper/core';
import type { AgentRecord, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import {
  addKey,
  agentExists,
  replaceKey,
  requireActive,
  requireRoomForKey,
  timeAfter,
} from './agent-key.ts';
import { changeOf, updateAgent } from './agent-life.ts';
import { keyDetails, logChange } from './change.ts';
import { isAgentOfWorkload, type WorkloadIdentity, workloadDetails } from './workload.ts';

/**
 * Gives an agent the key that its workload came back with, where the operator lets it. The token proves the workload and not the former key, so
 * there is no rotation statement: what is bound to the former key ends with it. What was compromised waits for the operator, who alone knows
 * whether the workload is in wrong hands too.
 * @throws {AuthorityRefusal} `agent_exists` for an agent that was not admitted as this workload; `agent_suspended`, `agent_retired`;
 * `key_not_current` for one whose key was compromised; `agent_state_invalid` for one that has had too many; `key_in_use`.
 */
export async function returnWorkload(
  tx: AuthorityTransaction,
  before: AgentRecord,
  workload: WorkloadIdentity,
  key: PublicKey,
  now: number,
): Promise<AgentRecord> {
  const { returning, subject } = workload;
  if (returning === undefined || !(await isAgentOfWorkload(tx, before.id, workload)))
    throw agentExists();
  requireActive(before);
  const keys = await tx.listKeys('agent', before.id);
  const old = keys.find(({ state }) => state === 'current');
  if (old === undefined) {
    throw new AuthorityRefusal('key_not_current', 'The key of the agent was compromised.', {
      facts: { state: 'compromised' },
      hint: 'The operator gives the agent a new key first, when the workload is to be trusted again.',
    });
  }
  requireRoomForKey(keys);
  const time = timeAfter(old, now);
  const oldUntil = time + returning.overlap;
  await addKey(tx, before, key, time, undefined);
  await replaceKey(tx, old, time, oldUntil);
  const agent = await updateAgent(tx, before, before.state);
  await logChange(tx, {
    ...changeOf(time, 'agent.key_rotated', agent, { kind: 'workload', id: subject }),
    details: {
      ...keyDetails(key),
      ...workloadDetails(workload),
      old: old.thumbprint,
      old_until: oldUntil,
    },
  });
  return agent;
}

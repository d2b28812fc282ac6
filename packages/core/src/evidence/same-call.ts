import type { AuditEvent } from '../audit-event/event.ts';

/** Whether an outcome is of the call that was decided. */
export function isSameCall(decision: AuditEvent, outcome: AuditEvent): boolean {
  return decision.tool === outcome.tool && areSameChains(decision, outcome);
}

/** All that events say of who acts, and by what right. */
export function areSameChains(one: AuditEvent, other: AuditEvent): boolean {
  const ones = [one, ...(one.joined_chains ?? [])];
  const others = [other, ...(other.joined_chains ?? [])];
  return (
    ones.length === others.length && ones.every((each, index) => isSameChain(each, others[index]))
  );
}

type DescribedChain = Pick<
  AuditEvent,
  'agent_id' | 'delegated_by' | 'delegation_chain' | 'token_hashes'
>;

function isSameChain(one: DescribedChain, other: DescribedChain = {}): boolean {
  return (
    one.agent_id === other.agent_id &&
    one.delegated_by === other.delegated_by &&
    isSame(one.delegation_chain ?? [], other.delegation_chain ?? []) &&
    isSame(one.token_hashes ?? [], other.token_hashes ?? [])
  );
}

/** Whether two lists of texts are equal, in order. */
export function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index]);
}

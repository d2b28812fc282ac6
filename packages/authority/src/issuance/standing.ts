import type { GrantSet } from '../grant/grant.ts';
import { reopenGrantSet } from '../grant/read-grant-set.ts';
import { requireAgentOfKey, unknownAgent } from '../identity/agent-key.ts';
import type {
  AgentRecord,
  AuthorityStore,
  AuthorityTransaction,
  GrantHead,
  KeyRecord,
} from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { RootRequest } from './request.ts';

/** Who asks, and under which grants: as read together. */
export interface Standing {
  readonly agent: AgentRecord;
  readonly key: KeyRecord;
  /** `undefined` where nothing was ever applied. */
  readonly grants: GrantHead | undefined;
}

/** @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`, `key_not_current`. */
export async function readStanding(
  tx: AuthorityTransaction,
  { agent: id, holder }: Pick<RootRequest, 'agent' | 'holder'>,
  now: number,
): Promise<Standing> {
  const [{ agent, key }, grants] = await Promise.all([
    requireAgentOfKey(tx, holder.thumbprint, now),
    tx.currentGrantHead(),
  ]);
  if (agent.id !== id) throw unknownAgent();
  return { agent, key, grants };
}

/** Whether a root that rests on the one may be recorded under the other. It ends with its key: one whose end was set meanwhile would have a root that outlives it. */
export function isSameStanding(before: Standing, now: Standing): boolean {
  return (
    before.agent.id === now.agent.id &&
    before.key.endsAt === now.key.endsAt &&
    isSameHead(before.grants, now.grants)
  );
}

/** Grants of a version. @throws {AuthorityRefusal} `unavailable` where they are damaged. */
export type GrantReader = (head: GrantHead) => Promise<GrantSet>;

/** Keeps the grants that were asked for last: until others are applied, every issuance asks for the same. */
export function createGrantReader(store: AuthorityStore): GrantReader {
  let last: { readonly head: GrantHead; readonly set: GrantSet } | undefined;
  return async (head) => {
    const kept = last;
    if (kept !== undefined && isSameHead(kept.head, head)) return kept.set;
    const found = await store.read((tx) => tx.findGrantSet(head.version));
    if (found === undefined || !isSameHead(found, head))
      throw new AuthorityRefusal('unavailable', 'The grants changed while they were read.');
    const set = reopenGrantSet(found.document);
    last = { head, set };
    return set;
  };
}

/** A database that was set back gives a number again, and not at the same time. */
function isSameHead(one: GrantHead | undefined, other: GrantHead | undefined): boolean {
  return one?.version === other?.version && one?.appliedAt === other?.appliedAt;
}

import { writeAuthorityEntryBody } from '@taper/core';
import type { Actor } from '../identity/change.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import type { AuthorityStore, PeerRuleRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';

/** An agent on a tenant's list. */
export interface PeerRequest {
  readonly tenant: string;
  /** SPIFFE ID; of this authority's agents or of another's. */
  readonly agent: string;
  /** Why, for whoever reads the list later: 1 to 500 characters. */
  readonly reason: string;
  readonly by: Actor;
}

/** Whom the agents of a tenant may deal with. Each change is in the authority's log, so that every enforcement point that follows it knows. */
export interface Peers {
  /** @throws {AuthorityRefusal} `request_malformed`. */
  allow(request: PeerRequest): Promise<PeerRuleRecord>;
  /** A block counts more than being allowed: it takes that away. @throws {AuthorityRefusal} `request_malformed`. */
  block(request: PeerRequest): Promise<PeerRuleRecord>;
  /** Takes an agent off the list. @throws {AuthorityRefusal} `peer_unknown` where it is not on it. */
  remove(request: Omit<PeerRequest, 'reason'>): Promise<void>;
  list(tenant: string): Promise<readonly PeerRuleRecord[]>;
}

const MAX_REASON = 500;

export function createPeers({
  store,
  clock,
}: {
  readonly store: AuthorityStore;
  /** Seconds since the epoch. */
  readonly clock: () => number;
}): Peers {
  async function put(
    { tenant, agent, reason, by }: PeerRequest,
    rule: PeerRuleRecord['rule'],
  ): Promise<PeerRuleRecord> {
    requireAgentId(agent);
    if (!isReason(reason)) {
      throw new AuthorityRefusal(
        'request_malformed',
        `The reason is 1 to ${MAX_REASON} characters, and none of them a control character.`,
      );
    }
    const time = clock();
    const record: PeerRuleRecord = { tenant, agent, rule, reason, addedAt: time };
    const body = writeAuthorityEntryBody({
      time,
      event: rule === 'allow' ? 'peer.allowed' : 'peer.blocked',
      tenant,
      by,
      subject: { spiffe_id: agent },
      details: { reason },
    });
    await store.transaction(async (tx) => {
      await tx.putPeerRule(record);
      await tx.appendEntry(body);
    });
    return record;
  }

  return Object.freeze<Peers>({
    allow: (request) => put(request, 'allow'),
    block: (request) => put(request, 'block'),
    async remove({ tenant, agent, by }) {
      requireAgentId(agent);
      const body = writeAuthorityEntryBody({
        time: clock(),
        event: 'peer.removed',
        tenant,
        by,
        subject: { spiffe_id: agent },
        details: {},
      });
      await store.transaction(async (tx) => {
        const rules = await tx.listPeerRules(tenant);
        if (!rules.some((rule) => rule.agent === agent)) {
          throw new AuthorityRefusal('peer_unknown', 'The agent is on no list of the tenant.');
        }
        await tx.removePeerRule(tenant, agent);
        await tx.appendEntry(body);
      });
    },
    list: (tenant) => store.read((tx) => tx.listPeerRules(tenant)),
  });
}

/** An agent of whatever trust domain: a name with a path, since a trust domain by itself is no agent. */
function requireAgentId(agent: string): void {
  const id = readSpiffeId(agent);
  if (typeof id === 'string' || id.segments.length === 0) {
    throw new AuthorityRefusal('request_malformed', 'The agent is named by its SPIFFE ID.', {
      facts: { problem: typeof id === 'string' ? id : 'path_missing' },
    });
  }
}

function isReason(reason: unknown): boolean {
  return (
    typeof reason === 'string' &&
    reason.length >= 1 &&
    reason.length <= MAX_REASON &&
    reason.isWellFormed() &&
    !/\p{Cc}/u.test(reason)
  );
}

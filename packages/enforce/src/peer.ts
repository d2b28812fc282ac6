import { type Denial, denial, isPublicKey, type PublicKey, requireKnownOptions } from '@taper/core';
import { refusalOf, staleness } from './judge/agents.ts';
import type { AgentDirectory, AgentRules } from './port/agent-directory.ts';

/** What an identity document says, once it was verified: structurally what `verifyIdentityDocument` of `@taper/authority/identity` gives. */
export interface IdentifiedPeer {
  readonly spiffeId: string;
  readonly key: PublicKey;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

export interface MeetPeerOptions {
  /** The other agent's identity document, as it came. */
  readonly document: string;
  /** Verifies it, by the keys of its issuer. What it throws refuses the peer. */
  readonly identify: (document: string, now: number) => IdentifiedPeer;
  readonly directory: AgentDirectory;
  /** Whose lists count: the tenant of the agent that asks. */
  readonly tenant: string;
  /** Whom it deals with. */
  readonly peers: Exclude<AgentRules['callers'], 'any'>;
  /** Seconds by which the directory may lag behind. Default 60. */
  readonly maxStaleness?: number;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** An agent that may be dealt with. To know that it is the other side is for the handshake, with this key. */
export interface MetPeer {
  readonly id: string;
  readonly key: PublicKey;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

const OPTIONS: readonly (keyof MeetPeerOptions)[] = [
  'document',
  'identify',
  'directory',
  'tenant',
  'peers',
  'maxStaleness',
  'now',
];

/**
 * Whether an agent that shows this identity document may be dealt with: the document verifies, the authority's log has this key as that
 * agent's, the agent is active, and the tenant has not blocked it. Before a session is opened with it ({@link initiateSession}), with the key
 * that comes back.
 *
 * @returns the peer; or `agent_unknown`, `agent_not_active`, `agent_blocked`, `agent_not_allowed`, `agents_unavailable`. Never rejects but for
 * {TaperError} `option_invalid`.
 */
export async function meetPeer(options: MeetPeerOptions): Promise<MetPeer | Denial> {
  requireKnownOptions(options, OPTIONS);
  const { document, identify, directory, tenant, peers, maxStaleness = 60, now } = options;
  try {
    const { spiffeId, key, expiresAt } = identify(document, now);
    if (!isPublicKey(key) || !(now < expiresAt)) return denial('agent_unknown');
    const answer = await directory.find(key.thumbprint, tenant, now);
    const late = staleness(answer, now, maxStaleness);
    if (late !== undefined) return late;
    const cause = refusalOf(answer, peers === 'allowed' ? 'allowed' : 'enrolled');
    if (cause !== undefined) return denial(cause);
    // A document can be true, and another agent's key.
    if (answer.verdict !== 'known' || answer.agent.id !== spiffeId) return denial('agent_unknown');
    return Object.freeze({ id: spiffeId, key, expiresAt });
  } catch {
    return denial('agent_unknown');
  }
}

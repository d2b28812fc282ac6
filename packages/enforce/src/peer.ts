import { type Denial, denial, isPublicKey, type PublicKey, requireKnownOptions } from '@taper/core';
import { readAnswer, refusalOf, staleness } from './judge/agents.ts';
import { ask, type Patience } from './judge/ask.ts';
import { refusalOfKey } from './judge/revocation.ts';
import type { AgentDirectory, AgentRules } from './port/agent-directory.ts';
import type { RevocationView } from './port/revocation-view.ts';

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
  /** Knows which keys were revoked or replaced: a document goes on to its end, whatever becomes of its key. */
  readonly revocation: RevocationView;
  /** Whose lists count: the tenant of the agent that asks. */
  readonly tenant: string;
  /** Whom it deals with. */
  readonly peers: Exclude<AgentRules['callers'], 'any'>;
  /** Seconds by which directory and view may lag behind. Default 60. */
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
  'revocation',
  'tenant',
  'peers',
  'maxStaleness',
  'now',
];

/** Nobody is told of a port that fails: the peer is refused. */
const PATIENCE: Patience = { milliseconds: 5000, failed: () => undefined };

/**
 * Whether an agent that shows this identity document may be dealt with: the document verifies, the authority's log has this key as that
 * agent's, neither revoked nor replaced, the agent is active, and the tenant has not blocked it. Before a session is opened with it
 * ({@link initiateSession}), with the key that comes back.
 *
 * @returns the peer; or `agent_unknown`, `agent_not_active`, `agent_blocked`, `agent_not_allowed`, `agents_unavailable`, `revoked`, `key_rotated`,
 * `revocation_unavailable`, `revocation_stale`. Never rejects but for {TaperError} `option_invalid`.
 */
export async function meetPeer(options: MeetPeerOptions): Promise<MetPeer | Denial> {
  requireKnownOptions(options, OPTIONS);
  const { document, identify, directory, revocation, tenant, peers, now } = options;
  const { maxStaleness = 60 } = options;
  try {
    const { spiffeId, key, expiresAt } = identify(document, now);
    if (!isPublicKey(key) || !(now < expiresAt)) return denial('agent_unknown');
    const { thumbprint } = key;
    const answer = await ask(() => directory.find(thumbprint, tenant, now), readAnswer, PATIENCE);
    const late = staleness(answer, now, maxStaleness);
    if (late !== undefined || answer === undefined) return late ?? denial('agents_unavailable');
    const cause = refusalOf(answer, peers === 'allowed' ? 'allowed' : 'enrolled');
    if (cause !== undefined) return denial(cause);
    // A document can be true, and another agent's key.
    if (answer.verdict !== 'known' || answer.agent.id !== spiffeId) return denial('agent_unknown');
    const settings = { view: revocation, maxStaleness, patience: PATIENCE };
    const lost = await refusalOfKey(thumbprint, now, settings);
    return lost ?? Object.freeze({ id: spiffeId, key, expiresAt });
  } catch {
    return denial('agent_unknown');
  }
}

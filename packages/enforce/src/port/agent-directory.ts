/** What is known of an agent beside its key. */
export interface DirectoryAgent {
  /** Its SPIFFE ID. */
  readonly id: string;
  /** Only an active agent may call. */
  readonly state: 'active' | 'suspended' | 'retired';
}

/** What the tenant of the enforcement point says of an agent: `unlisted` where its lists do not name it. */
export type PeerStanding = 'allowed' | 'blocked' | 'unlisted';

export type DirectoryAnswer =
  | {
      readonly verdict: 'known';
      readonly agent: DirectoryAgent;
      readonly standing: PeerStanding;
      /** Seconds since the epoch up to which the directory knows every change. */
      readonly asOf: number;
    }
  | {
      /** No agent was ever enrolled with this key, which is usual for one that an agent made for a part of its own task. */
      readonly verdict: 'unknown';
      readonly asOf: number;
    };

/**
 * Knows agents by their keys, and their present state. A port; it is asked on every call about every holder on the chain, and answers from
 * memory wherever it can.
 *
 * - An agent that was suspended or retired, and one that was blocked, is never answered as active or allowed as of a later time, unless
 *   that was taken back.
 * - A key that was ever enrolled is answered as its agent, also after it was replaced.
 * - `asOf` never runs ahead of what the directory really knows.
 * - An exception, a late or an unknown answer refuses the call with `agents_unavailable`.
 */
export interface AgentDirectory {
  /**
   * @param key RFC 7638 thumbprint.
   * @param tenant whose lists count; `undefined` where the enforcement point has no tenant, and then `unlisted` is the answer.
   */
  find(
    key: string,
    tenant: string | undefined,
    now: number,
  ): DirectoryAnswer | Promise<DirectoryAnswer>;
}

/** Whom an enforcement point lets call, as far as agents are known. */
export interface AgentRules {
  readonly directory: AgentDirectory;
  /**
   * Who may call: `any` (also agents that were never enrolled, such as one that an agent made for a part of its task), `enrolled`, or
   * `allowed` (only those on the tenant's allow list). Whatever it is, no holder on the chain may be suspended, retired or blocked.
   */
  readonly callers: 'any' | 'enrolled' | 'allowed';
  /** Seconds by which the directory may lag behind. Default 60. */
  readonly maxStaleness?: number;
  /** What policies see as the trust in the calling agent. Default: they see none. */
  readonly trust?: TrustSource;
}

/** As {@link AgentRules}, with what was left out. */
export type CompleteAgentRules = Required<Omit<AgentRules, 'trust'>> & Pick<AgentRules, 'trust'>;

/** Says how well an agent has behaved. A port; an exception or a number that is no integer from 0 to 100 is seen as none. */
export interface TrustSource {
  /**
   * @param agent SPIFFE ID where the agent is known, else the thumbprint of its key.
   * @param now seconds since the epoch.
   * @returns 0 to 100; `undefined` where nothing is known of it.
   */
  score(agent: string, now: number): number | undefined;
}

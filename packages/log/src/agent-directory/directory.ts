import type { AgentRegister, PeerRule, RegisteredAgent } from './register.ts';

/** What a directory says of the holder of a key: structurally the answer of enforce's `AgentDirectory`. */
export type DirectoryAnswer =
  | {
      readonly verdict: 'known';
      readonly agent: Pick<RegisteredAgent, 'id' | 'state'>;
      readonly standing: 'allowed' | 'blocked' | 'unlisted';
      readonly asOf: number;
    }
  | { readonly verdict: 'unknown'; readonly asOf: number };

/** Agents by their keys, as far as a follower has come in the authority's log: structurally enforce's `AgentDirectory`. */
export interface AgentDirectory {
  find(key: string, tenant: string | undefined, now: number): DirectoryAnswer;
  /** The SPIFFE ID of the agent that holds a key, or held it. */
  agentOf(key: string): string | undefined;
}

const STANDING: Readonly<Record<PeerRule, 'allowed' | 'blocked'>> = {
  allow: 'allowed',
  block: 'blocked',
};

/** @param asOf seconds since the epoch up to which the register is complete; 0 while it is not. */
export function createAgentDirectory(register: AgentRegister, asOf: () => number): AgentDirectory {
  return Object.freeze<AgentDirectory>({
    find(key, tenant) {
      const agent = register.agentOfKey(key);
      if (agent === undefined) return { verdict: 'unknown', asOf: asOf() };
      const rule = tenant === undefined ? undefined : register.rule(tenant, agent.id);
      const { id, state } = agent;
      const standing = rule === undefined ? 'unlisted' : STANDING[rule];
      return { verdict: 'known', agent: { id, state }, standing, asOf: asOf() };
    },
    agentOf: (key) => register.agentOfKey(key)?.id,
  });
}

import type { PublicKey } from '@taper/core';
import {
  type AgentRegister,
  createAgentRegister,
  DIRECTORY_EVENTS,
} from '../agent-directory/register.ts';
import { restoreDirectory } from '../agent-directory/snapshot.ts';
import type { FollowedLogOptions } from './followed-log.ts';
import type { FollowerProblem } from './problem.ts';
import type { RevocationSource } from './source.ts';

export interface FollowedAgentsOptions {
  readonly source: RevocationSource;
  /** Origin of the log. */
  readonly log: string;
  readonly authority: readonly PublicKey[];
  /** Index of the first entry that the follower reads. */
  readonly from: number;
  readonly report: (problem: Omit<FollowerProblem, 'log'>) => void;
}

/** The agents of a log that is followed. */
export interface FollowedAgents {
  readonly register: AgentRegister;
  /** Whether it holds all agents of the log up to where the follower is. */
  readonly isComplete: boolean;
  /** Whether every entry of the log up to where the follower is was read, or is covered by a directory. */
  readonly isCovered: boolean;
  readonly statements: NonNullable<FollowedLogOptions['statements']>;
  /** Says that the follower left out all entries before this one. */
  beginAt(size: number): void;
  /** Where entries were left out, asks for a directory that covers them. Never rejects. */
  complete(signal: AbortSignal): Promise<void>;
}

export function createFollowedAgents(options: FollowedAgentsOptions): FollowedAgents {
  const { source, log, authority, report } = options;
  const register = createAgentRegister();
  /** Entries before this one were never read. */
  let missing = options.from;
  /** An entry of the authority that nobody here understands: who is suspended cannot be known any more. */
  let isBroken = false;
  return Object.freeze<FollowedAgents>({
    register,
    get isComplete() {
      return missing === 0 && !isBroken;
    },
    get isCovered() {
      return missing === 0;
    },
    statements: {
      events: DIRECTORY_EVENTS,
      take(statement, index) {
        if (register.apply(statement) || isBroken) return;
        isBroken = true;
        report({ code: 'authority_entry_malformed', index });
      },
    },
    beginAt(size) {
      missing = Math.max(missing, size);
    },
    async complete(signal) {
      if (missing === 0) return;
      try {
        const lines = source.agents?.(missing, signal);
        const isTaken =
          lines !== undefined &&
          (await restoreDirectory(register, lines, { log, authority }, missing));
        if (isTaken) missing = 0;
        else report({ code: 'agents_invalid' });
      } catch (cause) {
        if (!signal.aborted) report({ code: 'source_unavailable', cause });
      }
    },
  });
}

import { generateKeyPairSync } from 'node:crypto';
import {
  createSigner,
  createVerifier,
  derive,
  type Signer,
  type ToolMap,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { type Outcome, orRefused } from './calls.ts';
import { hijacked } from './hijacked.ts';
import { createMembership, type Membership, orRefusedThere } from './membership.ts';
import { newId, tokensOf } from './orchestrator.ts';
import { type AuthorityAddress, trustOf } from './trust.ts';

// What both agents have in common. Each is a process of its own; its private key is made here and never leaves.

export interface EnrolDetail {
  readonly authority: AuthorityAddress;
  /** Good once, for this agent. */
  readonly token: string;
}

export interface TaskDetail {
  /** The server to work with. */
  readonly server: string;
  /** The agent's authority: tokens, root first. */
  readonly chain: readonly string[];
  readonly authority: AuthorityAddress;
}

interface Task {
  readonly server: string;
  readonly chain: VerifiedChain;
}

export interface Agent {
  readonly signer: Signer;
  /** What it works on. @throws before it has been given a task. */
  tasked(): Task;
  /** Questions that every agent answers. */
  readonly answers: Readonly<Record<string, (detail: never) => unknown>>;
}

export function createAgent(): Agent {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signer = createSigner(privateKey.export({ format: 'jwk' }));
  let task: Task | undefined;
  let membership: Membership | undefined;
  function tasked(): Task {
    if (task === undefined) throw new Error('This agent has no task.');
    return task;
  }
  return {
    signer,
    tasked,
    answers: {
      key: () => publicKey.export({ format: 'jwk' }),

      /** Makes its key the key of an agent. The answer is the agent's name. */
      enrol({ authority, token }: EnrolDetail): Promise<string> {
        membership = createMembership(authority, signer);
        return membership.enrol(token);
      },

      /** Asks the authority for tools of its own. */
      askFor: (tools: ToolMap): Promise<Outcome> =>
        orRefusedThere(async () => membership?.request({ tools })),

      /** Takes a task, once it has checked the chain that came with it. */
      task({ server, chain, authority }: TaskDetail): void {
        const verifier = createVerifier({ anchors: trustOf(authority).anchors, profile: {} });
        const verdict = verifier.verifyChain(chain, systemClock.now());
        if (verdict.verdict === 'deny')
          throw new Error(`The agent does not take this chain: ${verdict.denial.code}.`);
        task = { server, chain: verdict.chain };
      },

      /** Hands on authority to a helper of its own. */
      delegate: ({ tools }: { tools: ToolMap }): Promise<Outcome> =>
        orRefused(async () => {
          const holder = signer.publicKey;
          const now = systemClock.now();
          await derive(tasked().chain, { signer, holder, tools, now, id: newId() });
          return { code: 'permitted' };
        }),

      // What it does once somebody has talked it into working for them.
      ...hijacked(() => {
        const { server, chain } = tasked();
        return { key: privateKey, server, chain: tokensOf(chain) };
      }),
    },
  };
}

import {
  type CaveatsInit,
  constraint as c,
  createSigner,
  derive,
  generateKeyPair,
  type JsonObject,
  type PublicKey,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { createPresenter, definitionsOf } from '@taper/mcp';
import { connect } from './calls.ts';
import { createMembership, type Membership } from './membership.ts';
import type { AuthorityAddress } from './trust.ts';

/** The shop, and another business at the same authority. */
export const SHOP = 'shop.example';
export const NEIGHBOUR = 'bakery.example';
export const REASONS = ['goods returned', 'damaged on arrival'] as const;

/** Money as decimal text: no floating-point number on the way. */
export const euro = (min: string, max: string): JsonObject => c.decimal({ min, max, scale: 2 });

/** A part of one's authority, for somebody else. */
export interface Slice {
  readonly tools: ToolMap;
  /** The only servers at which it is good. */
  readonly audience: string | readonly string[];
  /** Seconds. */
  readonly lifetime: number;
  /** 2 lets the holder hand it on once more. */
  readonly maxDepth?: number;
  readonly caveats?: CaveatsInit;
}

/** An agent that hands its authority on, in parts. Knows the public keys of its agents and no other. */
export interface Orchestrator extends Membership {
  readonly key: PublicKey;
  /** A caveat that holds the MCP server to a tool's definition as it is now. */
  lookAt(chain: VerifiedChain, server: string, tool: string): Promise<CaveatsInit>;
  /** Derives a token, offline. */
  handOn(parent: VerifiedChain, holder: PublicKey, slice: Slice): Promise<VerifiedChain>;
}

export function createOrchestrator(authority: AuthorityAddress): Orchestrator {
  const { privateJwk, publicKey } = generateKeyPair();
  const signer = createSigner(privateJwk);
  return {
    ...createMembership(authority, signer),
    key: publicKey,
    async lookAt(chain, server, tool) {
      const client = await connect(server);
      try {
        const presenter = createPresenter({ chain, signer, audience: server });
        return { definitions: definitionsOf(await presenter.listTools(client), [tool]) };
      } finally {
        await client.close();
      }
    },
    handOn: (parent, holder, slice) =>
      derive(parent, { signer, holder, now: systemClock.now(), id: newId(), ...slice }),
  };
}

/** The tokens of a chain as they travel, root first. */
export function tokensOf(chain: VerifiedChain): readonly string[] {
  return chain.tokens.map(({ compact }) => compact);
}

export function newId(): string {
  return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

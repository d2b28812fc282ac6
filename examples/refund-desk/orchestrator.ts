import {
  type CaveatsInit,
  constraint as c,
  createSigner,
  derive,
  generateKeyPair,
  issue,
  type JsonObject,
  type PublicJwk,
  type PublicKey,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { createPresenter, definitionsOf } from '@taper/mcp';
import { connect } from './calls.ts';

export const ISSUER = 'https://issuer.example';
/** The shop, and another business that trusts the same issuer. */
export const SHOP = 'shop.example';
export const NEIGHBOUR = 'bakery.example';
export const REASONS = ['goods returned', 'damaged on arrival'] as const;

/** Money as decimal text: no floating-point number on the way. */
export const euro = (min: string, max: string): JsonObject => c.decimal({ min, max, scale: 2 });

/** What the issuer grants for a shift. */
const SHIFT: ToolMap = {
  list_customers: {},
  customer_orders: { customer: c.wildcard() },
  refund_order: {
    order: c.wildcard(),
    amount: euro('0.01', '200.00'),
    reason: c.oneOf(...REASONS),
  },
};

/** A part of one's authority, for somebody else. */
export interface Slice {
  readonly tools: ToolMap;
  /** The only server at which it is good. */
  readonly audience: string;
  /** Seconds. */
  readonly lifetime: number;
  /** 2 lets the holder hand it on once more. */
  readonly maxDepth?: number;
  readonly caveats?: CaveatsInit;
}

/** Holds the authority of a shift and hands parts of it on. Knows the public keys of its agents and no other. */
export interface Orchestrator {
  readonly key: PublicKey;
  /** What a server must trust. */
  readonly issuerKey: PublicJwk;
  /** Names for keys, by thumbprint. */
  readonly names: Map<string, string>;
  /** Gets root tokens for servers: for this shift, and for the next, which ends later. */
  takeShift(
    servers: readonly string[],
  ): Promise<{ readonly now: VerifiedChain; readonly next: VerifiedChain }>;
  /** A caveat that holds the MCP server to a tool's definition as it is now. */
  lookAt(chain: VerifiedChain, server: string, tool: string): Promise<CaveatsInit>;
  /** Derives a token, offline. */
  handOn(parent: VerifiedChain, holder: PublicKey, slice: Slice): Promise<VerifiedChain>;
  /** What the issuer gives to an agent that works for another business, too. */
  hireOut(holder: PublicKey, tenant: string, server: string): Promise<VerifiedChain>;
}

export function createOrchestrator(): Orchestrator {
  // In a real shop the issuer is a service of its own; here its key is made for this one run.
  const issuer = generateKeyPair();
  const own = generateKeyPair();
  const issuerSigner = createSigner(issuer.privateJwk);
  const signer = createSigner(own.privateJwk);

  const issueRoot = (
    holder: PublicKey,
    tenant: string,
    audience: readonly string[],
    lifetime: number,
  ): Promise<VerifiedChain> =>
    issue({
      issuer: ISSUER,
      signer: issuerSigner,
      holder,
      tools: SHIFT,
      now: systemClock.now(),
      id: newId(),
      lifetime,
      maxDepth: 2,
      audience,
      caveats: { tenant },
    });

  return {
    key: own.publicKey,
    issuerKey: issuer.publicKey.jwk,
    names: new Map([
      [issuer.publicKey.thumbprint, 'issuer'],
      [own.publicKey.thumbprint, 'orchestrator'],
    ]),
    takeShift: async (servers) => ({
      now: await issueRoot(own.publicKey, SHOP, servers, 600),
      next: await issueRoot(own.publicKey, SHOP, servers, 1200),
    }),
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
    hireOut: (holder, tenant, server) => issueRoot(holder, tenant, [server], 600),
  };
}

/** The tokens of a chain as they travel, root first. */
export function tokensOf(chain: VerifiedChain): readonly string[] {
  return chain.tokens.map(({ compact }) => compact);
}

export function newId(): string {
  return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

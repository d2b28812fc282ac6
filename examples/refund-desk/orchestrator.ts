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
  requestRevocation,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { systemClock } from '@taper/enforce';
import { createPresenter, definitionsOf } from '@taper/mcp';
import { connect } from './calls.ts';
import type { RevocationLogAddress } from './revocation-log.ts';

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

/** Seconds for which a server may go without news of what is revoked. */
const MAX_STALENESS = 30;

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
    revocations: RevocationLogAddress,
  ): Promise<{ readonly now: VerifiedChain; readonly next: VerifiedChain }>;
  /** A caveat that holds the MCP server to a tool's definition as it is now. */
  lookAt(chain: VerifiedChain, server: string, tool: string): Promise<CaveatsInit>;
  /** Derives a token, offline. */
  handOn(parent: VerifiedChain, holder: PublicKey, slice: Slice): Promise<VerifiedChain>;
  /** What the issuer gives to an agent that works for another business, too. */
  hireOut(
    holder: PublicKey,
    tenant: string,
    server: string,
    revocations: RevocationLogAddress,
  ): Promise<VerifiedChain>;
  /** Takes back what it has handed on, with its own key. Resolves when that is published. */
  revoke(chain: VerifiedChain, revocations: RevocationLogAddress): Promise<void>;
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
    { origin: log, epoch }: RevocationLogAddress,
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
      caveats: { tenant, revocation: { log, epoch, max_staleness: MAX_STALENESS } },
    });

  return {
    key: own.publicKey,
    issuerKey: issuer.publicKey.jwk,
    names: new Map([
      [issuer.publicKey.thumbprint, 'issuer'],
      [own.publicKey.thumbprint, 'orchestrator'],
    ]),
    takeShift: async (servers, revocations) => ({
      now: await issueRoot(own.publicKey, SHOP, servers, 600, revocations),
      next: await issueRoot(own.publicKey, SHOP, servers, 1200, revocations),
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
    hireOut: (holder, tenant, server, revocations) =>
      issueRoot(holder, tenant, [server], 600, revocations),
    async revoke(chain, { url, origin }) {
      const [root] = chain.tokens;
      const body = await requestRevocation({
        log: origin,
        target: { kind: 'token', token: chain.leaf.hash, root: (root ?? chain.leaf).hash },
        reason: 'agent_compromised',
        chain: tokensOf(chain), // shows that it was this key that signed the token
        signer,
        now: systemClock.now(),
        id: newId(),
      });
      const headers = { 'Content-Type': 'application/jwt' };
      const address = `${url}/revocation/revocations`;
      const response = await fetch(address, { method: 'POST', headers, body }).catch((cause) => {
        throw new Error('The revocation log does not answer any more.', { cause });
      });
      if (response.status !== 201) throw new Error(`Nothing was revoked: ${await response.text()}`);
    },
  };
}

/** The tokens of a chain as they travel, root first. */
export function tokensOf(chain: VerifiedChain): readonly string[] {
  return chain.tokens.map(({ compact }) => compact);
}

export function newId(): string {
  return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

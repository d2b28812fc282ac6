import {
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

export const ISSUER = 'https://issuer.shop.example';
export const REASONS: readonly string[] = ['goods returned', 'damaged on arrival'];

export const anything: JsonObject = { constraint_type: 'wildcard' };
export const exactly = (value: string): JsonObject => ({ constraint_type: 'exact', value });
export const oneOf = (values: readonly string[]): JsonObject => ({
  constraint_type: 'one_of',
  values,
});
/** Money as decimal text: no floating-point number on the way. */
export const euro = (min: string, max: string): JsonObject => ({
  constraint_type: 'decimal',
  min,
  max,
  scale: 2,
});

/** What the issuer grants for a shift. */
const SHIFT: ToolMap = {
  list_customers: {},
  customer_orders: { customer: anything },
  refund_order: { order: anything, amount: euro('0.01', '200.00'), reason: oneOf(REASONS) },
};

/** Holds the authority of a shift and hands parts of it on. Knows the public keys of its agents and no other. */
export interface Orchestrator {
  /** What a server must trust. */
  readonly issuerKey: PublicJwk;
  /** Names for keys, by thumbprint. */
  readonly names: Map<string, string>;
  /** Gets root tokens for a server: for this shift, and for the next, which ends later. */
  takeShift(server: string): Promise<{ readonly now: VerifiedChain; readonly next: VerifiedChain }>;
  /** Derives a token for an agent, offline. `lifetime` in seconds; `maxDepth` 2 lets the agent hand it on once more. */
  handOn(
    parent: VerifiedChain,
    holder: PublicKey,
    tools: ToolMap,
    limits: { readonly lifetime: number; readonly maxDepth?: number },
  ): Promise<VerifiedChain>;
}

export function createOrchestrator(): Orchestrator {
  // In a real shop the issuer is a service of its own; here its key is made for this one run.
  const issuer = generateKeyPair();
  const own = generateKeyPair();
  const issuerSigner = createSigner(issuer.privateJwk);
  const signer = createSigner(own.privateJwk);

  const issueRoot = (server: string, lifetime: number): Promise<VerifiedChain> =>
    issue({
      issuer: ISSUER,
      signer: issuerSigner,
      holder: own.publicKey,
      tools: SHIFT,
      now: systemClock.now(),
      id: newId(),
      lifetime,
      maxDepth: 2,
      audience: server,
    });

  return {
    issuerKey: issuer.publicKey.jwk,
    names: new Map([
      [issuer.publicKey.thumbprint, "the shop's issuer"],
      [own.publicKey.thumbprint, 'orchestrator'],
    ]),
    takeShift: async (server) => ({
      now: await issueRoot(server, 600),
      next: await issueRoot(server, 1200),
    }),
    handOn: (parent, holder, tools, limits) =>
      derive(parent, { signer, holder, tools, now: systemClock.now(), id: newId(), ...limits }),
  };
}

/** The tokens of a chain as they travel, root first. */
export function tokensOf(chain: VerifiedChain): readonly string[] {
  return chain.tokens.map(({ compact }) => compact);
}

function newId(): string {
  return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  type CaveatsInit,
  createSigner,
  derive,
  importPublicKey,
  issue,
  type JsonObject,
  type Presentation,
  type PublicKey,
  prove,
  type Signer,
  type ToolMap,
  type TrustAnchor,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { AUDIENCE } from './desk.ts';

export const now = (): number => Math.floor(Date.now() / 1000);
export const newId = (): string => uuidV7(Date.now(), randomBytes(10));

/** A key made for one test run. The private key object is there for those who sign by hand. */
export interface Party {
  readonly publicKey: PublicKey;
  readonly signer: Signer;
  readonly privateKey: KeyObject;
}

export function createParty(): Party {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateJwk = privateKey.export({ format: 'jwk' });
  const { d: _, ...publicJwk } = privateJwk;
  const publicKey = importPublicKey(publicJwk);
  return { publicKey, signer: createSigner(privateJwk), privateKey };
}

export const ISSUER = 'https://issuer.example';
export const issuer: Party = createParty();
const orchestrator: Party = createParty();
export const agent: Party = createParty();
export const thief: Party = createParty();
export const anchors: readonly TrustAnchor[] = [{ issuer: ISSUER, key: issuer.publicKey }];

const exact = (value: string): JsonObject => ({ constraint_type: 'exact', value });

/** What the orchestrator may do: a little more than any agent. */
const ROOT_TOOLS: ToolMap = {
  refund: {},
  search: {},
  late: {},
  updated: {},
  coerced: {},
  trimmed: {},
  loose: {},
  bare: {},
  failing: {},
};

/** What the agent may do. */
const AGENT_TOOLS: ToolMap = {
  refund: { order: exact('A-1'), amount: exact('25.00') },
  search: {
    query: { constraint_type: 'wildcard' },
    limit: { constraint_type: 'range', max: 200, optional: true },
    filter: { constraint_type: 'wildcard', optional: true },
  },
  late: { order: exact('A-1') },
  updated: { order: exact('A-1') },
  coerced: { count: { constraint_type: 'wildcard' } },
  trimmed: { order: { constraint_type: 'wildcard' } },
  loose: {},
  bare: {},
  failing: {},
};

export interface ChainOptions {
  readonly tools?: ToolMap;
  /** What the orchestrator may do, where it differs from the usual. */
  readonly rootTools?: ToolMap;
  readonly caveats?: CaveatsInit;
  readonly holder?: Party;
  readonly root?: Party;
  readonly audience?: string;
  readonly at?: number;
  readonly lifetime?: number;
}

/** Root issuer → orchestrator → agent. */
export async function createChain(options: ChainOptions = {}): Promise<VerifiedChain> {
  const at = options.at ?? now();
  const lifetime = options.lifetime ?? 300;
  const root = await issue({
    issuer: ISSUER,
    signer: (options.root ?? issuer).signer,
    holder: orchestrator.publicKey,
    tools: options.rootTools ?? ROOT_TOOLS,
    now: at,
    id: newId(),
    lifetime,
    maxDepth: 2,
  });
  return derive(root, {
    signer: orchestrator.signer,
    holder: (options.holder ?? agent).publicKey,
    tools: options.tools ?? AGENT_TOOLS,
    now: at,
    id: newId(),
    ...(options.audience === undefined ? {} : { audience: options.audience }),
    ...(options.caveats === undefined ? {} : { caveats: options.caveats }),
  });
}

export interface ProofOptions {
  readonly audience?: string;
  readonly at?: number;
  readonly id?: string;
}

/** An honest presentation. */
export function present(
  chain: VerifiedChain,
  tool: string,
  args: JsonObject,
  options: ProofOptions = {},
): Promise<Presentation> {
  return prove(chain, {
    signer: agent.signer,
    tool,
    args,
    now: options.at ?? now(),
    id: options.id ?? newId(),
    audience: options.audience ?? AUDIENCE,
  });
}

/** A compact JWS over whatever one likes: attackers have their own code. */
export function signByHand(key: KeyObject, typ: string, payload: JsonObject | string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'Ed25519', typ })).toString('base64url');
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const input = `${header}.${Buffer.from(text).toString('base64url')}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

/** A proof with a true signature for a call that the token may well not allow. */
export function proofByHand(
  chain: VerifiedChain,
  key: KeyObject,
  tool: string,
  args: JsonObject,
  claims: JsonObject = {},
): Presentation {
  const compacts = chain.tokens.map((token) => token.compact);
  return {
    aat_chain: compacts,
    aat_pop: signByHand(key, 'aat-pop+jwt', {
      jti: newId(),
      iat: now(),
      aat_id: chain.leaf.claims.jti,
      aat_hash: chain.leaf.hash,
      aat_aud: AUDIENCE,
      aat_tool: tool,
      hta: args,
      ...claims,
    }),
  };
}

import { generateKeyPairSync, randomBytes } from 'node:crypto';
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
import { encodePresentation } from '@taper/http';

/** Who the enforcement point of the tests is. */
export const AUDIENCE = 'https://pay.example';

export const now = (): number => Math.floor(Date.now() / 1000);
const newId = (): string => uuidV7(Date.now(), randomBytes(10));

/** A key made for one test run. */
interface Party {
  readonly publicKey: PublicKey;
  readonly signer: Signer;
}

export function createParty(): Party {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const { d: _, ...publicJwk } = jwk;
  return { publicKey: importPublicKey(publicJwk), signer: createSigner(jwk) };
}

export const ISSUER = 'https://issuer.example';
export const issuer: Party = createParty();
const orchestrator = createParty();
export const agent: Party = createParty();
export const anchors: readonly TrustAnchor[] = [{ issuer: ISSUER, key: issuer.publicKey }];

const any: JsonObject = { constraint_type: 'wildcard' };
const maybe: JsonObject = { constraint_type: 'wildcard', optional: true };

/** What the agent may do. */
const AGENT_TOOLS: ToolMap = {
  refund: {
    id: any,
    amount: { constraint_type: 'exact', value: '25.00' },
    dry_run: maybe,
    note: maybe,
  },
  show_payment: { id: any },
  list_payments: { limit: maybe, after: maybe },
  replace_settings: { settings: any },
  delete_payment: { id: any },
  ping: {},
  fail: { how: any },
  lost: {},
};

interface ChainOptions {
  readonly tools?: ToolMap;
  readonly holder?: Party;
  readonly lifetime?: number;
  readonly caveats?: CaveatsInit;
}

/** Root issuer → orchestrator → agent. */
export async function createChain(options: ChainOptions = {}): Promise<VerifiedChain> {
  const { tools = AGENT_TOOLS, holder = agent, lifetime = 300 } = options;
  const root = await issue({
    issuer: ISSUER,
    signer: issuer.signer,
    holder: orchestrator.publicKey,
    tools: Object.fromEntries(Object.keys(AGENT_TOOLS).map((tool) => [tool, {}])),
    now: now(),
    id: newId(),
    lifetime,
    maxDepth: 2,
    ...(options.caveats === undefined ? {} : { caveats: options.caveats }),
  });
  return derive(root, {
    signer: orchestrator.signer,
    holder: holder.publicKey,
    tools,
    now: now(),
    id: newId(),
  });
}

/** An honest presentation for one call. */
export function present(
  chain: VerifiedChain,
  tool: string,
  args: JsonObject,
  { signer = agent.signer, audience = AUDIENCE } = {},
): Promise<Presentation> {
  return prove(chain, { signer, tool, args, now: now(), id: newId(), audience });
}

/** The value of the header for one call. */
export async function headerFor(
  chain: VerifiedChain,
  tool: string,
  args: JsonObject,
): Promise<string> {
  return encodePresentation(await present(chain, tool, args));
}

import {
  forge,
  type Part,
  proofHeader,
  TEST_TIME,
  type TestKey,
  takeApart,
  testKey,
  tokenHash,
  tokenHeader,
} from '@taper/testkit';
import {
  type ChainVerdict,
  createVerifier,
  type Decision,
  type JsonObject,
  type PublicKey,
  type TrustAnchor,
  type Verifier,
} from '../../src/index.ts';

export const NOW: number = TEST_TIME;
export const AUDIENCE = 'https://tools.example.com';
export const ISSUER = 'https://auth.example.com';

/** The trusted root issuer, honest agents, and somebody with keys and code of her own. */
export const issuer: TestKey = testKey('attack issuer');
export const alice: TestKey = testKey('attack alice');
export const bob: TestKey = testKey('attack bob');
export const carol: TestKey = testKey('attack carol', 'ES256');
export const mallory: TestKey = testKey('attack mallory');
export const anchors: readonly TrustAnchor[] = [{ issuer: ISSUER, key: issuer.publicKey }];

/** A token that nobody has judged, and who can use it. */
export interface Token {
  readonly compact: string;
  readonly holder: TestKey;
}

let serial = 0;

/** `undefined` in `claims` takes a claim out. */
export type Claims = { readonly [claim: string]: unknown };

export interface TokenOptions {
  readonly claims?: Claims;
  readonly header?: Part;
  /** Who signs, when it is not whoever should. */
  readonly signer?: TestKey;
  readonly holder?: TestKey;
}

export function rootToken(tools: unknown, options: TokenOptions = {}): Token {
  const { holder = alice, signer = issuer, claims } = options;
  const payload = payloadOf(holder, tools, 0, { iss: ISSUER, ...claims });
  const header = options.header ?? tokenHeader(signer);
  return { compact: forge({ header, payload, signature: signer }), holder };
}

export function childToken(parent: Token, tools: unknown, options: TokenOptions = {}): Token {
  const { holder = bob, signer = parent.holder, claims } = options;
  const above = JSON.parse(takeApart(parent.compact).payload) as { del_depth: number };
  const payload = payloadOf(holder, tools, above.del_depth + 1, {
    iss: parent.holder.publicKey.thumbprintUri,
    par_hash: tokenHash(parent.compact),
    ...claims,
  });
  const header = options.header ?? tokenHeader(signer);
  return { compact: forge({ header, payload, signature: signer }), holder };
}

/** A payload as JSON text: what an attacker writes need not be canonical. */
export function payloadOf(
  holder: { readonly publicKey: PublicKey },
  tools: unknown,
  depth: number,
  claims: Claims,
): string {
  serial += 1;
  return JSON.stringify({
    jti: `token-${serial}`,
    iat: NOW,
    exp: NOW + 3600,
    del_depth: depth,
    del_max_depth: 8,
    cnf: { jwk: holder.publicKey.jwk },
    authorization_details: [{ type: 'attenuating_agent_token', tools }],
    ...claims,
  });
}

export interface ProofOptions {
  readonly claims?: Claims;
  readonly header?: Part;
  readonly signer?: TestKey;
}

/** A proof for a call, with a true signature whatever the token says. */
export function proofOf(
  leaf: Token,
  tool: string,
  args: unknown,
  options: ProofOptions = {},
): string {
  const { signer = leaf.holder, claims } = options;
  const { jti } = JSON.parse(takeApart(leaf.compact).payload) as { jti: string };
  serial += 1;
  const payload = JSON.stringify({
    jti: `proof-${serial}`,
    iat: NOW,
    aat_id: jti,
    aat_hash: tokenHash(leaf.compact),
    aat_tool: tool,
    aat_aud: AUDIENCE,
    hta: args,
    ...claims,
  });
  return forge({ header: options.header ?? proofHeader(signer), payload, signature: signer });
}

export const verifier: Verifier = createVerifier({ anchors, audience: AUDIENCE });

export function verify(chain: readonly (Token | string)[], by: Verifier = verifier): ChainVerdict {
  const compacts = chain.map((token) => (typeof token === 'string' ? token : token.compact));
  return by.verifyChain(compacts, NOW);
}

/** The code of the refusal, or the verdict. */
export function outcome(verdict: ChainVerdict | Decision): string {
  return verdict.verdict === 'deny' ? verdict.denial.code : verdict.verdict;
}

/** Code and step of a refusal, or the verdict. */
export function place(verdict: ChainVerdict | Decision): string {
  if (verdict.verdict !== 'deny') return verdict.verdict;
  const { code, step, hop } = verdict.denial;
  return [code, step, hop].filter((part) => part !== undefined).join(' ');
}

export interface CallOptions {
  readonly proof?: string;
  readonly by?: Verifier;
  readonly now?: number;
}

/** What comes of a call under a chain, with an honest proof unless another is given. */
export function call(
  chain: readonly Token[],
  tool: string,
  args: unknown,
  options: CallOptions = {},
): Decision {
  const { proof, by = verifier } = options;
  const now = 'now' in options ? (options.now as number) : NOW;
  return by.authorize({
    presentation: {
      aat_chain: chain.map((token) => token.compact),
      aat_pop: proof ?? proofOf(chain.at(-1) as Token, tool, args),
    },
    tool,
    args: args as JsonObject,
    now,
  });
}

export const exact = (value: unknown): Claims => ({ constraint_type: 'exact', value });

/** What `await` takes for a promise. Made at run time, since the linter rightly wants no such thing. */
export function thenable(then: unknown): object {
  return Object.fromEntries([['then', then]]);
}

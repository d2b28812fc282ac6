import { type JsonObject, type JsonValue, parseJson, uuidV7 } from '@taper/core';
import { canonicalText } from './canonical-text.ts';
import { detailsOf, handOver, type IssuedToken } from './chain-generator.ts';
import { TEST_TIME } from './clock.ts';
import { type Forgery, forge, type Part, proofHeader, tokenHash, tokenHeader } from './forger.ts';
import { type TestKey, testKey } from './keys.ts';
import type { ToolMaps } from './narrowing.ts';

/** Claims to put in the place of others; those that are `undefined` are left out. */
export type ClaimChanges = Readonly<Record<string, unknown>>;

/** How a signed text departs from what an honest maker signs. */
export interface Departures {
  readonly claims?: ClaimChanges;
  readonly header?: Part;
  /** What is signed, made from the canonical text of the claims. */
  readonly payload?: (canonical: string) => Part;
  readonly signer?: TestKey;
  readonly signature?: Forgery['signature'];
  /** What is presented, made from what was signed. */
  readonly compact?: (compact: string) => string;
}

/** One token of a chain; what is not said is as an honest issuer or holder does it. */
export interface Hop extends Departures {
  /** Default: those of the token above. */
  readonly tools?: ToolMaps;
  readonly holder?: TestKey;
}

/** One call: a chain, root first, with its proof. The empty scenario is a root and one child, and is permitted. */
export interface Scenario {
  readonly hops?: readonly Hop[];
  readonly tool?: string;
  /** As an object, or as the very text. */
  readonly args?: JsonObject | string;
  readonly proof?: Departures;
  /** Seconds since the epoch. */
  readonly now?: number;
}

/** What a verifier is given. */
export interface Presented {
  readonly chain: readonly string[];
  readonly pop: string;
  readonly tool: string;
  readonly args_json: string;
  readonly now: number;
}

/** Who takes part, and under which names. */
export const CAST: {
  readonly audience: string;
  readonly anchors: readonly { readonly issuer: string; readonly key: TestKey }[];
  /** The holder of each hop. */
  readonly holders: readonly TestKey[];
  /** A holder with a P-256 key. */
  readonly es256: TestKey;
  /** Nobody's. */
  readonly mallory: TestKey;
} = {
  audience: 'https://tools.example.com',
  anchors: [
    { issuer: 'https://auth.example.com', key: testKey('issuer') },
    { issuer: 'https://auth.example.net', key: testKey('issuer', 'ES256') },
  ],
  holders: ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'].map(
    (name) => testKey(name),
  ),
  es256: testKey('paula', 'ES256'),
  mallory: testKey('mallory'),
};

/** The tools that a root grants unless said otherwise. */
export const TOOLS: ToolMaps = {
  read_file: {
    path: { constraint_type: 'one_of', values: ['/data/q3.pdf', '/data/q4.pdf'] },
  },
  search_index: {
    query: { constraint_type: 'wildcard' },
    limit: { constraint_type: 'range', max: 100 },
  },
};

/** Signs everything as the scenario says. The same scenario gives the same bytes. */
export function present(scenario: Scenario = {}): Presented {
  const { hops = [{}, {}], tool = 'read_file', now = TEST_TIME } = scenario;
  const { args = { path: '/data/q3.pdf' } } = scenario;
  const tokens: IssuedToken[] = [];
  for (const hop of hops) tokens.push(makeToken(hop, tokens.at(-1), tokens.length));
  return {
    chain: tokens.map(({ compact }) => compact),
    pop: makeProof(tokens.at(-1), tool, args, now, scenario.proof ?? {}),
    tool,
    args_json: typeof args === 'string' ? args : canonicalText(args),
    now,
  };
}

/** A UUIDv7 that depends on nothing but a number. */
export function testId(number: number): string {
  return uuidV7(TEST_TIME * 1000, new Uint8Array(10).fill(number));
}

function makeToken(hop: Hop, parent: IssuedToken | undefined, depth: number): IssuedToken {
  const holder = hop.holder ?? (CAST.holders[depth] as TestKey);
  const signer = hop.signer ?? parent?.holder ?? (CAST.anchors[0]?.key as TestKey);
  const honest =
    parent === undefined ? rootClaims(holder) : handOver(parent, holder, testId(depth));
  const tools = hop.tools === undefined ? {} : { authorization_details: detailsOf(hop.tools) };
  const payload = changed({ ...honest, ...tools }, hop.claims);
  const compact = sign(payload, tokenHeader(signer), signer, hop);
  return { compact, hash: tokenHash(compact), payload, signer, holder, parent };
}

function rootClaims(holder: TestKey): JsonObject {
  return {
    jti: testId(0),
    iss: CAST.anchors[0]?.issuer as string,
    iat: TEST_TIME - 300,
    exp: TEST_TIME + 3300,
    cnf: { jwk: holder.publicKey.jwk as unknown as JsonObject },
    del_depth: 0,
    del_max_depth: 3,
    authorization_details: detailsOf(TOOLS),
  };
}

function makeProof(
  leaf: IssuedToken | undefined,
  tool: string,
  args: JsonObject | string,
  now: number,
  proof: Departures,
): string {
  const signer = proof.signer ?? leaf?.holder ?? CAST.mallory;
  const honest = {
    jti: testId(255),
    iat: now,
    aat_id: (leaf?.payload['jti'] ?? '') as string,
    aat_hash: leaf?.hash ?? '',
    aat_tool: tool,
    aat_aud: CAST.audience,
    hta: typeof args === 'string' ? argumentsIn(args) : args,
  };
  return sign(changed(honest, proof.claims), proofHeader(signer), signer, proof);
}

/** What a holder would sign who sends this text; nothing where the text is no JSON. */
function argumentsIn(text: string): JsonValue {
  const parsed = parseJson(text);
  return parsed.ok ? parsed.value : {};
}

function sign(claims: JsonObject, header: Part, signer: TestKey, how: Departures): string {
  const compact = forge({
    header: how.header ?? header,
    payload: how.payload?.(canonicalText(claims)) ?? claims,
    signature: how.signature ?? signer,
  });
  return how.compact?.(compact) ?? compact;
}

function changed(claims: JsonObject, changes: ClaimChanges = {}): JsonObject {
  const entries = Object.entries({ ...claims, ...changes });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject;
}

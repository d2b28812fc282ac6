import type { JsonObject, JsonValue } from '@taper/core';
import { randomConstraint, sampleValue } from './constraint-generator.ts';
import { forge, headerFor, tokenHash } from './forger.ts';
import type { TestKey } from './keys.ts';
import { narrowTools, type ToolMaps } from './narrowing.ts';
import { type Call, toolsIn } from './oracle.ts';
import type { Random } from './random.ts';
import { anyValue, DOMAINS } from './value-generator.ts';

/** A token as its maker knows it. */
export interface IssuedToken {
  readonly compact: string;
  /** base64url SHA-256 of its signing input. */
  readonly hash: string;
  readonly payload: JsonObject;
  readonly signer: TestKey;
  readonly holder: TestKey;
  readonly parent: IssuedToken | undefined;
}

/** Signs a token over claims that are taken as they are; one with caveats is marked. */
export function issueToken(
  payload: JsonObject,
  signer: TestKey,
  holder: TestKey,
  parent?: IssuedToken,
): IssuedToken {
  const compact = forge({ header: headerFor(payload, signer), payload, signature: signer });
  return { compact, hash: tokenHash(compact), payload, signer, holder, parent };
}

/** From the root to the token. */
export function lineage(token: IssuedToken): IssuedToken[] {
  return [...(token.parent === undefined ? [] : lineage(token.parent)), token];
}

/** `authorization_details` with one AAT entry. */
export function detailsOf(tools: ToolMaps): JsonValue {
  return [{ type: 'attenuating_agent_token', tools: tools as unknown as JsonValue }];
}

/** The claims of a child that has exactly its parent's authority, and is one hop deeper. */
export function handOver(parent: IssuedToken, holder: TestKey, id: string): JsonObject {
  const { payload } = parent;
  return {
    jti: id,
    iss: parent.holder.publicKey.thumbprintUri,
    iat: payload['iat'] as number,
    exp: payload['exp'] as number,
    cnf: { jwk: holder.publicKey.jwk as unknown as JsonObject },
    del_depth: (payload['del_depth'] as number) + 1,
    del_max_depth: payload['del_max_depth'] as number,
    par_hash: parent.hash,
    authorization_details: payload['authorization_details'] as JsonValue,
  };
}

export interface ChainShape {
  readonly issuer: string;
  readonly issuerKey: TestKey;
  /** Holders are drawn from these. */
  readonly holders: readonly TestKey[];
  /** Hops after the root: the chain has one token more. */
  readonly depth: number;
  /** The chain is in force at this time, seconds since the epoch. */
  readonly now: number;
  /** Where it may be presented; tokens name it or nothing. */
  readonly audience: string;
  /** The caveats of the token at a depth; default none anywhere. */
  readonly caveats?: (depth: number) => JsonObject | undefined;
}

const TOOLS: readonly string[] = [
  'read_file',
  'https://tools.example.com/search',
  'pay',
  'Pay',
  'constructor',
  'fetch',
  'caf\u00e9',
];
const ARGUMENTS: readonly string[] = [
  'path',
  'query',
  'amount',
  'limit',
  'when',
  'to',
  'hasOwnProperty',
];

/** A random root that verifies. */
export function randomRoot(shape: ChainShape, random: Random): IssuedToken {
  const { issuer, issuerKey, now, depth, audience } = shape;
  const holder = random.pick(shape.holders);
  const tools = Object.fromEntries(
    random
      .shuffle(TOOLS)
      .slice(0, random.between(1, 3))
      .map((tool) => [tool, randomMap(random)]),
  );
  const entries = detailsOf(tools) as JsonValue[];
  if (random.chance(0.1)) entries.unshift({ type: 'payment', tools: { anything: {} } });
  const payload: JsonObject = {
    jti: `t-${random.u32()}`,
    iss: issuer,
    iat: now - random.between(0, 3600),
    exp: now + random.between(600, 86_400),
    cnf: { jwk: holder.publicKey.jwk as unknown as JsonObject },
    del_depth: 0,
    del_max_depth: random.between(depth, 8),
    authorization_details: entries,
    ...randomAudience(audience, random),
    ...caveatsAt(shape, 0),
  };
  return issueToken(payload, issuerKey, holder);
}

/** A random child that verifies and leaves room for `reserve` hops below it. */
export function randomChild(
  parent: IssuedToken,
  shape: ChainShape,
  reserve: number,
  random: Random,
): IssuedToken {
  const holder = random.pick(shape.holders);
  const above = parent.payload as Readonly<Record<string, number>>;
  const depth = (above['del_depth'] as number) + 1;
  const payload: JsonObject = {
    ...handOver(parent, holder, `t-${random.u32()}`),
    iat: random.chance(0.5) ? shape.now : (above['iat'] as number),
    exp: random.between(shape.now + 300, above['exp'] as number),
    del_max_depth: random.between(depth + reserve, above['del_max_depth'] as number),
    authorization_details: detailsOf(
      narrowTools((toolsIn(parent.payload) ?? {}) as unknown as ToolMaps, random),
    ),
    ...randomAudience(shape.audience, random),
    ...(random.chance(0.1) ? { purpose: 'whatever', nbf: 'ignored' } : {}),
    ...caveatsAt(shape, depth),
  };
  return issueToken(payload, parent.holder, holder, parent);
}

/** The leaf of a random chain that verifies; {@link lineage} has the rest. */
export function randomChain(shape: ChainShape, random: Random): IssuedToken {
  let token = randomRoot(shape, random);
  for (let hop = 1; hop <= shape.depth; hop += 1)
    token = randomChild(token, shape, shape.depth - hop, random);
  return token;
}

function caveatsAt({ caveats }: ChainShape, depth: number): JsonObject {
  const taper = caveats?.(depth);
  return taper === undefined ? {} : { taper };
}

function randomAudience(audience: string, random: Random): JsonObject {
  if (random.chance(0.8)) return {};
  return { aud: random.chance(0.5) ? audience : ['https://other.example', audience] };
}

function randomMap(random: Random): Record<string, JsonObject> {
  if (random.chance(0.1)) return {};
  const map: Record<string, JsonObject> = {};
  for (const argument of random.shuffle(ARGUMENTS).slice(0, random.between(0, 4))) {
    const constraint = randomConstraint(random.pick(DOMAINS), random);
    map[argument] = random.chance(0.3) ? { ...constraint, optional: true } : constraint;
  }
  if (random.chance(0.3)) map['*'] = { constraint_type: 'wildcard' };
  return map;
}

/** A call that the tools of a payload permit, or undefined where none was found. */
export function randomCall(payload: JsonObject, random: Random): Call | undefined {
  const tools = (toolsIn(payload) ?? {}) as unknown as ToolMaps;
  const names = Object.keys(tools);
  if (names.length === 0) return undefined;
  const tool = random.pick(names);
  const map = tools[tool] ?? {};
  const args: [string, JsonValue][] = [];
  for (const [argument, constraint] of Object.entries(map)) {
    if (argument === '*' || (constraint['optional'] === true && random.chance(0.4))) continue;
    const value = sampleValue(constraint, random);
    if (value === undefined && constraint['optional'] !== true) return undefined;
    if (value !== undefined) args.push([argument, value]);
  }
  const open = Object.hasOwn(map, '*') || Object.keys(map).length === 0;
  if (open && random.chance(0.5))
    args.push([random.pick(['extra', '*', 'valueOf']), anyValue(random)]);
  return { tool, args: Object.fromEntries(args) };
}

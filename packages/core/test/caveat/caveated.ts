import {
  type CaveatsInit,
  type ChainCaveats,
  type ChainVerdict,
  chainCaveats,
  createVerifier,
  type ProfileContext,
  type VerifiedChain,
  type Verifier,
} from '../../src/index.ts';
import {
  AUDIENCE,
  anchors,
  childToken,
  NOW,
  rootToken,
  type Token,
  type TokenOptions,
} from '../attack/attacker.ts';

/** One tool, with any arguments. */
export const TOOLS: unknown = { read: {}, refund: {} };

export const HASHES: readonly string[] = ['A'.repeat(43), 'B'.repeat(42).concat('A')];

/** The protected header of a token with caveats. */
export const MARKED = '{"alg":"Ed25519","crit":["taper"],"taper":1,"typ":"aat+jwt"}';

/** A verifier that understands the profile. */
export function understanding(profile: ProfileContext = {}): Verifier {
  return createVerifier({ anchors, audience: AUDIENCE, profile });
}

/** A root with caveats that are taken as they are, by somebody who checks nothing. */
export function markedRoot(taper: unknown, { claims, ...options }: TokenOptions = {}): Token {
  return rootToken(TOOLS, { header: MARKED, ...options, claims: { taper, ...claims } });
}

/** A child with caveats, or a plain one where they are left out. */
export function child(parent: Token, taper?: unknown, options: TokenOptions = {}): Token {
  if (taper === undefined) return childToken(parent, TOOLS, options);
  const { claims, ...rest } = options;
  return childToken(parent, TOOLS, { header: MARKED, ...rest, claims: { taper, ...claims } });
}

/** A chain with these caveats, hop by hop; `undefined` for a plain token. */
export function chainOf(...hops: readonly (CaveatsInit | undefined)[]): Token[] {
  const tokens: Token[] = [];
  for (const caveats of hops) {
    const parent = tokens.at(-1);
    if (parent !== undefined) tokens.push(child(parent, caveats));
    else tokens.push(caveats === undefined ? rootToken(TOOLS) : markedRoot(caveats));
  }
  return tokens;
}

export function verdictOf(tokens: readonly Token[], by: Verifier): ChainVerdict {
  return by.verifyChain(
    tokens.map(({ compact }) => compact),
    NOW,
  );
}

export function verified(tokens: readonly Token[], by: Verifier = understanding()): VerifiedChain {
  const verdict = verdictOf(tokens, by);
  if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
  return verdict.chain;
}

export function caveatsOf(...hops: readonly (CaveatsInit | undefined)[]): ChainCaveats {
  return chainCaveats(verified(chainOf(...hops)));
}

import { platform } from '#crypto';
import { findWidening } from './capability.ts';
import type { ChainCache } from './chain-cache.ts';
import { type Denial, denial, isProblem, type Problem, problem } from './denial.ts';
import { type JsonValue, parseJson } from './json.ts';
import {
  decodeSegment,
  decodeSignature,
  hashSigningInput,
  readHeader,
  type SignatureCheck,
  splitJws,
  type UnverifiedJws,
} from './jws.ts';
import type { PublicKey } from './key.ts';
import type { Limits } from './limits.ts';
import {
  audienceClaim,
  CHILD_STEPS,
  capabilitiesClaim,
  claimsObject,
  detailsClaim,
  holderKey,
  integerClaim,
  isUri,
  type ParsedClaims,
  ROOT_STEPS,
  stringClaim,
  type TokenClaims,
} from './token.ts';
import { unsafeTokenId } from './token-id.ts';

/** A public key, bound to the identifier of the issuer that holds its private half (draft section 2). */
export interface TrustAnchor {
  /** Compared with a root's `iss` as an exact string. */
  readonly issuer: string;
  readonly key: PublicKey;
}

/** A token whose signature, claims and place under its parent have been verified. Only `verifyChain` and the makers mint one. */
export interface VerifiedToken {
  /** The compact serialization, exactly as presented. */
  readonly compact: string;
  /** base64url SHA-256 of the signing input: what a child's `par_hash` and a proof's `aat_hash` must equal. */
  readonly hash: string;
  readonly claims: TokenClaims;
}

/** A chain from a root under a trust anchor to a leaf, every step of draft section 8, 1–5, passed at the time of the check. */
export interface VerifiedChain {
  readonly anchor: TrustAnchor;
  readonly tokens: readonly VerifiedToken[];
  readonly leaf: VerifiedToken;
}

export type ChainVerdict =
  | { readonly verdict: 'verified'; readonly chain: VerifiedChain }
  | {
      readonly verdict: 'deny';
      readonly denial: Denial;
      /** The tokens before the one at fault, verified; for receipts. They carry no authority by themselves. */
      readonly verifiedPrefix: readonly VerifiedToken[];
      /** How many tokens were presented. */
      readonly presented: number;
    };

/** What chain verification needs, fixed when the verifier is made. */
export interface ChainPolicy {
  readonly anchors: readonly TrustAnchor[];
  readonly limits: Limits;
}

/** The private field is the brand: only this module can put it on an object. */
class MintedChain implements VerifiedChain {
  readonly #minted = true;
  readonly anchor: TrustAnchor;
  readonly tokens: readonly VerifiedToken[];
  readonly leaf: VerifiedToken;

  constructor(anchor: TrustAnchor, tokens: readonly VerifiedToken[]) {
    this.anchor = anchor;
    this.tokens = Object.freeze(tokens);
    this.leaf = tokens.at(-1) as VerifiedToken;
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedChain.prototype, 'constructor'); // or `new chain.constructor(...)` would forge one

/** Whether verification, and nobody else, made this chain. */
export function isVerifiedChain(value: unknown): value is VerifiedChain {
  return typeof value === 'object' && value !== null && MintedChain.made(value);
}

/** Verifies steps 1–5 of draft section 8 at `now` (seconds), yielding each signature check to a driver. */
export function* chainVerification(
  compacts: readonly string[],
  now: number,
  policy: ChainPolicy,
  cache: ChainCache | undefined,
): Generator<SignatureCheck, ChainVerdict, boolean> {
  const verified: VerifiedToken[] = [];
  const presented = compacts.length;
  const deny = ({ code, step, facts }: Problem, hop?: number): ChainVerdict => ({
    verdict: 'deny',
    denial: denial(code, { hop, step }, facts),
    verifiedPrefix: verified,
    presented,
  });
  const unfit = unfitness(now);
  if (unfit !== undefined)
    return { verdict: 'deny', denial: unfit, verifiedPrefix: verified, presented };
  const oversize = findOversize(compacts, policy.limits);
  if (oversize !== undefined) return deny(oversize.problem, oversize.hop);

  let prefix = cache?.longestPrefix(compacts);
  const known = prefix?.tokens ?? [];
  const unverified = takeApart(compacts, known);
  if ('problem' in unverified) return deny(unverified.problem, unverified.hop);

  // In the order in which an empty cache would have found it: what is known may have expired since.
  for (const token of known) {
    const late = timeProblem(token.claims, now, policy.limits);
    if (late !== undefined) return deny(late, verified.length);
    verified.push(token);
  }
  if (known.length === presented && prefix?.chain !== undefined) {
    return { verdict: 'verified', chain: prefix.chain };
  }

  let anchor = prefix?.anchor;
  for (const { compact, jws, payload } of unverified) {
    const hop = verified.length;
    const parent = verified[hop - 1];
    const step = parent === undefined ? '3' : '4';
    const alg = readHeader(jws.headerSegment, 'aat+jwt', 'token_malformed');
    if (typeof alg !== 'string') return deny(problem(alg.code, `${step}a`), hop);
    const keys =
      parent === undefined ? policy.anchors.map(({ key }) => key) : [parent.claims.holder];
    if (!keys.some((key) => key.alg === alg))
      return deny(problem('algorithm_key_mismatch', `${step}a`), hop);
    const signature = decodeSignature(jws.signatureSegment, alg);
    if (signature === undefined) return deny(problem('signature_malformed', `${step}b`), hop);
    const input = platform.asciiBytes(jws.signingInput);
    let signer: PublicKey | undefined;
    for (const key of keys) {
      if (key.alg !== alg || (yield { key, input, signature }) !== true) continue;
      signer = key;
      break;
    }
    if (signer === undefined) return deny(problem('signature_invalid', `${step}b`), hop);

    let claims: TokenClaims | Problem;
    if (parent === undefined) {
      anchor = policy.anchors.find(({ key }) => key === signer) as TrustAnchor;
      claims = checkRoot(payload, anchor.issuer, now, policy.limits);
    } else {
      claims = checkChild(payload, parent, now, policy.limits);
    }
    if (isProblem(claims)) return deny(claims, hop);
    const token: VerifiedToken = Object.freeze({ compact, hash: hashSigningInput(input), claims });
    verified.push(token);
    prefix = cache?.add(prefix, token, anchor as TrustAnchor);
  }

  const { delDepth } = (verified[presented - 1] as VerifiedToken).claims;
  if (presented !== delDepth + 1) return deny(problem('chain_length_mismatch', '5'), presented - 1);
  const chain = new MintedChain(anchor as TrustAnchor, verified);
  if (prefix !== undefined) prefix.chain = chain;
  return { verdict: 'verified', chain };
}

/**
 * Makes the verified chain that a new token completes. Only for the makers: the claims have been checked against the parent
 * and the signature has been verified. Undefined when the token or the chain would be too large to present.
 */
export function mintChain(
  anchor: TrustAnchor,
  parents: readonly VerifiedToken[],
  compact: string,
  claims: TokenClaims,
  limits: Limits,
): VerifiedChain | Problem {
  const compacts = [...parents.map((token) => token.compact), compact];
  const oversize = findOversize(compacts, limits);
  if (oversize !== undefined) return oversize.problem;
  const input = platform.asciiBytes(compact.slice(0, compact.lastIndexOf('.')));
  const leaf: VerifiedToken = Object.freeze({ compact, hash: hashSigningInput(input), claims });
  return new MintedChain(anchor, [...parents, leaf]);
}

/** Why nothing can be judged, whatever is presented. */
function unfitness(now: number): Denial | undefined {
  if (!Number.isSafeInteger(now)) return denial('clock_unavailable');
  // Where somebody has added to Object.prototype, absent members no longer read as absent.
  for (const name in {}) {
    return denial('internal_error', {}, { reason: `Object.prototype has ${name}` });
  }
  return undefined;
}

interface ProblemAtHop {
  readonly problem: Problem;
  readonly hop?: number;
}

/** A token of which nothing has been read but its identifier. */
interface UnverifiedToken {
  readonly compact: string;
  readonly jws: UnverifiedJws;
  readonly payload: string;
}

/** Step 2c: takes apart what comes after the known tokens and finds the first identifier that stands in the chain twice. */
function takeApart(
  compacts: readonly string[],
  known: readonly VerifiedToken[],
): readonly UnverifiedToken[] | ProblemAtHop {
  const tokens: UnverifiedToken[] = [];
  if (known.length === compacts.length) return tokens;
  const ids = new Set(known.map((token) => token.claims.jti));
  for (let hop = known.length; hop < compacts.length; hop += 1) {
    const compact = compacts[hop] as string;
    const jws = splitJws(compact);
    if (jws === undefined) return { problem: problem('token_malformed', '2c'), hop };
    const payload = decodeSegment(jws.payloadSegment);
    const id = payload === undefined ? undefined : unsafeTokenId(payload);
    if (payload === undefined || id === undefined)
      return { problem: problem('token_id_unreadable', '2c'), hop };
    if (ids.has(id)) return { problem: problem('token_repeated', '2c'), hop };
    ids.add(id);
    tokens.push({ compact, jws, payload });
  }
  return tokens;
}

function findOversize(compacts: readonly string[], limits: Limits): ProblemAtHop | undefined {
  if (compacts.length === 0) return { problem: problem('chain_empty', '1') };
  if (compacts.length > limits.maxDelegationDepth + 1)
    return { problem: problem('chain_too_long', '4f') };
  let total = 0;
  for (const [hop, compact] of compacts.entries()) {
    if (typeof compact !== 'string') return { problem: problem('token_malformed', '2a'), hop };
    if (compact.length > limits.maxTokenSize)
      return { problem: problem('token_too_large', '2a'), hop };
    total += compact.length;
  }
  return total > limits.maxChainSize ? { problem: problem('chain_too_large', '2b') } : undefined;
}

/** What may change while a token stays the same: its relation to the clock (steps 3e–3f, 4i and 4k). */
function timeProblem(claims: TokenClaims, now: number, limits: Limits): Problem | undefined {
  const isRoot = claims.delDepth === 0;
  if (!(claims.exp > now)) return problem('token_expired', isRoot ? '3e' : '4i');
  if (!(claims.iat <= now + limits.maxIatSkew))
    return problem('token_issued_in_future', isRoot ? '3f' : '4k');
  return undefined;
}

/** The first token of a verified chain that is not in force any more, or not yet. */
export function findOutOfForce(
  tokens: readonly VerifiedToken[],
  now: number,
  limits: Limits,
): { readonly problem: Problem; readonly hop: number } | undefined {
  for (const [hop, { claims }] of tokens.entries()) {
    const late = timeProblem(claims, now, limits);
    if (late !== undefined) return { problem: late, hop };
  }
  return undefined;
}

/** Steps 3b (claims) to 3n. `payload` has been signed by the trust anchor of `issuer`. */
export function checkRoot(
  payload: string,
  issuer: string,
  now: number,
  limits: Limits,
): TokenClaims | Problem {
  const steps = ROOT_STEPS;
  const parsed = claimsObject(parseJson(payload), steps.times);
  if (isProblem(parsed)) return parsed;
  const iat = integerClaim(parsed, 'iat');
  const exp = integerClaim(parsed, 'exp');
  if (iat === undefined || exp === undefined) return timeClaimProblem(iat, steps.times);
  const delDepth = integerClaim(parsed, 'del_depth');
  if (delDepth === undefined)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_depth' });
  if (delDepth !== 0) return problem('root_depth_not_zero', steps.depth);
  if (Object.hasOwn(parsed.object, 'par_hash')) return problem('root_has_parent', steps.parHash);
  if (!(exp > now)) return problem('token_expired', '3e');
  if (!(iat <= now + limits.maxIatSkew)) return problem('token_issued_in_future', '3f');
  if (!(exp > iat)) return problem('expiry_not_after_issuance', '3g');
  if (!(exp <= iat + limits.maxTokenLifetime)) return problem('lifetime_too_long', '3h');
  const delMaxDepth = integerClaim(parsed, 'del_max_depth');
  if (delMaxDepth === undefined || delMaxDepth < 0 || delMaxDepth > limits.maxDelegationDepth) {
    return problem('max_depth_invalid', steps.maxDepth);
  }
  const jti = stringClaim(parsed, 'jti');
  if (jti === undefined) return problem('token_id_invalid', steps.jti);
  const iss = stringClaim(parsed, 'iss');
  if (iss === undefined || !isUri(iss) || iss !== issuer)
    return problem('issuer_mismatch', steps.iss);
  const holder = holderKey(parsed, steps.cnf);
  if (isProblem(holder)) return holder;
  const details = detailsClaim(parsed, steps.details);
  if (isProblem(details)) return details;
  const granted = capabilitiesClaim(details, parsed.numbers, true, steps, limits);
  if (isProblem(granted)) return granted;
  return Object.freeze({
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash: undefined,
    aud: audienceClaim(parsed),
    holder,
    capabilities: granted.capabilities,
    hasCapabilities: granted.hasCapabilities,
  });
}

/** Steps 4b (claims) to 4q. `payload` has been signed by the holder of `parent`. */
export function checkChild(
  payload: string,
  parent: VerifiedToken,
  now: number,
  limits: Limits,
): TokenClaims | Problem {
  const above = parent.claims;
  const parsed = claimsObject(parseJson(payload), '4b');
  if (isProblem(parsed)) return parsed;
  const claims = readChildClaims(parsed);
  if (isProblem(claims)) return claims;
  if (claims.iss !== above.holder.thumbprintUri) return problem('issuer_mismatch', '4c');
  if (claims.delDepth !== above.delDepth + 1) return problem('depth_not_incremented', '4d');
  if (!(claims.delDepth <= above.delMaxDepth)) return problem('depth_exhausted', '4e');
  if (!(claims.delDepth <= limits.maxDelegationDepth)) return problem('depth_exhausted', '4f');
  if (!(claims.delMaxDepth <= above.delMaxDepth)) return problem('max_depth_raised', '4g');
  if (!(claims.exp <= above.exp)) return problem('expiry_extended', '4h');
  if (!(claims.exp > now)) return problem('token_expired', '4i');
  if (!(claims.iat >= above.iat)) return problem('issued_before_parent', '4j');
  if (!(claims.iat <= now + limits.maxIatSkew)) return problem('token_issued_in_future', '4k');
  if (!(claims.exp > claims.iat)) return problem('expiry_not_after_issuance', '4l');
  if (!(claims.delDepth <= claims.delMaxDepth)) return problem('depth_exhausted', '4m');
  const granted = capabilitiesClaim(claims.details, parsed.numbers, false, CHILD_STEPS, limits);
  if (isProblem(granted)) return granted;
  const widening = findWidening(above.capabilities, granted.capabilities);
  if (widening !== undefined) return problem(widening.code, `4${widening.rule}`, widening.facts);
  if (claims.parHash !== parent.hash) return problem('parent_hash_mismatch', '4q');
  const { jti, iss, iat, exp, delDepth, delMaxDepth, parHash, aud, holder } = claims;
  return Object.freeze({
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash,
    aud,
    holder,
    capabilities: granted.capabilities,
    hasCapabilities: granted.hasCapabilities,
  });
}

type ChildClaims = Omit<TokenClaims, 'capabilities' | 'hasCapabilities'> & {
  readonly details: readonly JsonValue[];
};

/** The presence and types of a derived token's claims (steps 4b1–4b5). */
function readChildClaims(parsed: ParsedClaims): ChildClaims | Problem {
  const steps = CHILD_STEPS;
  const jti = stringClaim(parsed, 'jti');
  if (jti === undefined) return problem('token_id_invalid', steps.jti);
  const holder = holderKey(parsed, steps.cnf);
  if (isProblem(holder)) return holder;
  const details = detailsClaim(parsed, steps.details);
  if (isProblem(details)) return details;
  const delDepth = integerClaim(parsed, 'del_depth');
  const delMaxDepth = integerClaim(parsed, 'del_max_depth');
  if (delDepth === undefined || delDepth < 0)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_depth' });
  if (delMaxDepth === undefined || delMaxDepth < 0)
    return problem('depth_claim_invalid', steps.depth, { claim: 'del_max_depth' });
  const iss = stringClaim(parsed, 'iss');
  if (iss === undefined) return problem('parent_link_invalid', steps.iss, { claim: 'iss' });
  const parHash = stringClaim(parsed, 'par_hash');
  if (parHash === undefined)
    return problem('parent_link_invalid', steps.parHash, { claim: 'par_hash' });
  const iat = integerClaim(parsed, 'iat');
  const exp = integerClaim(parsed, 'exp');
  if (iat === undefined || exp === undefined) return timeClaimProblem(iat, steps.times);
  return {
    jti,
    iss,
    iat,
    exp,
    delDepth,
    delMaxDepth,
    parHash,
    aud: audienceClaim(parsed),
    holder,
    details,
  };
}

function timeClaimProblem(iat: number | undefined, step: string): Problem {
  return problem('time_claim_invalid', step, { claim: iat === undefined ? 'iat' : 'exp' });
}

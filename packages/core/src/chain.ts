import { platform } from '#crypto';
import { accumulate, type ChainCaveats } from './caveat/accumulate.ts';
import type { ProfileContext } from './caveat/check.ts';
import type { ChainCache } from './chain-cache.ts';
import { type Denial, denial, isProblem, type Problem, problem } from './denial.ts';
import { TaperError } from './error.ts';
import { checkHybridKey, type HybridKey } from './hybrid/key.ts';
import { hybridProblem } from './hybrid/root.ts';
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
  invalidRotation,
  type SuccessionPlace,
  succession,
  type VerifiedRotation,
} from './rotation/succession.ts';
import type { TokenClaims } from './token.ts';
import { checkChild, checkRoot, timeProblem } from './token-check.ts';
import { unsafeTokenId } from './token-id.ts';

/** A public key, bound to the identifier of the issuer that holds its private half (draft section 2). */
export interface TrustAnchor {
  /** Compared with a root's `iss` as an exact string. */
  readonly issuer: string;
  readonly key: PublicKey;
  /** Where given, roots must carry a second, post-quantum signature by this key, and both must verify (spec/hybrid-roots.md). */
  readonly hybrid?: HybridKey;
}

/** A token whose signature, claims and place under its parent have been verified. Only `verifyChain` and the makers mint one. */
export interface VerifiedToken {
  /** The compact serialization, exactly as presented. */
  readonly compact: string;
  /** base64url SHA-256 of the signing input: what a child's `par_hash` and a proof's `aat_hash` must equal. */
  readonly hash: string;
  readonly claims: TokenClaims;
  /** Where a successor of the parent's holder has signed: the statements that lead to its key, oldest first (spec/rotation.md). */
  readonly rotations?: readonly VerifiedRotation[];
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
  /** What caveats are judged by; `undefined` where the profile `taper` is not understood. */
  readonly profile: ProfileContext | undefined;
}

/** The private field is the brand: only this module can put it on an object. */
class MintedChain implements VerifiedChain {
  readonly #minted = true;
  readonly anchor: TrustAnchor;
  readonly tokens: readonly VerifiedToken[];
  readonly leaf: VerifiedToken;
  readonly #caveats: ChainCaveats;
  readonly #policy: ChainPolicy | undefined;
  readonly #anchors: readonly TrustAnchor[];

  constructor(
    anchor: TrustAnchor,
    tokens: readonly VerifiedToken[],
    anchors: readonly TrustAnchor[],
    policy?: ChainPolicy,
  ) {
    this.#caveats = accumulate(tokens);
    this.#policy = policy;
    this.#anchors = anchors;
    this.anchor = anchor;
    this.tokens = Object.freeze(tokens);
    this.leaf = tokens.at(-1) as VerifiedToken;
    Object.freeze(this);
  }

  static made(value: object): value is MintedChain {
    return #minted in value;
  }

  static caveatsOf(chain: MintedChain): ChainCaveats {
    return chain.#caveats;
  }

  static anchorsOf(chain: MintedChain): readonly TrustAnchor[] {
    return chain.#anchors;
  }

  static verifiedUnder(chain: MintedChain, policy: ChainPolicy): boolean {
    return chain.#policy === policy;
  }
}
Reflect.deleteProperty(MintedChain.prototype, 'constructor'); // or `new chain.constructor(...)` would forge one

/** Whether verification, and nobody else, made this chain. */
export function isVerifiedChain(value: unknown): value is VerifiedChain {
  return typeof value === 'object' && value !== null && MintedChain.made(value);
}

/**
 * Every caveat on a chain: all hops count, whatever the hops after them say (spec/profile.md section 4). Worked out once for each chain.
 *
 * The core checks tenant, purpose and definitions. Budget, approvals and revocation are for whoever turns the profile on to
 * discharge, before the call runs; the enforcement point does.
 * @throws {TaperError} `not_verified`.
 */
export function chainCaveats(chain: VerifiedChain): ChainCaveats {
  if (typeof chain === 'object' && chain !== null && MintedChain.made(chain))
    return MintedChain.caveatsOf(chain);
  throw new TaperError('not_verified', 'Only the caveats of a verified chain are known.', {
    hint: 'Pass the chain through verifyChain first.',
  });
}

/** The anchors of whoever verified the chain, or the chain that it was derived from; that of a root that was issued here. */
export function anchorsBehind(chain: VerifiedChain): readonly TrustAnchor[] {
  return MintedChain.made(chain) ? MintedChain.anchorsOf(chain) : [];
}

/** Whether this very policy verified the chain, and not another verifier or a maker. */
export function isVerifiedUnder(chain: unknown, policy: ChainPolicy): chain is VerifiedChain {
  return (
    typeof chain === 'object' &&
    chain !== null &&
    MintedChain.made(chain) &&
    MintedChain.verifiedUnder(chain, policy)
  );
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
  const profile = policy.profile !== undefined;
  for (const { compact, jws, payload } of unverified) {
    const hop = verified.length;
    const parent = verified[hop - 1];
    const step = parent === undefined ? '3' : '4';
    const header = readHeader(jws.headerSegment, 'aat+jwt', 'token_malformed', profile);
    if ('code' in header) return deny(problem(header.code, `${step}a`), hop);
    const { alg, marked } = header;
    let keys = parent === undefined ? policy.anchors.map(({ key }) => key) : [parent.claims.holder];
    let rotations: readonly VerifiedRotation[] | undefined;
    if (header.rotation !== undefined) {
      const place = parent && placeOfSuccession(anchor as TrustAnchor, verified, policy.anchors);
      const followed =
        place === undefined
          ? invalidRotation('root')
          : yield* succession(header.rotation, place, cache?.rotations);
      if (isProblem(followed)) return deny(followed, hop);
      rotations = followed;
      keys = [(followed.at(-1) as VerifiedRotation).newKey];
    }
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
      const unsigned = anchor.hybrid && hybridProblem(jws, checkHybridKey(anchor.hybrid));
      if (unsigned !== undefined) return deny(unsigned, hop);
      claims = checkRoot(payload, anchor.issuer, now, policy.limits, marked);
    } else {
      claims = checkChild(payload, verified, now, policy.limits, marked, rotations);
    }
    if (isProblem(claims)) return deny(claims, hop);
    const token = makeToken(compact, hashSigningInput(input), claims, rotations);
    verified.push(token);
    prefix = cache?.add(prefix, token, anchor as TrustAnchor);
  }

  const { delDepth } = (verified[presented - 1] as VerifiedToken).claims;
  if (presented !== delDepth + 1) return deny(problem('chain_length_mismatch', '5'), presented - 1);
  const chain = new MintedChain(anchor as TrustAnchor, verified, policy.anchors, policy);
  if (prefix !== undefined) prefix.chain = chain;
  return { verdict: 'verified', chain };
}

/**
 * Makes the verified chain that a new token completes, under an anchor or below a chain. Only for the makers: the claims have been
 * checked against the parent and the signature has been verified. A problem when the token or the chain would be too large to present.
 */
export function mintChain(
  above: TrustAnchor | VerifiedChain,
  compact: string,
  claims: TokenClaims,
  limits: Limits,
  rotations?: readonly VerifiedRotation[],
): VerifiedChain | Problem {
  const isChild = isVerifiedChain(above);
  const parents = isChild ? above.tokens : [];
  const compacts = [...parents.map((token) => token.compact), compact];
  const oversize = findOversize(compacts, limits);
  if (oversize !== undefined) return oversize.problem;
  const input = platform.asciiBytes(compact.slice(0, compact.lastIndexOf('.')));
  const leaf = makeToken(compact, hashSigningInput(input), claims, rotations);
  return new MintedChain(
    isChild ? above.anchor : above,
    [...parents, leaf],
    isChild ? anchorsBehind(above) : [above],
  );
}

function makeToken(
  compact: string,
  hash: string,
  claims: TokenClaims,
  rotations: readonly VerifiedRotation[] | undefined,
): VerifiedToken {
  return Object.freeze(
    rotations === undefined ? { compact, hash, claims } : { compact, hash, claims, rotations },
  );
}

/** Where statements have to lead from that come with what is signed under the last of these tokens. */
export function placeOfSuccession(
  { issuer }: TrustAnchor,
  tokens: readonly VerifiedToken[],
  anchors: readonly TrustAnchor[],
): SuccessionPlace {
  const { holder } = (tokens.at(-1) as VerifiedToken).claims;
  return { holder, issuer, anchors, tenant: tokens[0]?.claims.caveats?.tenant };
}

/** Why nothing can be judged, whatever is presented. */
export function unfitness(now: number): Denial | undefined {
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

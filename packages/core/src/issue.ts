import { AAT_ENTRY_TYPE } from './capability.ts';
import type { CaveatsInit } from './caveat/caveats.ts';
import { isVerifiedChain, mintChain, type VerifiedChain } from './chain.ts';
import type { Signer } from './crypto/port.ts';
import { isProblem, type Problem, problem } from './denial.ts';
import { TaperError } from './error.ts';
import type { HybridSigner } from './hybrid/key.ts';
import { canonicalize } from './jcs.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { isPublicKey, type PublicKey } from './key.ts';
import { completeLimits, type Limits } from './limits.ts';
import { refuse, signHybridRoot, signToken } from './make.ts';
import { actingKey } from './rotation/acting.ts';
import { checkChild, checkRoot, findOutOfForce } from './token-check.ts';

/** The tools to grant: constraint maps by tool identifier (draft section 3.3). An empty map allows any argument. */
export type ToolMap = { readonly [tool: string]: { readonly [argument: string]: JsonObject } };

interface TokenOptions {
  /** Whose key the token is bound to. */
  readonly holder: PublicKey;
  readonly tools: ToolMap;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
  /** `jti`: unique; see `uuidV7`. */
  readonly id: string;
  /** Where the token and all derived from it may be presented. */
  readonly audience?: string | readonly string[];
  /** What every call under the token must satisfy beside its tools (spec/profile.md). A token that has some is refused wherever the profile is not understood. */
  readonly caveats?: CaveatsInit;
  /** Deviations from the default limits, as the enforcement point has them. */
  readonly limits?: Partial<Limits>;
}

export interface IssueOptions extends TokenOptions {
  /** `iss`: the URI of the root issuer, as trust anchors name it. */
  readonly issuer: string;
  /** Signs as the root issuer. */
  readonly signer: Signer;
  /** Seconds until expiry. */
  readonly lifetime: number;
  /** Signs beside it, where the anchor asks for a second signature (spec/hybrid-roots.md). */
  readonly hybrid?: HybridSigner;
  /** How many hops may follow: `del_max_depth`. 0 makes a token that cannot be delegated. */
  readonly maxDepth: number;
  /**
   * Further claims, such as `sub` and `act`, for whoever reads the token. No verifier looks at them, and they carry no authority. One
   * takes some away: what `taper_subject` names must not be revoked (spec/profile.md section 3.7); with it, `caveats` are needed.
   */
  readonly information?: JsonObject;
}

/** What verifiers look at, or might: never information. */
const DECIDING_CLAIMS: readonly string[] = [
  'jti',
  'iss',
  'aud',
  'iat',
  'nbf',
  'exp',
  'cnf',
  'del_depth',
  'del_max_depth',
  'par_hash',
  'authorization_details',
  'taper',
];

export interface DeriveOptions extends TokenOptions {
  /** Signs as the holder of the parent's leaf. */
  readonly signer: Signer;
  /** Where the holder's key was rotated since: the statements from the leaf's key to the signer's, oldest first (spec/rotation.md). */
  readonly rotation?: readonly string[];
  /** Seconds until expiry; must end no later than the parent. Default: when the parent ends. */
  readonly lifetime?: number;
  /** `del_max_depth`. Default: the depth of the new token, so that it cannot be delegated further. */
  readonly maxDepth?: number;
}

/**
 * Issues a root token (draft section 6.1.3).
 * @throws {RefusedError} with the denial that verification would give; {TaperError} `option_invalid`, `signing_failed`.
 */
export async function issue(options: IssueOptions): Promise<VerifiedChain> {
  const { issuer, signer, now } = options;
  const limits = completeLimits(options.limits);
  checkOptions(options);
  const payload = canonicalize({
    ...readInformation(options),
    ...commonClaims(options),
    iss: issuer,
    iat: now,
    exp: now + options.lifetime,
    del_depth: 0,
    del_max_depth: options.maxDepth,
  });
  const marked = options.caveats !== undefined;
  const claims = checkRoot(payload, issuer, now, limits, marked);
  if (isProblem(claims)) return refuse(claims, 0);
  const anchor = { issuer, key: signer.publicKey };
  const { hybrid } = options;
  if (hybrid === undefined)
    return finish(mintChain(anchor, await signToken(payload, marked, signer), claims, limits), 0);
  const compact = await signHybridRoot(payload, marked, signer, hybrid);
  return finish(mintChain({ ...anchor, hybrid: hybrid.key }, compact, claims, limits), 0);
}

/**
 * Derives a token for the next holder (draft section 6.2). Never returns one that widens, outlives or out-reaches its parent.
 * @throws {RefusedError} with the denial that verification would give: the tool, the argument and the rule; {TaperError} `not_verified`, `option_invalid`, `signing_failed`.
 */
export async function derive(
  parent: VerifiedChain,
  options: DeriveOptions,
): Promise<VerifiedChain> {
  if (!isVerifiedChain(parent)) {
    throw new TaperError('not_verified', 'Only a verified chain can be delegated.', {
      hint: 'Pass the chain through verifyChain first.',
    });
  }
  checkOptions(options);
  const { signer, now } = options;
  const limits = completeLimits(options.limits);
  const { leaf } = parent;
  const hop = parent.tokens.length;
  const { key, rotations } = await actingKey(parent, options.rotation, hop);
  if (signer.publicKey.thumbprint !== key.thumbprint) refuse(problem('issuer_mismatch', '4c'), hop);
  if (hop > limits.maxDelegationDepth) refuse(problem('chain_too_long', '4f'));
  const repeated = parent.tokens.some((token) => token.claims.jti === options.id);
  if (repeated) refuse(problem('token_repeated', '2c'), hop);
  const late = findOutOfForce(parent.tokens, now, limits);
  if (late !== undefined) refuse(late.problem, late.hop);
  const iat = Math.max(now, leaf.claims.iat);
  const depth = leaf.claims.delDepth + 1;
  const payload = canonicalize({
    ...commonClaims(options),
    iss: signer.publicKey.thumbprintUri,
    iat,
    exp: options.lifetime === undefined ? leaf.claims.exp : iat + options.lifetime,
    del_depth: depth,
    del_max_depth: options.maxDepth ?? depth,
    par_hash: leaf.hash,
  });
  const marked = options.caveats !== undefined;
  const claims = checkChild(payload, parent.tokens, now, limits, marked, rotations);
  if (isProblem(claims)) return refuse(claims, hop);
  const compact = await signToken(payload, marked, signer, rotations);
  return finish(mintChain(parent, compact, claims, limits, rotations), hop);
}

function readInformation({ information = {}, caveats }: IssueOptions): JsonObject {
  for (const claim of Object.keys(information)) {
    if (DECIDING_CLAIMS.includes(claim))
      throw new TaperError('option_invalid', `\`information\` has the claim \`${claim}\`.`, {
        hint: 'Only claims that decide nothing are information.',
      });
  }
  if (Object.hasOwn(information, 'taper_subject') && caveats === undefined)
    throw new TaperError('option_invalid', '`taper_subject` is for roots with caveats.', {
      hint: 'A verifier of plain AAT would overlook what the root rests on.',
    });
  return information;
}

function finish(chain: VerifiedChain | Problem, hop: number): VerifiedChain {
  return isProblem(chain) ? refuse(chain, hop) : chain;
}

function commonClaims({ holder, tools, id, audience, caveats }: TokenOptions): JsonObject {
  return {
    jti: id,
    cnf: { jwk: holder.jwk as unknown as JsonObject },
    authorization_details: [{ type: AAT_ENTRY_TYPE, tools: tools as JsonObject }],
    ...(audience === undefined ? {} : { aud: audience as JsonValue }),
    ...(caveats === undefined ? {} : { taper: caveats as unknown as JsonValue }),
  };
}

function checkOptions({
  holder,
  now,
  id,
  lifetime,
  audience,
}: TokenOptions & { readonly lifetime?: number }): void {
  if (!isPublicKey(holder))
    throw new TaperError('option_invalid', '`holder` must come from importPublicKey.');
  if (!Number.isSafeInteger(now))
    throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
  if (typeof id !== 'string' || id === '')
    throw new TaperError('option_invalid', '`id` must be a non-empty string.');
  const identifiers = audience === undefined ? undefined : [audience].flat();
  if (
    identifiers?.length === 0 ||
    identifiers?.some((each) => typeof each !== 'string' || each === '')
  ) {
    throw new TaperError('option_invalid', '`audience` must be one or more non-empty strings.', {
      hint: 'Leave it out to bind the token to no enforcement point.',
    });
  }
  if (lifetime !== undefined && !Number.isSafeInteger(lifetime))
    throw new TaperError('option_invalid', '`lifetime` must be whole seconds.');
}

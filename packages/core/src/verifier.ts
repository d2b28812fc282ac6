import { platform } from '#crypto';
import {
  type ChainPolicy,
  type ChainVerdict,
  chainVerification,
  type TrustAnchor,
  type VerifiedChain,
} from './chain.ts';
import { ChainCache } from './chain-cache.ts';
import type { SignatureVerifier } from './crypto/port.ts';
import { type Denial, denial, isProblem, type Problem } from './denial.ts';
import { TaperError } from './error.ts';
import { checkInvocation, readArguments } from './invocation.ts';
import type { JsonObject } from './json.ts';
import type { SignatureCheck } from './jws.ts';
import { isPublicKey } from './key.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { Presentation } from './presentation.ts';
import { checkProof, type ProofPolicy, proofSignature, type VerifiedProof } from './proof.ts';

export interface VerifierOptions {
  /** The root issuers that are trusted. Never empty. */
  readonly anchors: readonly TrustAnchor[];
  /** The identifiers of this enforcement point, compared as exact strings with `aud` and `aat_aud`. Without one, any token or proof that names an audience is refused. */
  readonly audience?: string | readonly string[];
  /** Refuse chains in which no token carries `aud` (draft section 9.5). Default false. */
  readonly requireChainAudience?: boolean;
  /** Refuse proofs without `aat_aud` (draft section 9.5). Default false. */
  readonly requireProofAudience?: boolean;
  /** When given, every proof must carry a nonce for which this returns true (draft step 7h). */
  readonly acceptsNonce?: (nonce: string) => boolean;
  /** Deviations from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Characters of token text that the cache of verified chains may hold. 0 turns it off. Default 8 Mi. */
  readonly cacheCharacters?: number;
  /** Synchronous signature check; default the platform's. For tests that compare backends. */
  readonly verifySignature?: SignatureVerifier;
}

/** A call to be judged. */
export interface Invocation {
  readonly presentation: Presentation;
  /** Compared as an exact string. */
  readonly tool: string;
  /** The arguments as an object, or their JSON text as received; only text shows repeated members and lost digits. */
  readonly args: JsonObject | string;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
}

export interface Permit {
  readonly verdict: 'permit';
  readonly chain: VerifiedChain;
  readonly proof: VerifiedProof;
  readonly tool: string;
  /** The arguments that were judged, copied and frozen. Run the tool with these and nothing else. */
  readonly args: JsonObject;
}

export interface Deny {
  readonly verdict: 'deny';
  readonly denial: Denial;
  /** The verdict on the chain, where it got that far; for receipts. */
  readonly chainVerdict: ChainVerdict | undefined;
}

export type Decision = Permit | Deny;

/** Verifies chains and judges calls. Holds no clock, no randomness and no network; state is only the cache of verified chains. */
export interface Verifier {
  /** Draft section 8, steps 1–5. */
  verifyChain(tokens: readonly string[], now: number): ChainVerdict;
  /** Draft section 8, steps 1–7h. Step 7i (replay) is the enforcement point's. */
  authorize(invocation: Invocation): Decision;
  readonly limits: Limits;
}

/** As {@link Verifier}, where signatures are checked asynchronously (browsers). */
export interface AsyncVerifier {
  verifyChain(tokens: readonly string[], now: number): Promise<ChainVerdict>;
  authorize(invocation: Invocation): Promise<Decision>;
  readonly limits: Limits;
}

interface Policy extends ChainPolicy, ProofPolicy {
  readonly requireChainAudience: boolean;
}

/**
 * Makes a verifier with the platform's synchronous signatures.
 * @throws {TaperError} `option_invalid` when an option is missing or out of range; `crypto_asynchronous` in a browser.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const verify = options.verifySignature ?? platform.verify;
  if (verify === undefined) {
    throw new TaperError('crypto_asynchronous', 'This platform checks signatures asynchronously.', {
      hint: 'Use createAsyncVerifier.',
    });
  }
  const { policy, cache } = prepare(options);
  const run = <Result>(steps: Generator<SignatureCheck, Result, boolean>): Result => {
    let step = steps.next();
    while (step.done !== true)
      step = steps.next(verify(step.value.key, step.value.input, step.value.signature));
    return step.value;
  };
  return Object.freeze({
    limits: policy.limits,
    verifyChain(tokens: readonly string[], now: number): ChainVerdict {
      try {
        return run(chainSteps([...tokens], now, policy, cache));
      } catch {
        return failedChain(tokens);
      }
    },
    authorize(invocation: Invocation): Decision {
      try {
        return run(authorization(invocation, policy, cache));
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
  });
}

/** Makes a verifier with the platform's asynchronous signatures; works everywhere. @throws as {@link createVerifier}. */
export function createAsyncVerifier(
  options: Omit<VerifierOptions, 'verifySignature'>,
): AsyncVerifier {
  const { policy, cache } = prepare(options);
  const run = async <Result>(
    steps: Generator<SignatureCheck, Result, boolean>,
  ): Promise<Result> => {
    let step = steps.next();
    while (step.done !== true) {
      const { key, input, signature } = step.value;
      step = steps.next((await platform.verifyAsync(key, input, signature)) === true);
    }
    return step.value;
  };
  return Object.freeze({
    limits: policy.limits,
    async verifyChain(tokens: readonly string[], now: number): Promise<ChainVerdict> {
      try {
        return await run(chainSteps([...tokens], now, policy, cache));
      } catch {
        return failedChain(tokens);
      }
    },
    async authorize(invocation: Invocation): Promise<Decision> {
      try {
        return await run(authorization(invocation, policy, cache));
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
  });
}

function* chainSteps(
  tokens: readonly string[],
  now: number,
  policy: Policy,
  cache: ChainCache | undefined,
): Generator<SignatureCheck, ChainVerdict, boolean> {
  if (!Number.isSafeInteger(now)) {
    return {
      verdict: 'deny',
      denial: denial('clock_unavailable'),
      verifiedPrefix: [],
      presented: tokens.length,
    };
  }
  return yield* chainVerification(tokens, now, policy, cache);
}

function* authorization(
  invocation: Invocation,
  policy: Policy,
  cache: ChainCache | undefined,
): Generator<SignatureCheck, Decision, boolean> {
  const { presentation, tool, now } = invocation;
  const compacts = [...presentation.aat_chain];
  const proofText = presentation.aat_pop;

  const verdict = yield* chainSteps(compacts, now, policy, cache);
  if (verdict.verdict === 'deny') return refuse(verdict.denial, verdict);
  const { chain } = verdict;
  const at = (cause: Problem, hop?: number): Decision =>
    refuse(denial(cause.code, { hop, step: cause.step }, cause.facts), verdict);
  const leafHop = chain.tokens.length - 1;

  const signed = yield* proofSignature(proofText, chain.leaf, policy.limits);
  if (isProblem(signed)) return at(signed);

  if (!chain.leaf.claims.hasCapabilities)
    return at({ code: 'leaf_without_capabilities', step: '6a' }, leafHop);
  const args = readArguments(invocation.args);
  if (isProblem(args)) return at(args);
  const refusal = checkInvocation(chain.leaf.claims.capabilities, tool, args.values);
  if (refusal !== undefined) return at(refusal, leafHop);
  const audience = checkAudience(chain, policy);
  if (audience !== undefined) return at(audience.cause, audience.hop);

  const proof = checkProof(signed.payload, chain.leaf, tool, args, now, policy);
  if (isProblem(proof)) return at(proof);
  return Object.freeze({
    verdict: 'permit',
    chain,
    proof: Object.freeze(proof),
    tool,
    args: args.values,
  });
}

/** Step 6c: every token that carries `aud` must name this enforcement point. */
function checkAudience(
  chain: VerifiedChain,
  policy: Policy,
): { cause: Problem; hop?: number } | undefined {
  let named = false;
  for (const [hop, token] of chain.tokens.entries()) {
    const { aud } = token.claims;
    if (aud === undefined) continue;
    named = true;
    if (aud === null || !aud.some((identifier) => policy.audience.includes(identifier))) {
      return { cause: { code: 'audience_mismatch', step: '6c' }, hop };
    }
  }
  return policy.requireChainAudience && !named
    ? { cause: { code: 'audience_required', step: '6c' } }
    : undefined;
}

function refuse(cause: Denial, chainVerdict: ChainVerdict | undefined): Deny {
  return Object.freeze({ verdict: 'deny', denial: cause, chainVerdict });
}

function failedChain(tokens: readonly string[]): ChainVerdict {
  return {
    verdict: 'deny',
    denial: denial('internal_error'),
    verifiedPrefix: [],
    presented: Array.isArray(tokens) ? tokens.length : 0,
  };
}

function prepare(options: VerifierOptions): { policy: Policy; cache: ChainCache | undefined } {
  const limits = checkLimits({ ...DEFAULT_LIMITS, ...options.limits });
  const audience = options.audience === undefined ? [] : [options.audience].flat();
  if (audience.some((identifier) => typeof identifier !== 'string' || identifier === '')) {
    throw new TaperError('option_invalid', 'An audience must be a non-empty string.');
  }
  const cacheCharacters = options.cacheCharacters ?? 8 * 1024 * 1024;
  if (!Number.isSafeInteger(cacheCharacters) || cacheCharacters < 0) {
    throw new TaperError('option_invalid', '`cacheCharacters` must be a whole number, 0 or more.');
  }
  const policy: Policy = Object.freeze({
    anchors: checkAnchors(options.anchors),
    limits,
    audience: Object.freeze(audience),
    requireChainAudience: options.requireChainAudience ?? false,
    requireProofAudience: options.requireProofAudience ?? false,
    acceptsNonce: options.acceptsNonce,
  });
  return { policy, cache: cacheCharacters === 0 ? undefined : new ChainCache(cacheCharacters) };
}

function checkAnchors(anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  if (!Array.isArray(anchors) || anchors.length === 0) {
    throw new TaperError('option_invalid', 'No trust anchor is given.', {
      hint: 'Pass `anchors: [{ issuer, key }]` with the public key of the root issuer.',
    });
  }
  const issuers = new Map<string, string>();
  return Object.freeze(
    anchors.map(({ issuer, key }) => {
      if (typeof issuer !== 'string' || issuer === '' || !isPublicKey(key)) {
        throw new TaperError(
          'option_invalid',
          'A trust anchor needs an issuer and a key made by importPublicKey.',
        );
      }
      if ((issuers.get(key.thumbprint) ?? issuer) !== issuer) {
        throw new TaperError(
          'option_invalid',
          `One key is given as the anchor of two issuers: ${issuer} and ${issuers.get(key.thumbprint)}.`,
        );
      }
      issuers.set(key.thumbprint, issuer);
      return Object.freeze({ issuer, key });
    }),
  );
}

function checkLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TaperError(
        'option_invalid',
        `The limit \`${name}\` must be a whole number, 0 or more.`,
      );
  }
  if (limits.maxDelegationDepth < 8)
    throw new TaperError(
      'option_invalid',
      'maxDelegationDepth must be at least 8 (draft section 4.3).',
    );
  if (limits.proofWindow > 60)
    throw new TaperError(
      'option_invalid',
      'proofWindow must be at most 60 seconds (draft section 9.10).',
    );
  return Object.freeze(limits);
}

import { platform } from '#crypto';
import { checkContext, checkDefinition } from './caveat/check.ts';
import {
  type ChainVerdict,
  chainCaveats,
  chainVerification,
  isVerifiedUnder,
  placeOfSuccession,
  unfitness,
  type VerifiedChain,
  type VerifiedToken,
} from './chain.ts';
import type { ChainCache } from './chain-cache.ts';
import { type Denial, denial, isProblem, type Problem, problem } from './denial.ts';
import { TaperError } from './error.ts';
import { checkInvocation, readArguments, readArgumentValues } from './invocation.ts';
import type { JsonObject } from './json.ts';
import { decodeSegment, type SignatureCheck } from './jws.ts';
import type { Limits } from './limits.ts';
import type { Presentation } from './presentation.ts';
import { checkOfProof, checkProof, readProof, type VerifiedProof } from './proof.ts';
import { succession, type VerifiedRotation } from './rotation/succession.ts';
import { findOutOfForce } from './token-check.ts';
import { prepareVerifier, type VerifierOptions, type VerifierPolicy } from './verifier-options.ts';

/** A call to be judged. */
export interface Invocation {
  readonly presentation: Presentation;
  /** Compared as an exact string. */
  readonly tool: string;
  /** The arguments as an object, or their JSON text as received; only text shows repeated members and lost digits. */
  readonly args: JsonObject | string;
  /** Seconds since the epoch, an integer. */
  readonly now: number;
  /** {@link definitionHash} of the tool as it is now. A chain that pins the tool is refused without it. */
  readonly definition?: string;
}

/** A call whose caller was authenticated by other means than a proof: a session that the holders of the chain's leaf opened. */
export interface SessionInvocation extends Omit<Invocation, 'presentation'> {
  /** As this very verifier has verified it. */
  readonly chain: VerifiedChain;
}

/** Only a verifier makes one; see {@link isPermit}. */
export interface Permit {
  readonly verdict: 'permit';
  readonly chain: VerifiedChain;
  /** `undefined` where a session stood in for it. */
  readonly proof: VerifiedProof | undefined;
  readonly tool: string;
  /** The arguments that were judged, copied and frozen. Run the tool with these and nothing else. */
  readonly args: JsonObject;
}

/** The private field is the brand: only this module can put it on an object. */
class MintedPermit implements Permit {
  readonly #minted = true;
  readonly verdict = 'permit';
  readonly chain: VerifiedChain;
  readonly proof: VerifiedProof | undefined;
  readonly tool: string;
  readonly args: JsonObject;

  constructor({ chain, proof, tool, args }: Omit<Permit, 'verdict'>) {
    this.chain = chain;
    this.proof = proof;
    this.tool = tool;
    this.args = args;
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedPermit.prototype, 'constructor'); // or `new permit.constructor(...)` would forge one

/** Whether a verifier, and nobody else, made this permit. */
export function isPermit(value: unknown): value is Permit {
  return typeof value === 'object' && value !== null && MintedPermit.made(value);
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
  /**
   * As {@link Verifier.authorize} for a chain that this verifier has verified, without a proof: the caller has authenticated the
   * holder of its leaf, over these very arguments. Times, tool, arguments, audience and caveats are judged as always; revocation is
   * not the verifier's to know.
   */
  authorizeInSession(invocation: SessionInvocation): Decision;
  /**
   * Whether a chain that this verifier has verified may be used at this enforcement point at all, whatever the call: audience
   * (draft step 6c), tenant and purpose. `undefined` when it may.
   */
  checkPlace(chain: VerifiedChain): Denial | undefined;
  readonly limits: Limits;
}

/** As {@link Verifier}, where signatures are checked asynchronously (browsers). */
export interface AsyncVerifier {
  verifyChain(tokens: readonly string[], now: number): Promise<ChainVerdict>;
  authorize(invocation: Invocation): Promise<Decision>;
  /** As {@link Verifier.authorizeInSession}; there is no signature to check. */
  authorizeInSession(invocation: SessionInvocation): Decision;
  /** As {@link Verifier.checkPlace}. */
  checkPlace(chain: VerifiedChain): Denial | undefined;
  readonly limits: Limits;
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
  const { policy, cache } = prepareVerifier(options);
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
        return run(chainVerification([...tokens], now, policy, cache));
      } catch {
        return failedChain();
      }
    },
    authorize(invocation: Invocation): Decision {
      try {
        const call = readCall(invocation, policy);
        if (isProblem(call)) return refuse(denial(call.code, { step: call.step }), undefined);
        const verdict = run(chainVerification(call.compacts, call.now, policy, cache));
        return run(judgement(call, verdict, policy, cache));
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
    ...withoutSignatures(policy),
  });
}

/** Makes a verifier with the platform's asynchronous signatures; works everywhere. @throws as {@link createVerifier}. */
export function createAsyncVerifier(
  options: Omit<VerifierOptions, 'verifySignature'>,
): AsyncVerifier {
  const { policy, cache } = prepareVerifier(options);
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
        return await run(chainVerification([...tokens], now, policy, cache));
      } catch {
        return failedChain();
      }
    },
    async authorize(invocation: Invocation): Promise<Decision> {
      try {
        const call = readCall(invocation, policy);
        if (isProblem(call)) return refuse(denial(call.code, { step: call.step }), undefined);
        const verdict = await run(chainVerification(call.compacts, call.now, policy, cache));
        return await run(judgement(call, verdict, policy, cache));
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
    ...withoutSignatures(policy),
  });
}

/** What a verifier judges of chains it has verified, in the same way on every platform. */
function withoutSignatures(
  policy: VerifierPolicy,
): Pick<Verifier, 'authorizeInSession' | 'checkPlace'> {
  return {
    authorizeInSession(invocation: SessionInvocation): Decision {
      try {
        return judgeInSession(invocation, policy);
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
    checkPlace(chain: VerifiedChain): Denial | undefined {
      try {
        if (!isVerifiedUnder(chain, policy)) return NOT_VERIFIED_HERE;
        return denialOf(findMisplaced(chain, policy));
      } catch {
        return denial('internal_error');
      }
    },
  };
}

/** Somebody else's chain may rest on other anchors, limits and profiles. */
const NOT_VERIFIED_HERE: Denial = denial('internal_error', {}, { reason: 'not_verified_here' });

/** A call as it was handed in, each member read once. */
interface Call {
  readonly compacts: readonly string[];
  readonly proof: string;
  readonly tool: string;
  readonly args: JsonObject | string;
  readonly now: number;
  readonly definition: string | undefined;
}

function readCall(
  { presentation, tool, args, now, definition }: Invocation,
  { limits }: VerifierPolicy,
): Call | Problem {
  const compacts = [...presentation.aat_chain];
  const proof = presentation.aat_pop;
  if (typeof proof !== 'string' || proof.length > limits.maxProofSize)
    return problem('proof_malformed', '7a');
  return { compacts, proof, tool, args, now, definition };
}

/** Steps 6 and 7, once there is a verdict on the chain; yields the check of the proof's signature to a driver. */
function* judgement(
  call: Call,
  verdict: ChainVerdict,
  policy: VerifierPolicy,
  cache: ChainCache | undefined,
): Generator<SignatureCheck, Decision, boolean> {
  if (verdict.verdict === 'deny') return refuse(verdict.denial, verdict);
  const { chain } = verdict;
  const { leaf } = chain;
  const { tool } = call;
  const at = (cause: Problem, hop?: number): Decision =>
    refuse(denial(cause.code, { hop, step: cause.step }, cause.facts), verdict);

  const unverified = readProof(call.proof);
  if (isProblem(unverified)) return at(unverified);
  let key = leaf.claims.holder;
  let rotations: readonly VerifiedRotation[] | undefined;
  if (unverified.rotation !== undefined) {
    const place = placeOfSuccession(chain.anchor, chain.tokens, policy.anchors);
    const followed = yield* succession(unverified.rotation, place, cache?.rotations);
    if (isProblem(followed)) return at(followed);
    rotations = followed;
    key = (followed.at(-1) as VerifiedRotation).newKey;
  }
  const check = checkOfProof(unverified, key);
  if (isProblem(check)) return at(check);
  if ((yield check) !== true) return at(problem('signature_invalid', '7b'));
  const payload = decodeSegment(unverified.jws.payloadSegment);
  if (payload === undefined) return at(problem('claims_malformed', '7b'));

  const ungranted = findUngranted(chain, tool);
  if (ungranted !== undefined) return at(ungranted.problem, ungranted.hop);
  const args = readArguments(call.args, policy.limits.maxProofSize);
  if (isProblem(args)) return at(args);
  const refusal = findRefusal(chain, tool, args.values, call.definition, policy);
  if (refusal !== undefined) return at(refusal.problem, refusal.hop);

  const proof = checkProof(payload, leaf, tool, args, call.now, policy, rotations);
  if (isProblem(proof)) return at(proof);
  return new MintedPermit({ chain, proof, tool, args: args.values });
}

/** Step 6 and the times of every token; who calls has been found out already. */
function judgeInSession(invocation: SessionInvocation, policy: VerifierPolicy): Decision {
  const { chain, tool, now, definition } = invocation;
  if (!isVerifiedUnder(chain, policy)) return refuse(NOT_VERIFIED_HERE, undefined);
  const unfit = unfitness(now);
  if (unfit !== undefined) return refuse(unfit, undefined);
  const args = readArgumentValues(invocation.args, policy.limits.maxProofSize);
  const found =
    findOutOfForce(chain.tokens, now, policy.limits) ??
    findUngranted(chain, tool) ??
    (isProblem(args)
      ? { problem: args, hop: undefined }
      : findRefusal(chain, tool, args, definition, policy));
  if (found === undefined && !isProblem(args))
    return new MintedPermit({ chain, proof: undefined, tool, args });
  return refuse(denialOf(found) ?? denial('internal_error'), { verdict: 'verified', chain });
}

/** Why a call is refused, and the token at fault where it is one. */
interface Refusal {
  readonly problem: Problem;
  readonly hop?: number | undefined;
}

function denialOf(refusal: Refusal | undefined): Denial | undefined {
  if (refusal === undefined) return undefined;
  const { code, step, facts } = refusal.problem;
  return denial(code, { hop: refusal.hop, step }, facts);
}

/** Step 6a, and that the tool is named at all. */
function findUngranted({ leaf, tokens }: VerifiedChain, tool: string): Refusal | undefined {
  const hop = tokens.length - 1;
  if (!leaf.claims.hasCapabilities)
    return { problem: problem('leaf_without_capabilities', '6a'), hop };
  return typeof tool === 'string' ? undefined : { problem: problem('tool_not_granted', '6b'), hop };
}

/** Steps 6b and 6c, and after them the caveats that the core checks. */
function findRefusal(
  chain: VerifiedChain,
  tool: string,
  args: JsonObject,
  definition: string | undefined,
  policy: VerifierPolicy,
): Refusal | undefined {
  const refusal = checkInvocation(chain.leaf.claims.capabilities, tool, args);
  if (refusal !== undefined) return { problem: refusal, hop: chain.tokens.length - 1 };
  const misplaced = findMisplaced(chain, policy);
  if (misplaced !== undefined || policy.profile === undefined) return misplaced;
  return checkDefinition(chainCaveats(chain), chain.tokens, tool, definition);
}

/** Step 6c (every token that carries `aud` must name this enforcement point), tenant and purpose. */
function findMisplaced(chain: VerifiedChain, policy: VerifierPolicy): Refusal | undefined {
  let named = false;
  for (let hop = 0; hop < chain.tokens.length; hop++) {
    const { aud } = (chain.tokens[hop] as VerifiedToken).claims;
    if (aud === undefined) continue;
    named = true;
    if (aud === null || !aud.some((identifier) => policy.audience.includes(identifier))) {
      return { problem: problem('audience_mismatch', '6c'), hop };
    }
  }
  if (policy.requireChainAudience && !named) return { problem: problem('audience_required', '6c') };
  if (policy.profile === undefined) return undefined;
  return checkContext(chainCaveats(chain), chain.tokens, policy.profile);
}

function refuse(cause: Denial, chainVerdict: ChainVerdict | undefined): Deny {
  return Object.freeze({ verdict: 'deny', denial: cause, chainVerdict });
}

function failedChain(): ChainVerdict {
  return { verdict: 'deny', denial: denial('internal_error'), verifiedPrefix: [], presented: 0 };
}

import { platform } from '#crypto';
import { type ChainVerdict, chainVerification, type VerifiedChain } from './chain.ts';
import { type Denial, denial, isProblem, type Problem, problem } from './denial.ts';
import { TaperError } from './error.ts';
import { checkInvocation, readArguments } from './invocation.ts';
import type { JsonObject } from './json.ts';
import { decodeSegment, type SignatureCheck } from './jws.ts';
import type { Limits } from './limits.ts';
import type { Presentation } from './presentation.ts';
import { checkProof, readProof, type VerifiedProof } from './proof.ts';
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
}

/** Only a verifier makes one; see {@link isPermit}. */
export interface Permit {
  readonly verdict: 'permit';
  readonly chain: VerifiedChain;
  readonly proof: VerifiedProof;
  readonly tool: string;
  /** The arguments that were judged, copied and frozen. Run the tool with these and nothing else. */
  readonly args: JsonObject;
}

/** The private field is the brand: only this module can put it on an object. */
class MintedPermit implements Permit {
  readonly #minted = true;
  readonly verdict = 'permit';
  readonly chain: VerifiedChain;
  readonly proof: VerifiedProof;
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
  readonly limits: Limits;
}

/** As {@link Verifier}, where signatures are checked asynchronously (browsers). */
export interface AsyncVerifier {
  verifyChain(tokens: readonly string[], now: number): Promise<ChainVerdict>;
  authorize(invocation: Invocation): Promise<Decision>;
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
        return run(judgement(call, verdict, policy));
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
        return await run(judgement(call, verdict, policy));
      } catch {
        return refuse(denial('internal_error'), undefined);
      }
    },
  });
}

/** A call as it was handed in, each member read once. */
interface Call {
  readonly compacts: readonly string[];
  readonly proof: string;
  readonly tool: string;
  readonly args: JsonObject | string;
  readonly now: number;
}

function readCall(
  { presentation, tool, args, now }: Invocation,
  { limits }: VerifierPolicy,
): Call | Problem {
  const compacts = [...presentation.aat_chain];
  const proof = presentation.aat_pop;
  if (typeof proof !== 'string' || proof.length > limits.maxProofSize)
    return problem('proof_malformed', '7a');
  return { compacts, proof, tool, args, now };
}

/** Steps 6 and 7, once there is a verdict on the chain; yields the check of the proof's signature to a driver. */
function* judgement(
  call: Call,
  verdict: ChainVerdict,
  policy: VerifierPolicy,
): Generator<SignatureCheck, Decision, boolean> {
  if (verdict.verdict === 'deny') return refuse(verdict.denial, verdict);
  const { chain } = verdict;
  const { leaf } = chain;
  const { tool } = call;
  const at = (cause: Problem, hop?: number): Decision =>
    refuse(denial(cause.code, { hop, step: cause.step }, cause.facts), verdict);
  const leafHop = chain.tokens.length - 1;

  const unverified = readProof(call.proof, leaf);
  if (isProblem(unverified)) return at(unverified);
  if ((yield unverified.check) !== true) return at(problem('signature_invalid', '7b'));
  const payload = decodeSegment(unverified.payloadSegment);
  if (payload === undefined) return at(problem('claims_malformed', '7b'));

  if (!leaf.claims.hasCapabilities) return at(problem('leaf_without_capabilities', '6a'), leafHop);
  if (typeof tool !== 'string') return at(problem('tool_not_granted', '6b'), leafHop);
  const args = readArguments(call.args, policy.limits.maxProofSize);
  if (isProblem(args)) return at(args);
  const refusal = checkInvocation(leaf.claims.capabilities, tool, args.values);
  if (refusal !== undefined) return at(refusal, leafHop);
  const audience = checkAudience(chain, policy);
  if (audience !== undefined) return at(audience.problem, audience.hop);

  const proof = checkProof(payload, leaf, tool, args, call.now, policy);
  if (isProblem(proof)) return at(proof);
  return new MintedPermit({ chain, proof, tool, args: args.values });
}

/** Step 6c: every token that carries `aud` must name this enforcement point. */
function checkAudience(
  chain: VerifiedChain,
  policy: VerifierPolicy,
): { problem: Problem; hop?: number } | undefined {
  let named = false;
  for (const [hop, token] of chain.tokens.entries()) {
    const { aud } = token.claims;
    if (aud === undefined) continue;
    named = true;
    if (aud === null || !aud.some((identifier) => policy.audience.includes(identifier))) {
      return { problem: problem('audience_mismatch', '6c'), hop };
    }
  }
  return policy.requireChainAudience && !named
    ? { problem: problem('audience_required', '6c') }
    : undefined;
}

function refuse(cause: Denial, chainVerdict: ChainVerdict | undefined): Deny {
  return Object.freeze({ verdict: 'deny', denial: cause, chainVerdict });
}

function failedChain(): ChainVerdict {
  return { verdict: 'deny', denial: denial('internal_error'), verifiedPrefix: [], presented: 0 };
}

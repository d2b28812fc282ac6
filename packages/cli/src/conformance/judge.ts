import { createVerifier, type Denial, TaperError, type VerifierOptions } from '@taper/core';
import { Failure } from '../failure.ts';
import type { Expectation, Suite, Vector } from './suite.ts';

/** What became of one vector. */
export interface Finding {
  readonly id: string;
  readonly expected: Expectation;
  readonly actual: Expectation;
  /** Why it was denied. */
  readonly denial: Denial | undefined;
  readonly verdictAgrees: boolean;
  /** Whether the step is one of those expected. True where none is expected, and never where the verdict differs. */
  readonly stepAgrees: boolean;
}

/**
 * Judges every vector of a suite, each with a verifier of its own that remembers nothing.
 * @throws {Failure} `suite_malformed` when the parameters are none that an enforcement point may have.
 */
export function judgeSuite(suite: Suite, source: string): readonly Finding[] {
  return suite.vectors.map((vector) => judgeVector(vector, suite, source));
}

function judgeVector(vector: Vector, suite: Suite, source: string): Finding {
  const denial = decide(vector, suite, source);
  const { id, expected } = vector;
  const actual: Expectation =
    denial === undefined
      ? { verdict: 'PERMIT', step: undefined }
      : { verdict: 'DENY', step: denial.step };
  const verdictAgrees = actual.verdict === expected.verdict;
  const steps = expected.step?.split('/');
  const stepAgrees =
    verdictAgrees && (steps === undefined || steps.includes(actual.step ?? 'no step'));
  return { id, expected, actual, denial, verdictAgrees, stepAgrees };
}

function decide(vector: Vector, suite: Suite, source: string): Denial | undefined {
  const { chain, proof, tool, args, now, policy } = vector;
  const verifier = conformingVerifier(
    {
      anchors: suite.anchors,
      limits: suite.limits,
      cacheCharacters: 0,
      requireChainAudience: policy.requireChainAudience,
      requireProofAudience: policy.requireProofAudience,
      ...(policy.profile === undefined ? {} : { profile: policy.profile }),
      ...(suite.audience === undefined ? {} : { audience: suite.audience }),
      ...(policy.nonce === undefined
        ? {}
        : { acceptsNonce: (given: string) => given === policy.nonce }),
    },
    source,
  );
  if (proof === undefined) return { code: 'proof_missing', step: '7', facts: {} };
  const decision = verifier.authorize({
    presentation: { aat_chain: chain, aat_pop: proof },
    tool,
    args,
    now,
    ...(policy.definition === undefined ? {} : { definition: policy.definition }),
  });
  return decision.verdict === 'permit' ? undefined : decision.denial;
}

function conformingVerifier(
  options: VerifierOptions,
  source: string,
): ReturnType<typeof createVerifier> {
  try {
    return createVerifier(options);
  } catch (thrown) {
    if (!(thrown instanceof TaperError)) throw thrown;
    throw new Failure('suite_malformed', `${source}: params: ${thrown.message}`, {
      file: source,
      field: 'params',
      hint: thrown.hint,
    });
  }
}

import { TaperError } from './error.ts';

/** Finite limits that every enforcement point keeps (draft sections 3.4, 4.3, 4.4, 9.10 and appendix B.5). */
export interface Limits {
  /** Characters of one token in compact serialization. */
  readonly maxTokenSize: number;
  /** Characters of all tokens of a chain together. */
  readonly maxChainSize: number;
  /** Characters of a proof. A proof carries the arguments of the call. */
  readonly maxProofSize: number;
  /** Greatest `del_depth`; a chain has at most one token more. At least 8. */
  readonly maxDelegationDepth: number;
  /** Seconds that a token's `iat` may lie in the future. */
  readonly maxIatSkew: number;
  /** Seconds between a root's `iat` and `exp`. */
  readonly maxTokenLifetime: number;
  /** Seconds that a proof's `iat` may differ from now, either way. At most 60. */
  readonly proofWindow: number;
  /** Constraints of one tool, clauses of `all` and `any` counted. */
  readonly maxConstraintsPerTool: number;
}

/** The draft's recommended values. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxTokenSize: 65_536,
  maxChainSize: 262_144,
  maxProofSize: 1_048_576,
  maxDelegationDepth: 8,
  maxIatSkew: 30,
  maxTokenLifetime: 90 * 24 * 3600,
  proofWindow: 30,
  maxConstraintsPerTool: 256,
});

/**
 * The default limits with deviations from them.
 * @throws {TaperError} `option_invalid` for a name that is no limit, or a value that is none.
 */
export function completeLimits(deviations: Partial<Limits> = {}): Limits {
  const limits: Limits = { ...DEFAULT_LIMITS, ...deviations };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new TaperError('option_invalid', `There is no limit named \`${name}\`.`, {
        hint: `The limits are ${Object.keys(DEFAULT_LIMITS).join(', ')}.`,
      });
    }
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

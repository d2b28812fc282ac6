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

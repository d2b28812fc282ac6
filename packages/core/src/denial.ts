import type { DenialCode } from './denial-codes.ts';

export { DENIALS, type DenialCode } from './denial-codes.ts';

/**
 * Why a token, chain or call was refused, as data. Text for people is made from it elsewhere and is not part of the API.
 */
export interface Denial {
  /** From the closed list in `spec/denials.json`. */
  readonly code: DenialCode;
  /** Index of the token at fault in the chain, 0 for the root; absent where no token is at fault. */
  readonly hop?: number;
  /** The step of draft section 8 that failed, such as `4p4`; absent where the draft has none. */
  readonly step?: string;
  /** Names that say where: tool, argument, claim, constraint type. Never argument values, keys or token text. */
  readonly facts: DenialFacts;
}

export interface DenialFacts {
  readonly tool?: string;
  readonly argument?: string;
  readonly claim?: string;
  /** Constraint type of the parent's constraint. */
  readonly parent?: string;
  /** Constraint type of the child's constraint, or of the constraint that refused. */
  readonly constraint?: string;
  /** Short machine-made reason, such as which member of a constraint is malformed. */
  readonly reason?: string;
}

export interface DenialPlace {
  readonly hop?: number | undefined;
  readonly step?: string | undefined;
}

/** Builds a denial; members that are undefined are left out. */
export function denial(code: DenialCode, place: DenialPlace = {}, facts: DenialFacts = {}): Denial {
  return Object.freeze({
    code,
    ...(place.hop === undefined ? {} : { hop: place.hop }),
    ...(place.step === undefined ? {} : { step: place.step }),
    facts: Object.freeze(facts),
  });
}

/**
 * What a check returns when it has not passed: a code with facts, to which the caller adds the place.
 * The private field keeps look-alikes out: whatever the compiler takes for a problem, {@link isProblem} does, too.
 */
export class Problem {
  readonly #isProblem = true;
  readonly code: DenialCode;
  /** The step of draft section 8 that failed; `undefined` where the draft has none. */
  readonly step: string | undefined;
  readonly facts: DenialFacts;

  constructor(code: DenialCode, step: string | undefined, facts: DenialFacts) {
    this.code = code;
    this.step = step;
    this.facts = facts;
  }

  static is(value: object): value is Problem {
    return #isProblem in value;
  }
}

export function problem(
  code: DenialCode,
  step: string | undefined,
  facts: DenialFacts = {},
): Problem {
  return new Problem(code, step, facts);
}

/** Tells a check's problem from its result. */
export function isProblem(value: object): value is Problem {
  return Problem.is(value);
}

import type { JsonObject, JsonValue } from '../json.ts';

/** A constraint whose type is known and whose shape has been found well-formed (draft section 3.4). Frozen. */
export interface Constraint {
  readonly constraint_type: string;
  readonly [member: string]: JsonValue;
}

/** Why a constraint is refused; each is a denial code of steps 3n and 4o. */
export type ConstraintProblem =
  | { readonly code: 'constraint_unknown'; readonly type: string }
  | { readonly code: 'constraint_malformed'; readonly type: string; readonly reason: string }
  | { readonly code: 'constraint_too_deep'; readonly depth: number };

/** Handed to composite types so that they can judge their clauses. */
export interface ConstraintContext {
  check(constraint: Constraint, value: JsonValue): boolean;
  subsumes(parent: Constraint, child: Constraint): boolean;
  /** As {@link ConstraintType.meet}, for constraints of any types. */
  meet(left: Constraint, right: Constraint): Constraint | undefined;
  /** `undefined` when well-formed. `depth` is the depth of the constraint handed in (1 for a top-level one). */
  validate(constraint: JsonValue, depth: number): ConstraintProblem | undefined;
}

/**
 * One constraint type: its shape, its `check` predicate and its `subsumes` relation.
 *
 * `check` and `subsumes` are only ever called with constraints that `validate` found well-formed,
 * never throw, keep no state, and run in time polynomial in the size of their inputs (draft section 5.1).
 */
export interface ConstraintType {
  readonly name: string;
  /** Members beside `constraint_type` (and a top-level `optional`); any other member is malformed. */
  readonly members: readonly string[];
  /** `undefined` when the members are well-formed, else a short reason for people. Unknown members and inadmissible numbers are refused before this is called. */
  validate(
    constraint: JsonObject,
    context: ConstraintContext,
    depth: number,
  ): string | ConstraintProblem | undefined;
  /** True when the argument value satisfies the constraint. Any JSON value may be handed in. */
  check(constraint: Constraint, value: JsonValue, context: ConstraintContext): boolean;
  /**
   * True only if every value that satisfies `child` satisfies `parent`. `parent` is of this type; `child` is of any type
   * (a `wildcard` parent never gets here: it subsumes everything). Conservative: false when in doubt.
   */
  subsumes(parent: Constraint, child: Constraint, context: ConstraintContext): boolean;
  /**
   * What both accept, as a constraint that both subsume; `undefined` where that is nothing, or cannot be written. Both are of this type,
   * and neither subsumes the other.
   */
  meet(left: Constraint, right: Constraint, context: ConstraintContext): JsonObject | undefined;
}

export type { JsonObject, JsonValue };

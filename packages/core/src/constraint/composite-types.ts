import type { JsonObject } from '../json.ts';
import type { Constraint, ConstraintContext, ConstraintProblem, ConstraintType } from './type.ts';

function validateClauses(
  constraint: JsonObject,
  context: ConstraintContext,
  depth: number,
): string | ConstraintProblem | undefined {
  const { constraints } = constraint;
  if (!Array.isArray(constraints)) return '`constraints` must be an array';
  if (constraints.length === 0) return '`constraints` must not be empty';
  for (const clause of constraints) {
    const problem = context.validate(clause, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function clausesOf(constraint: Constraint): readonly Constraint[] {
  return constraint['constraints'] as unknown as readonly Constraint[];
}

/** `all`: every clause accepts the argument. Attenuates when every parent clause subsumes at least one derived clause (draft section 4.5). */
export const all: ConstraintType = {
  name: 'all',
  members: ['constraints'],
  validate: validateClauses,
  check: (constraint, argument, context) =>
    clausesOf(constraint).every((clause) => context.check(clause, argument)),
  subsumes: (parent, child, context) =>
    child.constraint_type === 'all' &&
    clausesOf(parent).every((outer) =>
      clausesOf(child).some((inner) => context.subsumes(outer, inner)),
    ),
  /** All clauses of both, but for those that another one makes superfluous. */
  meet(left, right, context) {
    const constraints = withoutRepeated(
      [...clausesOf(left), ...clausesOf(right)],
      (clause, other) => context.subsumes(clause, other),
    );
    return { constraint_type: 'all', constraints };
  },
};

/** `any`: at least one clause accepts the argument. Attenuates when every derived clause is subsumed by at least one parent clause (draft section 4.5). */
export const any: ConstraintType = {
  name: 'any',
  members: ['constraints'],
  validate: validateClauses,
  check: (constraint, argument, context) =>
    clausesOf(constraint).some((clause) => context.check(clause, argument)),
  subsumes: (parent, child, context) =>
    child.constraint_type === 'any' &&
    clausesOf(child).every((inner) =>
      clausesOf(parent).some((outer) => context.subsumes(outer, inner)),
    ),
  /** What each clause of one has in common with each of the other. Where that cannot be written for a pair, it is left out. */
  meet(left, right, context) {
    const met: Constraint[] = [];
    for (const ours of clausesOf(left)) {
      for (const theirs of clausesOf(right)) {
        const clause = context.meet(ours, theirs);
        if (clause !== undefined) met.push(clause);
      }
    }
    const constraints = withoutRepeated(met, (clause, other) => context.subsumes(other, clause));
    return constraints.length === 0 ? undefined : { constraint_type: 'any', constraints };
  },
};

/** The clauses, without those that another one makes superfluous; of clauses that do so for one another the first stays. */
function withoutRepeated(
  clauses: readonly Constraint[],
  isCovered: (clause: Constraint, other: Constraint) => boolean,
): readonly Constraint[] {
  const kept: Constraint[] = [];
  for (const clause of clauses) {
    if (kept.some((other) => isCovered(clause, other))) continue;
    for (let index = kept.length - 1; index >= 0; index -= 1) {
      if (isCovered(kept[index] as Constraint, clause)) kept.splice(index, 1);
    }
    kept.push(clause);
  }
  return kept;
}

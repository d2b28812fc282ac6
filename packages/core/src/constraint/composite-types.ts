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
};

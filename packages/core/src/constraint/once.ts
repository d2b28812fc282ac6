import type { Constraint } from './type.ts';

/**
 * Computes something about a constraint once for each constraint that cannot change any more; anew for any other.
 * What a verified token holds is frozen throughout.
 */
export function oncePerConstraint<Result>(
  compute: (constraint: Constraint) => Result,
): (constraint: Constraint) => Result {
  const results = new WeakMap<Constraint, { readonly result: Result }>();
  return (constraint) => {
    const known = results.get(constraint);
    if (known !== undefined) return known.result;
    const result = compute(constraint);
    if (Object.isFrozen(constraint)) results.set(constraint, { result });
    return result;
  };
}

import type { JsonValue } from '../json.ts';
import type { Constraint } from './type.ts';

/** Frozen, and all inside it: a list in a frozen constraint could still change after its elements were remembered. */
function isFrozenThroughout(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozenThroughout);
}

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
    if (isFrozenThroughout(constraint)) results.set(constraint, { result });
    return result;
  };
}

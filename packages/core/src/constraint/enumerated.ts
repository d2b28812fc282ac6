import type { JsonValue } from '../json.ts';
import type { Constraint } from './type.ts';

/**
 * Whether `child` lists its values (`exact`, `one_of`) and `admits` holds for each of them.
 * These are the only two core types that an extension type subsumes; every other child type gives false.
 */
export function listsOnly(child: Constraint, admits: (value: JsonValue) => boolean): boolean {
  const { value, values } = child;
  if (child.constraint_type === 'exact') return value !== undefined && admits(value);
  return child.constraint_type === 'one_of' && Array.isArray(values) && values.every(admits);
}

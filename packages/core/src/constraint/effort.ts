import type { JsonValue } from '../json.ts';
import type { Constraint } from './type.ts';

/**
 * Units of work that one token may cost to compare with its parent, and one call to check. A unit is one clause against
 * one value or 16 characters, and takes below a microsecond. Without it the work would be the product of two sizes
 * that a holder chooses.
 */
const MAX_EFFORT = 32_768;

const CHARACTERS_PER_UNIT = 16;
/** No constraint type reads further into a single string. */
const LONGEST_STRING_READ = 4096;

/** What one token or one call has spent so far. */
export class Effort {
  #left = MAX_EFFORT;

  /** Spends, and tells whether there was enough. */
  affords(units: number): boolean {
    this.#left -= units;
    return this.#left >= 0;
  }
}

function isComposite(constraint: Constraint): boolean {
  return constraint.constraint_type === 'all' || constraint.constraint_type === 'any';
}

/** Work to decide whether one constraint subsumes another. Only two composites multiply: any other pair is linear in both, which the limits of a token bound. */
export function effortOfSubsuming(parent: Constraint, child: Constraint): number {
  if (!isComposite(parent) || !isComposite(child)) return 0;
  return clausesIn(parent) * sizeOfConstraint(child) + clausesIn(child) * sizeOfConstraint(parent);
}

/** Work to check a value. Only a composite reads it more than once. */
export function effortOfChecking(constraint: Constraint, value: JsonValue): number {
  return isComposite(constraint) ? clausesIn(constraint) * sizeOfValue(value) : 0;
}

function clausesIn(constraint: Constraint): number {
  if (!isComposite(constraint)) return 1;
  let count = 1;
  for (const clause of constraint['constraints'] as unknown as readonly Constraint[]) {
    count += clausesIn(clause);
  }
  return count;
}

/** Clauses, list elements and characters of a constraint. */
function sizeOfConstraint(constraint: Constraint): number {
  if (isComposite(constraint)) {
    let size = 1;
    for (const clause of constraint['constraints'] as unknown as readonly Constraint[]) {
      size += sizeOfConstraint(clause);
    }
    return size;
  }
  let size = 1;
  for (const [member, value] of Object.entries(constraint)) {
    if (member !== 'constraint_type') size += sizeOfValue(value) - 1;
  }
  return size;
}

/** Values and characters of a value. Of a string that stands alone no type reads more than its beginning. */
function sizeOfValue(value: JsonValue): number {
  if (typeof value === 'string') {
    return 1 + Math.min(value.length, LONGEST_STRING_READ) / CHARACTERS_PER_UNIT;
  }
  let size = 0;
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    size += 1;
    if (typeof next === 'string') size += next.length / CHARACTERS_PER_UNIT;
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next));
  }
  return size;
}

import { isJsonObject, type JsonValue } from '../json.ts';
import type { Constraint } from './type.ts';

/**
 * How much work a token may cost to be compared with its parent, and a call to be checked, in units: one clause against
 * one value, or against 16 characters. A unit takes below a microsecond. Without a bound the work would be the product
 * of two sizes that a holder chooses. A limit counts for each token by itself, so that it makes no difference which
 * tokens of a chain were verified before.
 */
export const MAX_EFFORT: { readonly token: number; readonly call: number } = Object.freeze({
  token: 16_384,
  call: 32_768,
});

const CHARACTERS_PER_UNIT = 16;
/** No constraint type reads further into a single string. */
const LONGEST_STRING_READ = 4096;

/** What is left of a limit. */
export class Effort {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

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
    else if (Array.isArray(next)) open.push(...next);
    else if (isJsonObject(next)) {
      for (const [name, inner] of Object.entries(next)) {
        size += name.length / CHARACTERS_PER_UNIT;
        open.push(inner);
      }
    }
  }
  return size;
}

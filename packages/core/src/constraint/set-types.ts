import type { JsonObject, JsonValue } from '../json.ts';
import { canonicalForm } from './scalar-types.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** The canonical forms of a member's elements; computed once for each constraint, which is frozen. */
const canonicalSets = new WeakMap<Constraint, ReadonlySet<string>>();

function setOf(constraint: Constraint, member: string): ReadonlySet<string> {
  let set = canonicalSets.get(constraint);
  if (set === undefined) {
    set = new Set((constraint[member] as readonly JsonValue[]).map(canonicalForm));
    canonicalSets.set(constraint, set);
  }
  return set;
}

function arrayMember(member: string): (constraint: JsonObject) => string | undefined {
  return (constraint) =>
    Array.isArray(constraint[member]) ? undefined : `\`${member}\` must be an array`;
}

function isSubset(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  if (inner.size > outer.size) return false;
  for (const element of inner) if (!outer.has(element)) return false;
  return true;
}

/** `one_of`: the argument is a member of `values` (draft sections 3.4 and 4.5). */
export const oneOf: ConstraintType = {
  name: 'one_of',
  members: ['values'],
  validate({ values }) {
    return Array.isArray(values) && values.length > 0
      ? undefined
      : '`values` must be a non-empty array';
  },
  check: (constraint, argument) => setOf(constraint, 'values').has(canonicalForm(argument)),
  subsumes(parent, child) {
    const allowed = setOf(parent, 'values');
    if (child.constraint_type === 'exact')
      return allowed.has(canonicalForm(child['value'] as JsonValue));
    return child.constraint_type === 'one_of' && isSubset(setOf(child, 'values'), allowed);
  },
};

/** `not_one_of`: the argument is not a member of `excluded` (draft sections 3.4 and 4.5). */
export const notOneOf: ConstraintType = {
  name: 'not_one_of',
  members: ['excluded'],
  validate: arrayMember('excluded'),
  check: (constraint, argument) => !setOf(constraint, 'excluded').has(canonicalForm(argument)),
  subsumes: (parent, child) =>
    child.constraint_type === 'not_one_of' &&
    isSubset(setOf(parent, 'excluded'), setOf(child, 'excluded')),
};

/** `contains`: the argument is an array that holds every element of `required` (draft sections 3.4 and 4.5). */
export const contains: ConstraintType = {
  name: 'contains',
  members: ['required'],
  validate: arrayMember('required'),
  check(constraint, argument) {
    if (!Array.isArray(argument)) return false;
    return isSubset(setOf(constraint, 'required'), new Set(argument.map(canonicalForm)));
  },
  subsumes: (parent, child) =>
    child.constraint_type === 'contains' &&
    isSubset(setOf(parent, 'required'), setOf(child, 'required')),
};

/** `subset`: the argument is an array all of whose elements are in `allowed` (draft sections 3.4 and 4.5). */
export const subset: ConstraintType = {
  name: 'subset',
  members: ['allowed'],
  validate: arrayMember('allowed'),
  check(constraint, argument) {
    if (!Array.isArray(argument)) return false;
    const allowed = setOf(constraint, 'allowed');
    return argument.every((element) => allowed.has(canonicalForm(element)));
  },
  subsumes: (parent, child) =>
    child.constraint_type === 'subset' &&
    isSubset(setOf(child, 'allowed'), setOf(parent, 'allowed')),
};

import { canonicalize } from '../jcs.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Up to this length a list of scalars is searched as it is; building a set would cost more. */
const SHORT_LIST = 8;

/** The canonical forms of a constraint's list; computed once for each constraint, which does not change. */
const canonicalSets = new WeakMap<Constraint, ReadonlySet<string>>();

function listOf(constraint: Constraint, member: string): readonly JsonValue[] {
  return constraint[member] as readonly JsonValue[];
}

/** A value as the draft compares it: by its JCS serialization (section 3.4). */
function canonicalForm(value: JsonValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : canonicalize(value);
}

/** Whether a value is among the elements of a constraint's list. */
function holds(constraint: Constraint, member: string, value: JsonValue): boolean {
  const list = listOf(constraint, member);
  // Two scalars have one canonical form exactly when they are identical.
  const isScalar = typeof value !== 'object' || value === null;
  if (isScalar && list.length <= SHORT_LIST) return list.includes(value);
  let set = canonicalSets.get(constraint);
  if (set === undefined) {
    set = new Set(list.map(canonicalForm));
    canonicalSets.set(constraint, set);
  }
  return set.has(canonicalForm(value));
}

/** Whether every element of one constraint's list is among the other's. */
function listWithin(inner: Constraint, outer: Constraint, member: string): boolean {
  return listOf(inner, member).every((element) => holds(outer, member, element));
}

function arrayMember(member: string): (constraint: JsonObject) => string | undefined {
  return (constraint) =>
    Array.isArray(constraint[member]) ? undefined : `\`${member}\` must be an array`;
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
  check: (constraint, argument) => holds(constraint, 'values', argument),
  subsumes(parent, child) {
    if (child.constraint_type === 'exact') {
      return holds(parent, 'values', child['value'] as JsonValue);
    }
    return child.constraint_type === 'one_of' && listWithin(child, parent, 'values');
  },
};

/** `not_one_of`: the argument is not a member of `excluded` (draft sections 3.4 and 4.5). */
export const notOneOf: ConstraintType = {
  name: 'not_one_of',
  members: ['excluded'],
  validate: arrayMember('excluded'),
  check: (constraint, argument) => !holds(constraint, 'excluded', argument),
  subsumes: (parent, child) =>
    child.constraint_type === 'not_one_of' && listWithin(parent, child, 'excluded'),
};

/** `contains`: the argument is an array that holds every element of `required` (draft sections 3.4 and 4.5). */
export const contains: ConstraintType = {
  name: 'contains',
  members: ['required'],
  validate: arrayMember('required'),
  check(constraint, argument) {
    if (!Array.isArray(argument)) return false;
    const present = new Set(argument.map(canonicalForm));
    return listOf(constraint, 'required').every((element) => present.has(canonicalForm(element)));
  },
  subsumes: (parent, child) =>
    child.constraint_type === 'contains' && listWithin(parent, child, 'required'),
};

/** `subset`: the argument is an array all of whose elements are in `allowed` (draft sections 3.4 and 4.5). */
export const subset: ConstraintType = {
  name: 'subset',
  members: ['allowed'],
  validate: arrayMember('allowed'),
  check(constraint, argument) {
    if (!Array.isArray(argument)) return false;
    return argument.every((element) => holds(constraint, 'allowed', element));
  },
  subsumes: (parent, child) =>
    child.constraint_type === 'subset' && listWithin(child, parent, 'allowed'),
};

import { canonicalizeParsed } from '../jcs.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { oncePerConstraint } from './once.ts';
import type { Constraint, ConstraintType } from './type.ts';

/** Up to this length a list is searched as it is; a set would cost more than it saves. */
const SHORT_LIST = 8;

/** A constraint's list made ready for look-ups: scalars as they are, containers by their canonical form. */
interface Elements {
  readonly scalars: ReadonlySet<JsonValue>;
  readonly containers: ReadonlySet<string>;
}

function listOf(constraint: Constraint, member: string): readonly JsonValue[] {
  return constraint[member] as readonly JsonValue[];
}

function isContainer(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null;
}

/**
 * Values compare by their JCS serialization (draft section 3.4). Two scalars have one serialization exactly when they are
 * identical, 0 and -0 included, which is how a set compares them.
 */
function toElements(list: readonly JsonValue[]): Elements {
  const scalars = new Set<JsonValue>();
  const containers = new Set<string>();
  for (const value of list) {
    if (isContainer(value)) containers.add(canonicalizeParsed(value));
    else scalars.add(value);
  }
  return { scalars, containers };
}

function isElement({ scalars, containers }: Elements, value: JsonValue): boolean {
  if (!isContainer(value)) return scalars.has(value);
  return containers.size > 0 && containers.has(canonicalizeParsed(value));
}

/** The list of a constraint, whichever member holds it. */
const elementsOf: (constraint: Constraint) => Elements = oncePerConstraint((constraint) =>
  toElements(Object.values(constraint).find(Array.isArray) ?? []),
);

/** Whether a value is among the elements of a constraint's list. */
function holds(constraint: Constraint, member: string, value: JsonValue): boolean {
  const list = listOf(constraint, member);
  if (list.length <= SHORT_LIST && !isContainer(value)) return list.includes(value);
  return isElement(elementsOf(constraint), value);
}

/** Whether every element of one constraint's list is among the other's. */
function listWithin(inner: Constraint, outer: Constraint, member: string): boolean {
  for (const element of listOf(inner, member)) if (!holds(outer, member, element)) return false;
  return true;
}

/** The elements of both lists. */
function union(left: Constraint, right: Constraint, member: string): readonly JsonValue[] {
  const more = listOf(right, member).filter((element) => !holds(left, member, element));
  return [...listOf(left, member), ...more];
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
  meet(left, right) {
    const values = listOf(left, 'values').filter((value) => holds(right, 'values', value));
    return values.length === 0 ? undefined : { constraint_type: 'one_of', values };
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
  meet: (left, right) => ({
    constraint_type: 'not_one_of',
    excluded: union(left, right, 'excluded'),
  }),
};

/** `contains`: the argument is an array that holds every element of `required` (draft sections 3.4 and 4.5). */
export const contains: ConstraintType = {
  name: 'contains',
  members: ['required'],
  validate: arrayMember('required'),
  check(constraint, argument) {
    if (!Array.isArray(argument)) return false;
    const present = toElements(argument);
    return listOf(constraint, 'required').every((element) => isElement(present, element));
  },
  subsumes: (parent, child) =>
    child.constraint_type === 'contains' && listWithin(parent, child, 'required'),
  meet: (left, right) => ({
    constraint_type: 'contains',
    required: union(left, right, 'required'),
  }),
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
  // Of two that have nothing in common the empty array is left.
  meet: (left, right) => ({
    constraint_type: 'subset',
    allowed: listOf(left, 'allowed').filter((element) => holds(right, 'allowed', element)),
  }),
};

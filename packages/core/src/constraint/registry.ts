import { canonicalize } from '../jcs.ts';
import {
  deepFreeze,
  holdsInadmissibleNumber,
  isJsonObject,
  type JsonValue,
  type NumberForms,
} from '../json.ts';
import { cidr } from './cidr.ts';
import { all, any } from './composite-types.ts';
import { decimal } from './decimal.ts';
import { effortOfSubsuming, MAX_EFFORT } from './effort.ts';
import { instant } from './instant.ts';
import { path } from './path.ts';
import { exact, isEmptyRange, range, wildcard } from './scalar-types.ts';
import { contains, notOneOf, oneOf, subset } from './set-types.ts';
import type { Constraint, ConstraintContext, ConstraintProblem, ConstraintType } from './type.ts';
import { url } from './url.ts';

/** Greatest nesting of a constraint tree; a constraint that is not `all` or `any` has depth 1 (draft section 3.4, MAX_CONSTRAINT_DEPTH). */
export const MAX_CONSTRAINT_DEPTH = 32;

const CORE: readonly ConstraintType[] = [
  exact,
  range,
  oneOf,
  notOneOf,
  contains,
  subset,
  wildcard,
  all,
  any,
];
const EXTENSIONS: readonly ConstraintType[] = [path, url, decimal, instant, cidr];
const TYPES: ReadonlyMap<string, ConstraintType> = new Map(
  [...CORE, ...EXTENSIONS].map((type) => [type.name, type]),
);

/** Names of every constraint type that this implementation evaluates. Any other type denies. */
export const CONSTRAINT_TYPES: readonly string[] = Object.freeze([...TYPES.keys()]);

function typeOf(constraint: Constraint): ConstraintType {
  const type = TYPES.get(constraint.constraint_type);
  if (type === undefined) throw new Error('a constraint reached evaluation without validation');
  return type;
}

/**
 * Whether an argument value satisfies a well-formed constraint (draft section 3.4).
 * The member `optional` plays no part.
 */
export function checkConstraint(constraint: Constraint, value: JsonValue): boolean {
  return typeOf(constraint).check(constraint, value, CONTEXT);
}

/**
 * Whether `parent` provably accepts every value that `child` accepts (draft section 4.5).
 * False when it cannot be proved. The member `optional` plays no part. Both must be well-formed.
 */
export function subsumes(parent: Constraint, child: Constraint): boolean {
  return parent.constraint_type === 'wildcard' || typeOf(parent).subsumes(parent, child, CONTEXT);
}

/**
 * A constraint that accepts only what both accept, and that both provably subsume; `undefined` where nothing is left, or nothing that
 * can be proved: of an `exact` and an `any`, say, since the draft's rules let neither stand under the other. Which order they come in
 * makes no difference to what it accepts. Both must be well-formed; the result has no `optional`, and is frozen throughout.
 */
export function meetConstraints(left: Constraint, right: Constraint): Constraint | undefined {
  const affordable = effortOfSubsuming(left, right) <= MAX_EFFORT.token;
  const met = affordable ? meetOf(ownCopy(left), ownCopy(right)) : undefined;
  return met === undefined || validateTree(met, 1) !== undefined ? undefined : met;
}

function meetOf(left: Constraint, right: Constraint): Constraint | undefined {
  const found = narrowest(left, right);
  // Frozen, so that what is remembered about its lists need not be computed again for every element.
  const met = found === undefined ? undefined : deepFreeze<Constraint>(found);
  return met !== undefined && subsumes(left, met) && subsumes(right, met) && !acceptsNothing(met)
    ? met
    : undefined;
}

function narrowest(left: Constraint, right: Constraint): Constraint | undefined {
  const [under, over] = [subsumes(left, right), subsumes(right, left)];
  // Two ways to write one thing: which is taken must not depend on the order.
  if (under && over) return canonicalize(left) <= canonicalize(right) ? left : right;
  if (under || over) return under ? right : left;
  if (left.constraint_type === right.constraint_type)
    return typeOf(left).meet(left, right, CONTEXT) as Constraint | undefined;
  return listed(left, right) ?? listed(right, left);
}

/** What a list of values has in common with a constraint of another type. One value may stand where several may not. */
function listed(list: Constraint, other: Constraint): Constraint | undefined {
  if (list.constraint_type !== 'one_of') return undefined;
  const values = (list['values'] as readonly JsonValue[]).filter((value) =>
    checkConstraint(other, value),
  );
  const [value, ...more] = values;
  if (value === undefined) return undefined;
  const several: Constraint = { constraint_type: 'one_of', values };
  if (subsumes(other, several)) return several;
  const isOne = more.every((another) => another === value);
  return isOne && !isJsonObject(value) && !Array.isArray(value)
    ? { constraint_type: 'exact', value }
    : undefined;
}

/** More clauses than this are not compared with one another. */
const MAX_COMPARED_CLAUSES = 32;

/** Whether it is plain that no value is accepted. False where that would have to be searched for. */
function acceptsNothing(constraint: Constraint): boolean {
  if (constraint.constraint_type === 'range') return isEmptyRange(constraint);
  if (constraint.constraint_type !== 'all' && constraint.constraint_type !== 'any') return false;
  const clauses = constraint['constraints'] as unknown as readonly Constraint[];
  if (constraint.constraint_type === 'any') return clauses.every(acceptsNothing);
  if (clauses.some(acceptsNothing)) return true;
  for (const clause of clauses) {
    const { constraint_type: type, value = null, values = [value] } = clause;
    if (type !== 'exact' && type !== 'one_of') continue;
    if (!(values as readonly JsonValue[]).some((each) => checkConstraint(constraint, each)))
      return true;
  }
  return (
    clauses.length <= MAX_COMPARED_CLAUSES &&
    clauses.some((clause, index) =>
      clauses.slice(index + 1).some((other) => areApart(clause, other)),
    )
  );
}

/** Whether two clauses of one type have nothing in common. Of the types with clauses of their own that is not known. */
function areApart(clause: Constraint, other: Constraint): boolean {
  const { constraint_type: type } = clause;
  return (
    type === other.constraint_type &&
    type !== 'all' &&
    type !== 'any' &&
    narrowest(clause, other) === undefined
  );
}

/** Without `optional`, and frozen: all that is found is made of parts of it. */
function ownCopy({ optional: _, ...constraint }: Constraint): Constraint {
  return deepFreeze<Constraint>(structuredClone(constraint) as Constraint);
}

/**
 * Why a top-level constraint is refused, or `undefined` when it is well-formed and of a known type
 * (draft section 3.4; steps 3n and 4o). `numbers` comes from the parse of the text the constraint stood in.
 */
export function validateConstraint(
  constraint: JsonValue,
  numbers?: NumberForms,
): ConstraintProblem | undefined {
  const problem = validateTree(constraint, 1);
  if (problem === undefined && holdsInadmissibleNumber(constraint, numbers)) {
    return malformed(constraint, 'a number does not survive as a double');
  }
  return problem;
}

function validateTree(constraint: JsonValue, depth: number): ConstraintProblem | undefined {
  if (depth > MAX_CONSTRAINT_DEPTH) return { code: 'constraint_too_deep', depth };
  if (!isJsonObject(constraint)) return malformed(constraint, 'a constraint must be an object');
  const name = constraint['constraint_type'];
  if (typeof name !== 'string') return malformed(constraint, '`constraint_type` must be a string');
  const type = TYPES.get(name);
  if (type === undefined) return { code: 'constraint_unknown', type: name };
  for (const member in constraint) {
    if (member === 'constraint_type' || type.members.includes(member)) continue;
    if (member !== 'optional')
      return malformed(constraint, 'a member that the type does not define');
    if (depth > 1) return malformed(constraint, '`optional` inside another constraint');
    if (typeof constraint[member] !== 'boolean')
      return malformed(constraint, '`optional` must be a boolean');
  }
  const problem = type.validate(constraint, CONTEXT, depth);
  return typeof problem === 'string'
    ? { code: 'constraint_malformed', type: name, reason: problem }
    : problem;
}

function malformed(constraint: JsonValue, reason: string): ConstraintProblem {
  const name = isJsonObject(constraint) ? constraint['constraint_type'] : undefined;
  return { code: 'constraint_malformed', type: typeof name === 'string' ? name : '', reason };
}

const CONTEXT: ConstraintContext = {
  check: checkConstraint,
  subsumes,
  meet: meetOf,
  validate: validateTree,
};

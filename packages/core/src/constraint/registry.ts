import {
  holdsInadmissibleNumber,
  isJsonObject,
  type JsonValue,
  type NumberForms,
} from '../json.ts';
import { cidr } from './cidr.ts';
import { all, any } from './composite-types.ts';
import { decimal } from './decimal.ts';
import { instant } from './instant.ts';
import { path } from './path.ts';
import { exact, range, wildcard } from './scalar-types.ts';
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

const CONTEXT: ConstraintContext = { check: checkConstraint, subsumes, validate: validateTree };

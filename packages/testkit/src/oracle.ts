import type { JsonObject, JsonValue } from '@taper/core';
import { canonicalText } from './canonical-text.ts';
import { EXTENSION_ORACLE } from './extension-oracle.ts';

/**
 * Whether an argument value satisfies a constraint: a second reading of draft section 3.4, sharing no code with core.
 * The constraint is taken to be well-formed; one of an unknown type accepts nothing.
 */
export function accepts(constraint: JsonObject, value: JsonValue): boolean {
  const list = (member: string): readonly JsonValue[] => constraint[member] as readonly JsonValue[];
  const type = constraint['constraint_type'] as string;
  switch (type) {
    case 'exact':
      return equal(constraint['value'] as JsonValue, value);
    case 'range':
      return (
        typeof value === 'number' && aboveMin(constraint, value) && belowMax(constraint, value)
      );
    case 'one_of':
      return list('values').some((each) => equal(each, value));
    case 'not_one_of':
      return !list('excluded').some((each) => equal(each, value));
    case 'contains':
      return (
        Array.isArray(value) &&
        list('required').every((each) => value.some((element) => equal(each, element)))
      );
    case 'subset':
      return (
        Array.isArray(value) &&
        value.every((element) => list('allowed').some((each) => equal(each, element)))
      );
    case 'wildcard':
      return true;
    case 'all':
      return clauses(constraint).every((clause) => accepts(clause, value));
    case 'any':
      return clauses(constraint).some((clause) => accepts(clause, value));
    default:
      return EXTENSION_ORACLE[type]?.(constraint, value) ?? false;
  }
}

function clauses(constraint: JsonObject): readonly JsonObject[] {
  return constraint['constraints'] as unknown as readonly JsonObject[];
}

function equal(left: JsonValue, right: JsonValue): boolean {
  return canonicalText(left) === canonicalText(right);
}

function aboveMin({ min, min_inclusive: inclusive }: JsonObject, value: number): boolean {
  if (min === undefined) return true;
  return inclusive === false ? value > (min as number) : value >= (min as number);
}

function belowMax({ max, max_inclusive: inclusive }: JsonObject, value: number): boolean {
  if (max === undefined) return true;
  return inclusive === false ? value < (max as number) : value <= (max as number);
}

/** A call, as far as tokens speak of it. */
export interface Call {
  readonly tool: string;
  readonly args: JsonObject;
}

/** Where, when and how deep in its chain a token is used. */
export interface Circumstances {
  /** Seconds since the epoch. */
  readonly now: number;
  /** Identifiers of the enforcement point. */
  readonly audience: readonly string[];
  /** Tokens that stand after this one in the chain. */
  readonly hopsBelow: number;
}

/** The `tools` of a payload; undefined when it carries no AAT entry. */
export function toolsIn(payload: JsonObject): JsonObject | undefined {
  const entries = payload['authorization_details'] as unknown as readonly JsonObject[];
  return entries.find((entry) => entry['type'] === 'attenuating_agent_token')?.['tools'] as
    | JsonObject
    | undefined;
}

/** Whether the tools of a token permit a call: closed world (draft section 3.3 and step 6b). */
export function grants(payload: JsonObject, { tool, args }: Call): boolean {
  const tools = toolsIn(payload);
  if (tools === undefined || !Object.hasOwn(tools, tool)) return false;
  const map = tools[tool] as unknown as Readonly<Record<string, JsonObject>>;
  const open = Object.keys(map).length === 0 || Object.hasOwn(map, '*');
  for (const [argument, value] of Object.entries(args)) {
    const constraint = argument !== '*' && Object.hasOwn(map, argument) ? map[argument] : undefined;
    if (constraint === undefined ? !open : !accepts(constraint, value)) return false;
  }
  return Object.entries(map).every(
    ([argument, constraint]) =>
      argument === '*' || constraint['optional'] === true || Object.hasOwn(args, argument),
  );
}

/** Whether a token, as it was issued, is in force at a time and allows so many hops below it. */
export function inForce(payload: JsonObject, now: number, hopsBelow: number): boolean {
  const {
    exp,
    iat,
    del_depth: depth,
    del_max_depth: deepest,
  } = payload as Readonly<Record<string, number>>;
  if (!((exp as number) > now) || !((iat as number) <= now + 30)) return false;
  return (depth as number) + hopsBelow <= (deepest as number);
}

/** Whether a token may be presented at an enforcement point with these identifiers. */
export function namesAudience({ aud }: JsonObject, audience: readonly string[]): boolean {
  return aud === undefined || [aud].flat().some((name) => audience.includes(name as string));
}

/** Whether a token, as it was issued, stands for a call in these circumstances: its tools, time, depth and audience. */
export function permits(payload: JsonObject, call: Call, where: Circumstances): boolean {
  return (
    inForce(payload, where.now, where.hopsBelow) &&
    namesAudience(payload, where.audience) &&
    grants(payload, call)
  );
}

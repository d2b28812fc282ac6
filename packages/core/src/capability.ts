import { Effort, effortOfSubsuming, MAX_EFFORT } from './constraint/effort.ts';
import { subsumes, validateConstraint } from './constraint/registry.ts';
import type { Constraint } from './constraint/type.ts';
import type { DenialCode, DenialFacts } from './denial.ts';
import {
  deepFreeze,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type NumberForms,
} from './json.ts';
import { ReadOnlyMap } from './read-only-map.ts';

/** `type` of the one `authorization_details` entry that carries authority (draft section 3.3). */
export const AAT_ENTRY_TYPE = 'attenuating_agent_token';

/** What a tool may be called with: a constraint map, normalized (draft section 3.3). */
export interface ToolGrant {
  /** Constraints by argument name. A constraint with `optional: true` allows the argument to be absent. */
  readonly named: ReadonlyMap<string, Constraint>;
  /** True when arguments that are not named are allowed with any value: the map held `"*"`, or was empty. */
  readonly open: boolean;
}

/** The tools that a token grants, by identifier. Identifiers compare as exact strings. */
export type Capabilities = ReadonlyMap<string, ToolGrant>;

/** A tools map that is not well-formed (steps 3n and 4o). */
export interface CapabilityProblem {
  readonly code: DenialCode;
  readonly facts: DenialFacts;
}

/** How a child grants more than its parent. */
export interface Widening extends CapabilityProblem {
  /** The rule of step 4 that is broken. */
  readonly rule: 'p1' | 'p2' | 'p3' | 'p4';
}

/** Constraints of one tool that {@link compareTools} looks at. */
export const MAX_COMPARED = 256;

const NO_CAPABILITIES: Capabilities = new ReadOnlyMap(new Map());

/**
 * The AAT entries of an `authorization_details` array, or `undefined` when an entry is not an object with a string `type`
 * (RFC 9396 section 2). Entries of other types carry no authority.
 */
export function aatEntries(details: readonly JsonValue[]): readonly JsonObject[] | undefined {
  const entries: JsonObject[] = [];
  for (const entry of details) {
    if (!isJsonObject(entry) || typeof entry['type'] !== 'string') return undefined;
    if (entry['type'] === AAT_ENTRY_TYPE) entries.push(entry);
  }
  return entries;
}

/** The `tools` object of an entry; `undefined` when it is not an object of objects (steps 3m and 4n). No entry is the empty capability set. */
export function toolsOf(entry: JsonObject | undefined): JsonObject | undefined {
  if (entry === undefined) return {};
  const tools = entry['tools'];
  if (!isJsonObject(tools)) return undefined;
  for (const tool in tools) if (!isJsonObject(tools[tool])) return undefined;
  return tools;
}

/** Reads and judges every constraint of a `tools` object (steps 3n and 4o). */
export function readCapabilities(
  tools: JsonObject,
  numbers: NumberForms | undefined,
  maxConstraintsPerTool: number,
): Capabilities | CapabilityProblem {
  const names = Object.keys(tools);
  if (names.length === 0) return NO_CAPABILITIES;
  const capabilities = new Map<string, ToolGrant>();
  for (const tool of names) {
    const grant = readGrant(tool, tools[tool] as JsonObject, numbers, maxConstraintsPerTool);
    if ('code' in grant) return grant;
    capabilities.set(tool, grant);
  }
  return new ReadOnlyMap(capabilities);
}

function readGrant(
  tool: string,
  map: JsonObject,
  numbers: NumberForms | undefined,
  maxConstraints: number,
): ToolGrant | CapabilityProblem {
  const named = new Map<string, Constraint>();
  const keys = Object.keys(map);
  let open = keys.length === 0;
  let count = 0;
  for (const argument of keys) {
    const constraint = map[argument] as JsonValue;
    count += countConstraints(constraint);
    if (count > maxConstraints) return { code: 'constraint_too_many', facts: { tool } };
    const problem = validateConstraint(constraint, numbers);
    if (problem !== undefined) {
      const { code, ...rest } = problem;
      const facts =
        'depth' in rest
          ? {}
          : { constraint: rest.type, ...('reason' in rest ? { reason: rest.reason } : {}) };
      return { code, facts: { tool, argument, ...facts } };
    }
    const wellFormed = deepFreeze(constraint) as Constraint;
    if (argument !== '*') {
      named.set(argument, wellFormed);
      continue;
    }
    if (wellFormed.constraint_type !== 'wildcard' || 'optional' in wellFormed) {
      const reason = '"*" takes a wildcard without `optional`';
      return {
        code: 'constraint_malformed',
        facts: { tool, argument, constraint: wellFormed.constraint_type, reason },
      };
    }
    open = true;
  }
  return Object.freeze({ named: new ReadOnlyMap(named), open });
}

/** Constraints in a tree. Looks only at `constraints` arrays, so it is safe before validation; the depth is bounded by that of the text. */
function countConstraints(constraint: JsonValue): number {
  const clauses = isJsonObject(constraint) ? constraint['constraints'] : undefined;
  if (!Array.isArray(clauses)) return 1;
  let count = 1;
  for (const clause of clauses) count += countConstraints(clause);
  return count;
}

/** The first way in which `child` grants more than `parent`, or `undefined` when it provably does not (draft section 4.5; step 4p). */
export function findWidening(parent: Capabilities, child: Capabilities): Widening | undefined {
  for (const tool of child.keys()) {
    if (!parent.has(tool)) return { code: 'tool_added', rule: 'p1', facts: { tool } };
  }
  const effort = new Effort(MAX_EFFORT.token);
  for (const [tool, inner] of child) {
    const outer = parent.get(tool) as ToolGrant;
    const problem =
      keyWidening(tool, outer, inner) ??
      optionalWidening(tool, outer, inner) ??
      constraintWidening(tool, outer, inner, effort);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/**
 * As {@link findWidening}, for two `tools` objects as somebody wrote them: for whoever audits tokens that no verifier here has seen.
 * Also what makes either of them malformed. `undefined` says that the child is provably a subset, and nothing about signatures.
 */
export function compareTools(
  parent: JsonObject,
  child: JsonObject,
): CapabilityProblem | Widening | undefined {
  const outer = readCapabilities(parent, undefined, MAX_COMPARED);
  if ('code' in outer) return outer;
  const inner = readCapabilities(child, undefined, MAX_COMPARED);
  return 'code' in inner ? inner : findWidening(outer, inner);
}

function keyWidening(tool: string, outer: ToolGrant, inner: ToolGrant): Widening | undefined {
  const widened = (argument: string, reason: string): Widening => ({
    code: 'argument_keys_widened',
    rule: 'p2',
    facts: { tool, argument, reason },
  });
  if (inner.open && !outer.open) return widened('*', 'the parent does not allow unnamed arguments');
  if (!outer.open) {
    for (const argument of inner.named.keys()) {
      if (!outer.named.has(argument))
        return widened(argument, 'the parent does not name the argument');
    }
  }
  for (const [argument, constraint] of outer.named) {
    if (inner.named.has(argument)) continue;
    if (!isOptional(constraint)) return widened(argument, 'the parent requires the argument');
    if (inner.open) return widened(argument, 'the argument would return, unconstrained, under "*"');
  }
  return undefined;
}

function optionalWidening(tool: string, outer: ToolGrant, inner: ToolGrant): Widening | undefined {
  for (const [argument, constraint] of inner.named) {
    const above = outer.named.get(argument);
    if (above !== undefined && !isOptional(above) && isOptional(constraint)) {
      return { code: 'argument_made_optional', rule: 'p3', facts: { tool, argument } };
    }
  }
  return undefined;
}

function constraintWidening(
  tool: string,
  outer: ToolGrant,
  inner: ToolGrant,
  effort: Effort,
): Widening | undefined {
  for (const [argument, constraint] of inner.named) {
    const above = outer.named.get(argument);
    // What the parent does not name, it allows with any value: `keyWidening` has seen that it is open.
    if (above === undefined) continue;
    const affordable = effort.affords(effortOfSubsuming(above, constraint));
    if (affordable && subsumes(above, constraint)) continue;
    const facts = {
      tool,
      argument,
      parent: above.constraint_type,
      constraint: constraint.constraint_type,
    };
    return { code: affordable ? 'constraint_widened' : 'constraint_too_costly', rule: 'p4', facts };
  }
  return undefined;
}

/** Whether the argument that a constraint stands for may be absent (draft section 3.3). */
export function isOptional(constraint: Constraint): boolean {
  return constraint['optional'] === true;
}

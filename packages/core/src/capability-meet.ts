import {
  type Capabilities,
  type CapabilityProblem,
  compareTools,
  isOptional,
  MAX_COMPARED,
  readCapabilities,
  type ToolGrant,
} from './capability.ts';
import { Effort, effortOfSubsuming, MAX_EFFORT } from './constraint/effort.ts';
import { meetConstraints } from './constraint/registry.ts';
import type { Constraint } from './constraint/type.ts';
import type { ToolMap } from './issue.ts';
import type { JsonObject } from './json.ts';

/** A tool of one side that is not in the meet, and why. */
export interface DroppedTool {
  readonly tool: string;
  /** The argument that stands in the way. */
  readonly argument?: string;
  /**
   * - `not_in_both`: one side does not have the tool.
   * - `argument_required`: one side requires an argument that the other forbids.
   * - `nothing_in_common`: no value of the argument is accepted by both, or none that can be proved.
   * - `no_argument_left`: only the call without arguments is, which a constraint map cannot say.
   * - `too_costly`: comparing them takes more work than a token may cost.
   */
  readonly reason:
    | 'not_in_both'
    | 'argument_required'
    | 'nothing_in_common'
    | 'no_argument_left'
    | 'too_costly';
}

export interface MetTools {
  /** Each provably within both sides, by the rules of draft section 4.5. May be empty. */
  readonly tools: ToolMap;
  readonly dropped: readonly DroppedTool[];
}

type Met = { readonly map: ToolMap[string] } | Omit<DroppedTool, 'tool'>;

/**
 * The tools that both sides grant, each with what both constraint maps allow. A tool of which nothing is left, or nothing that can be
 * proved, is dropped. What is malformed on either side is a problem, as in `compareTools`.
 */
export function meetTools(left: JsonObject, right: JsonObject): MetTools | CapabilityProblem {
  const ours = readCapabilities(left, undefined, MAX_COMPARED);
  if ('code' in ours) return ours;
  const theirs = readCapabilities(right, undefined, MAX_COMPARED);
  if ('code' in theirs) return theirs;
  const effort = new Effort(MAX_EFFORT.token);
  const tools: [string, ToolMap[string]][] = [];
  const dropped: DroppedTool[] = namesIn(theirs, ours).map(notInBoth);
  for (const [tool, grant] of ours) {
    const other = theirs.get(tool);
    const met: Met = other === undefined ? NOT_IN_BOTH : meetMaps(grant, other, effort);
    if ('reason' in met) {
      dropped.push(Object.freeze({ tool, ...met }));
      continue;
    }
    const made = Object.fromEntries([[tool, met.map]]);
    // Whatever is found above counts only when the rules that every verifier has say the same.
    const isWithin = [left, right].every(
      (side) =>
        compareTools(Object.fromEntries([[tool, side[tool] as JsonObject]]), made) === undefined,
    );
    if (isWithin) tools.push([tool, met.map]);
    else dropped.push(Object.freeze({ tool, reason: 'too_costly' }));
  }
  return Object.freeze({
    tools: Object.freeze(Object.fromEntries(tools)),
    dropped: Object.freeze(dropped),
  });
}

const NOT_IN_BOTH = { reason: 'not_in_both' } as const;

function notInBoth(tool: string): DroppedTool {
  return Object.freeze({ tool, ...NOT_IN_BOTH });
}

function namesIn(some: Capabilities, without: Capabilities): string[] {
  return [...some.keys()].filter((tool) => !without.has(tool));
}

const ANY_OTHER: readonly [string, JsonObject] = [
  '*',
  Object.freeze({ constraint_type: 'wildcard' }),
];

function meetMaps(left: ToolGrant, right: ToolGrant, effort: Effort): Met {
  const named: [string, JsonObject][] = [];
  let open = left.open && right.open;
  for (const argument of new Set([...left.named.keys(), ...right.named.keys()])) {
    const [ours, theirs] = [left.named.get(argument), right.named.get(argument)];
    if (ours === undefined || theirs === undefined) {
      const only = (ours ?? theirs) as Constraint;
      if ((ours === undefined ? left : right).open) named.push([argument, only]);
      else if (!isOptional(only)) return { reason: 'argument_required', argument };
      continue;
    }
    if (!effort.affords(effortOfSubsuming(ours, theirs))) return { reason: 'too_costly', argument };
    const met = meetConstraints(ours, theirs);
    const optional = isOptional(ours) && isOptional(theirs);
    if (met !== undefined) named.push([argument, optional ? { ...met, optional: true } : met]);
    else if (!optional) return { reason: 'nothing_in_common', argument };
    // Under "*" the argument would come back with any value, so no other that is not named may come either.
    else open = false;
  }
  if (open) named.push([...ANY_OTHER]);
  // An empty map would allow any argument.
  return named.length === 0
    ? { reason: 'no_argument_left' }
    : { map: Object.freeze(Object.fromEntries(named)) };
}

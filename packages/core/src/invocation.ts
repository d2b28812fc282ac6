import { type Capabilities, isOptional, type ToolGrant } from './capability.ts';
import { Effort, effortOfChecking, MAX_EFFORT } from './constraint/effort.ts';
import { checkConstraint } from './constraint/registry.ts';
import { isProblem, type Problem, problem } from './denial.ts';
import { canonicalize, canonicalizeParsed } from './jcs.ts';
import {
  deepFreeze,
  holdsInadmissibleNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from './json.ts';

/** The arguments of a call: a copy that nobody else holds, with its canonical form. */
export interface InvocationArguments {
  readonly values: JsonObject;
  /** RFC 8785 text of `values`. */
  readonly canonical: string;
}

/**
 * Takes a copy of a call's arguments. Text is read as strict JSON, so that repeated members and numbers that a double
 * cannot hold are refused; an object is taken as parsed, and whatever is not plain JSON data in it is refused.
 */
export function readArguments(
  args: JsonObject | string,
  maxCharacters: number,
): InvocationArguments | Problem {
  if (typeof args !== 'string') return argumentsOfValue(args);
  const values = argumentsOfText(args, maxCharacters);
  return isProblem(values) ? values : { values, canonical: canonicalizeParsed(values) };
}

/** As {@link readArguments}, for a call in which nothing is compared with the canonical form. */
export function readArgumentValues(
  args: JsonObject | string,
  maxCharacters: number,
): JsonObject | Problem {
  if (typeof args === 'string') return argumentsOfText(args, maxCharacters);
  const read = argumentsOfValue(args);
  return isProblem(read) ? read : read.values;
}

function argumentsOfText(text: string, maxCharacters: number): JsonObject | Problem {
  if (text.length > maxCharacters)
    return problem('arguments_malformed', '6b', { reason: 'too_long' });
  const parsed = parseJson(text);
  if (!parsed.ok) return problem('arguments_malformed', '6b', { reason: parsed.problem });
  const { value, numbers } = parsed;
  if (!isJsonObject(value))
    return problem('arguments_malformed', '6b', { reason: 'not_an_object' });
  if (holdsInadmissibleNumber(value, numbers)) return problem('argument_number_inadmissible', '6b');
  return deepFreeze(value);
}

function argumentsOfValue(value: unknown): InvocationArguments | Problem {
  if (!isJsonObject(value as JsonValue))
    return problem('arguments_malformed', '6b', { reason: 'not_an_object' });
  let canonical: string;
  try {
    canonical = canonicalize(value);
  } catch {
    return problem('arguments_malformed', '6b', { reason: 'not_json' });
  }
  // Not JSON.parse: V8 can read a name that has escapes wrong (nodejs/node#63785), which parseJson notices.
  const copy = parseJson(canonical);
  if (!copy.ok) return problem('arguments_malformed', '6b', { reason: copy.problem });
  return { values: deepFreeze(copy.value as JsonObject), canonical };
}

/** Whether the leaf grants the tool with these arguments (step 6b): closed world, every constraint, every required argument. */
export function checkInvocation(
  capabilities: Capabilities,
  tool: string,
  args: JsonObject,
): Problem | undefined {
  const grant = capabilities.get(tool);
  if (grant === undefined) return problem('tool_not_granted', '6b', { tool });
  const effort = new Effort(MAX_EFFORT.call);
  for (const argument of Object.keys(args)) {
    const value = args[argument] as JsonValue;
    const constraint = grant.named.get(argument);
    if (constraint === undefined) {
      if (grant.open) continue;
      return problem('argument_unexpected', '6b', { tool, argument });
    }
    const facts = { tool, argument, constraint: constraint.constraint_type };
    if (!effort.affords(effortOfChecking(constraint, value))) {
      return problem('constraint_too_costly', '6b', facts);
    }
    if (!checkConstraint(constraint, value)) return problem('argument_refused', '6b', facts);
  }
  return missingArgument(tool, grant, args);
}

function missingArgument(tool: string, grant: ToolGrant, args: JsonObject): Problem | undefined {
  for (const [argument, constraint] of grant.named) {
    if (!isOptional(constraint) && !Object.hasOwn(args, argument)) {
      return problem('argument_missing', '6b', { tool, argument });
    }
  }
  return undefined;
}

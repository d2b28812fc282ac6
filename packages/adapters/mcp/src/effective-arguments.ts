import {
  canonicalize,
  checkConstraint,
  type Denial,
  type DenialCode,
  denial,
  type JsonObject,
  type JsonValue,
  type Permit,
} from '@taper/core';
import { isRecord } from './wire.ts';

/**
 * What a tool is given once its input schema has been applied: every judged argument exactly as it was judged, and
 * the defaults of the schema for arguments that the caller left out. Frozen.
 *
 * Refused are an argument that the schema drops (`argument_unexpected`), one whose value it changes, and a default that
 * the token's own constraint on that argument would have refused (both `argument_refused`). A default for
 * an argument that the token does not name is the tool's own business (draft section 3.3).
 *
 * @param parsed what the schema made of the arguments; undefined for a tool without a schema, which is given none.
 */
export function effectiveArguments(
  permit: Permit,
  parsed: unknown,
): { readonly args: JsonObject } | { readonly denial: Denial } {
  const { tool, args: judged, chain } = permit;
  const refuse = (code: DenialCode, reason: string, argument?: string) => {
    const facts = argument === undefined ? { tool, reason } : { tool, argument, reason };
    return { denial: denial(code, { step: '6b', hop: chain.tokens.length - 1 }, facts) };
  };
  const made = parsed ?? {};
  if (!isRecord(made)) return refuse('arguments_malformed', 'changed_by_schema');
  for (const [argument, value] of Object.entries(judged)) {
    if (!Object.hasOwn(made, argument))
      return refuse('argument_unexpected', 'dropped_by_schema', argument);
    if (canonicalize(value) !== canonicalText(made[argument]))
      return refuse('argument_refused', 'changed_by_schema', argument);
  }
  const constraints = chain.leaf.claims.capabilities.get(tool)?.named;
  const defaults: Record<string, unknown> = {};
  for (const [argument, value] of Object.entries(made)) {
    if (value === undefined || Object.hasOwn(judged, argument)) continue;
    const constraint = constraints?.get(argument);
    const isJson = canonicalText(value) !== undefined;
    if (constraint !== undefined && !(isJson && checkConstraint(constraint, value as JsonValue)))
      return refuse('argument_refused', 'default_of_schema', argument);
    defaults[argument] = value;
  }
  return { args: Object.freeze({ ...defaults, ...judged }) as JsonObject };
}

/** Undefined for what is no plain JSON, such as a date that a schema made. */
function canonicalText(value: unknown): string | undefined {
  try {
    return canonicalize(value);
  } catch {
    return undefined;
  }
}

import {
  AAT_ENTRY_TYPE,
  canonicalize,
  compareTools,
  DEFAULT_LIMITS,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ToolMap,
} from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';

/**
 * The tools that `authorization_details` ask for: exactly one entry of the type of AAT, and nothing in it but its tools, since what is
 * not understood must not be granted (RFC 9396 section 5).
 * @throws {AuthorityRefusal} `details_invalid`.
 */
export function readDetails(details: JsonValue): ToolMap {
  if (!Array.isArray(details) || details.length !== 1) throw invalid({ reason: 'one_entry' });
  const [entry] = details as readonly JsonValue[];
  if (!isJsonObject(entry)) throw invalid({ reason: 'not_an_object' });
  if (entry['type'] !== AAT_ENTRY_TYPE) throw invalid({ reason: 'type' });
  if (Object.keys(entry).sort().join() !== 'tools,type') throw invalid({ reason: 'members' });
  const { tools } = entry;
  if (!isJsonObject(tools) || Object.keys(tools).length === 0) throw invalid({ reason: 'tools' });
  for (const [tool, map] of Object.entries(tools)) {
    if (!isJsonObject(map)) throw invalid({ reason: 'constraints', tool: tool.slice(0, 256) });
  }
  if (canonicalize(details).length > DEFAULT_LIMITS.maxTokenSize)
    throw invalid({ reason: 'too_long' });
  const problem = compareTools(tools, tools);
  if (problem !== undefined) throw invalid({ ...problem.facts, denial: problem.code });
  return tools as ToolMap;
}

/** Tools as `authorization_details` of a token or a response. */
export function writeDetails(tools: ToolMap): readonly JsonValue[] {
  return [{ type: AAT_ENTRY_TYPE, tools: tools as unknown as JsonObject }];
}

function invalid(facts: { readonly [fact: string]: JsonValue | undefined }): AuthorityRefusal {
  const known = Object.entries(facts).filter(([, fact]) => fact !== undefined);
  return new AuthorityRefusal('details_invalid', 'The authorization_details cannot be granted.', {
    facts: Object.fromEntries(known) as JsonObject,
    hint: `One entry: {"type": "${AAT_ENTRY_TYPE}", "tools": {…}}.`,
  });
}

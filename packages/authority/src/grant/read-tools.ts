import {
  compareTools,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ToolMap,
} from '@taper/core';
import { malformed, type Place, requireEntries } from './member.ts';

const MAX_TOOLS = 1024;
const MAX_TOOL_NAME = 2048;

/**
 * Reads tools with their constraints. Unlike a token's, a map without constraints has to say so: `{"*": {"constraint_type": "wildcard"}}`.
 * @throws {AuthorityRefusal} `grant_malformed`.
 */
export function readTools(value: JsonValue | undefined, place: Place): ToolMap {
  const entries = requireEntries(value, place);
  if (entries.length > MAX_TOOLS) throw malformed(place, `more than ${MAX_TOOLS} tools`);
  for (const [tool, map] of entries) {
    const at = { ...place, tool: tool.slice(0, 256) };
    if (tool === '' || tool.length > MAX_TOOL_NAME || /\p{Cc}/u.test(tool))
      throw malformed(at, 'a tool without a name');
    if (!isJsonObject(map)) throw malformed(at, 'constraints that are no object');
    if (Object.keys(map).length === 0) {
      throw malformed(
        at,
        'a tool without constraints',
        'To allow any arguments, write "*": {"constraint_type": "wildcard"}.',
      );
    }
    for (const [argument, constraint] of Object.entries(map)) {
      if (!isJsonObject(constraint))
        throw malformed({ ...at, argument }, 'a constraint that is no object');
    }
  }
  const problem = compareTools(value as JsonObject, value as JsonObject);
  if (problem === undefined) return value as ToolMap;
  const { tool, argument, reason } = problem.facts;
  throw malformed(
    {
      ...place,
      ...(tool === undefined ? {} : { tool }),
      ...(argument === undefined ? {} : { argument }),
    },
    reason === undefined ? problem.code : `${problem.code}, ${reason}`,
  );
}

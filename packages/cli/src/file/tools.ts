import type { JsonObject, ToolMap } from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { quoteText } from '../text/escape.ts';
import { isObject, kindOf, parseJsonInput } from './json.ts';
import { readInline } from './read.ts';

/**
 * Reads the tools to grant from `--tools`: JSON, `@file` or `-`. Whether constraints are well-formed is for core to say.
 * @throws {Failure} `tools_malformed` naming the tool and the argument, `json_invalid`, and as `readInput`.
 */
export async function readTools(value: string, session: Session): Promise<ToolMap> {
  const input = await readInline(value, '--tools', session);
  const tools = parseJsonInput(input);
  const malformed = (field: string, what: string): Failure =>
    new Failure('tools_malformed', `${input.source}: ${field} is ${what} and not an object`, {
      file: input.source,
      field,
      hint: 'Tools are JSON: {"read_file": {"path": {"constraint_type": "exact", "value": "/data/q3"}}}. An empty map, {"read_file": {}}, allows any arguments.',
    });
  if (!isObject(tools)) throw malformed('the whole', kindOf(tools));
  for (const [tool, map] of Object.entries(tools)) {
    if (!isObject(map)) throw malformed(quoteText(tool), kindOf(map));
    for (const [argument, constraint] of Object.entries(map as JsonObject)) {
      if (!isObject(constraint))
        throw malformed(`${quoteText(tool)}, argument ${quoteText(argument)},`, kindOf(constraint));
    }
  }
  return tools as ToolMap;
}

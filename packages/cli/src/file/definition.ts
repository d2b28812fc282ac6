import { definitionHash, TaperError, type ToolDefinition } from '@taper/core';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { isObject, member, parseJsonInput } from './json.ts';
import { readInline } from './read.ts';

/**
 * Reads definitions of tools: one, a list of them, or what an MCP server answers to `tools/list`.
 * @throws {Failure} `definition_malformed`, `json_invalid`, and as `readInput`.
 */
export async function readDefinitions(
  value: string,
  option: string,
  session: Session,
): Promise<readonly ToolDefinition[]> {
  const input = await readInline(value, option, session);
  const whole = parseJsonInput(input);
  const listed = isObject(whole) ? (member(whole, 'tools') ?? whole) : whole;
  const definitions = [listed].flat() as unknown as readonly ToolDefinition[];
  for (const [index, definition] of definitions.entries()) {
    if (isObject(definition as never) && isDefinition(definition)) continue;
    throw new Failure(
      'definition_malformed',
      `${input.source}: definition ${index + 1} is none of a tool`,
      {
        file: input.source,
        hint: 'A tool has name, inputSchema (an object) and perhaps description, as an MCP server lists it.',
      },
    );
  }
  return definitions;
}

/** The hash of one definition: as it stands, or of JSON. @throws as {@link readDefinitions}. */
export async function readDefinitionHash(
  value: string,
  option: string,
  session: Session,
): Promise<string> {
  if (/^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  const [definition, ...more] = await readDefinitions(value, option, session);
  if (definition !== undefined && more.length === 0) return definitionHash(definition);
  throw new Failure('definition_malformed', `${option} has not exactly one definition`, {
    field: option,
    hint: 'Give the definition of the tool that is called, or its hash.',
  });
}

function isDefinition(definition: ToolDefinition): boolean {
  try {
    return definitionHash(definition) !== '';
  } catch (thrown) {
    if (thrown instanceof TaperError) return false;
    throw thrown;
  }
}

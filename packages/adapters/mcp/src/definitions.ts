import { chainCaveats, definitionHash, denial, type JsonObject, RefusedError } from '@taper/core';
import type { Permitted } from '@taper/enforce';
import { isRecord, ownMember } from './wire.ts';

/** A tool as `tools/list` shows it. */
export interface ListedTool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: unknown;
}

/**
 * Hashes of the tools' definitions by name, in the shape of the caveat `definitions`: for issuers that grant tools as they are
 * now. A hash covers name, description and input schema; `title`, `annotations`, `icons`, `outputSchema` and `_meta` are left out,
 * since they decide neither what an argument means nor which arguments there are.
 *
 * @param tools every tool of a server, all pages of `tools/list`.
 * @param names default all of them.
 * @throws {RefusedError} `tool_definition_ambiguous` when two tools have one name, `definition_unknown` when a tool is not there or cannot be hashed.
 */
export function definitionsOf(
  tools: readonly ListedTool[],
  names: readonly string[] = tools.map(({ name }) => name),
): { readonly [tool: string]: string } {
  return Object.fromEntries(
    names.map((name) => {
      const found = findDefinition(tools, name);
      if ('code' in found) throw new RefusedError(denial(found.code, {}, { tool: name }));
      return [name, found.definition];
    }),
  );
}

/** The hash of the one tool of that name. */
export function findDefinition(
  tools: readonly unknown[],
  name: string,
):
  | { readonly definition: string }
  | { readonly code: 'tool_definition_ambiguous' | 'definition_unknown' } {
  const [tool, other] = tools.filter((each) => ownMember(each, 'name') === name);
  if (other !== undefined) return { code: 'tool_definition_ambiguous' };
  const definition = hashOf(tool);
  return definition === undefined ? { code: 'definition_unknown' } : { definition };
}

/** Whether a chain under which the call was permitted pins its tool. */
export function isPinned({ permits, tool }: Permitted): boolean {
  return permits.some(({ chain }) => chainCaveats(chain).definitions(tool).length > 0);
}

/**
 * Whether one of the chains presented could pin a tool, by a look at tokens that are not verified: what they say decides only
 * whether the server is asked for its definitions, and a pin that is overlooked refuses the call (`definition_unknown`).
 */
export function mayPin(presentation: unknown): boolean {
  const joined = ownMember(presentation, 'taper_chains');
  const chains = Array.isArray(joined) ? joined : [presentation];
  return chains.some((each) => {
    const tokens = ownMember(each, 'aat_chain');
    // no tokens: a session, whose chains were presented before
    return !Array.isArray(tokens) || tokens.some(mayNameDefinitions);
  });
}

function mayNameDefinitions(token: unknown): boolean {
  const payload = typeof token === 'string' ? token.split('.', 2)[1] : undefined;
  if (payload === undefined) return true;
  const text = Buffer.from(payload, 'base64url').toString('latin1');
  return text.includes('"definitions"') || text.includes('\\u');
}

function hashOf(tool: unknown): string | undefined {
  const name = ownMember(tool, 'name');
  const description = ownMember(tool, 'description');
  const inputSchema = ownMember(tool, 'inputSchema');
  if (typeof name !== 'string' || !isRecord(inputSchema)) return undefined;
  if (description !== undefined && typeof description !== 'string') return undefined;
  try {
    return definitionHash({
      name,
      ...(description === undefined ? {} : { description }),
      inputSchema: inputSchema as JsonObject,
    });
  } catch {
    return undefined; // a schema that is no JSON
  }
}

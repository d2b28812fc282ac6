import { canonicalize, isJsonObject, type JsonValue, type ToolMap } from '@taper/core';
import type { GrantSubject } from './grant.ts';
import { malformed, type Place, requireEntries, requireMembers } from './member.ts';
import { readTools } from './read-tools.ts';

/** RFC 6749 section 3.3. */
const SCOPE = /^[!#-[\]-~]{1,256}$/;

/** Reads on whose behalf a grant is. @throws {AuthorityRefusal} `grant_malformed`. */
export function readSubject(
  value: JsonValue | undefined,
  tools: ToolMap,
  place: Place,
): GrantSubject | undefined {
  if (value === undefined) return undefined;
  switch (isJsonObject(value) ? value['kind'] : undefined) {
    case 'chain':
      requireMembers(value, ['kind'], place);
      return Object.freeze({ kind: 'chain' });
    case 'user': {
      const { issuer, scopes } = requireMembers(value, ['kind', 'issuer', 'scopes'], place);
      return Object.freeze({
        kind: 'user',
        issuer: readIssuer(issuer, place),
        scopes: readScopes(scopes, tools, place),
      });
    }
    case 'foreign': {
      const read = requireMembers(value, ['kind', 'issuer', 'tools'], place);
      return Object.freeze({
        kind: 'foreign',
        issuer: readIssuer(read['issuer'], place),
        tools: readForeignTools(read['tools'], tools, place),
      });
    }
    default:
      throw malformed(place, 'a kind other than user, chain or foreign');
  }
}

function readIssuer(value: JsonValue | undefined, place: Place): string {
  const fits =
    typeof value === 'string' &&
    value.length <= 2048 &&
    /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{C}]+$/u.test(value);
  if (!fits) throw malformed(place, 'an issuer that is no URI');
  return value;
}

function readScopes(
  value: JsonValue | undefined,
  granted: ToolMap,
  place: Place,
): { readonly [scope: string]: ToolMap } {
  const constraints = new Map<string, string>();
  const scopes = requireEntries(value, place).map(([scope, map]) => {
    if (!SCOPE.test(scope)) throw malformed(place, 'a scope without a name');
    const tools = readTools(map, place);
    for (const [tool, arguments_] of Object.entries(tools)) {
      requireGranted(tool, granted, place);
      const text = canonicalize(arguments_);
      // Two scopes with different constraints would have to be united, and authority never is.
      if ((constraints.get(tool) ?? text) !== text)
        throw malformed({ ...place, tool }, 'a tool with other constraints in another scope');
      constraints.set(tool, text);
    }
    return [scope, tools] as const;
  });
  return Object.freeze(Object.fromEntries(scopes));
}

function readForeignTools(
  value: JsonValue | undefined,
  granted: ToolMap,
  place: Place,
): { readonly [foreign: string]: string } {
  const taken = new Set<string>();
  const entries = requireEntries(value, place).map(([foreign, own]) => {
    if (foreign === '' || typeof own !== 'string')
      throw malformed(place, 'a foreign tool without a tool of ours');
    requireGranted(own, granted, place);
    if (taken.has(own)) throw malformed({ ...place, tool: own }, 'two foreign tools for one');
    taken.add(own);
    return [foreign, own] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

function requireGranted(tool: string, granted: ToolMap, place: Place): void {
  if (!Object.hasOwn(granted, tool))
    throw malformed({ ...place, tool }, 'a tool that the grant does not have');
}

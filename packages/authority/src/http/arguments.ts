import { isJsonObject, type JsonValue, parseJson } from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';
import { mediaType, readText } from './body.ts';
import { type ArgumentMap, type Endpoint, isOptional } from './endpoint.ts';
import type { ServerRefusal } from './problem.ts';

export interface RawArguments {
  readonly [name: string]: JsonValue;
}

/**
 * Takes the arguments of an endpoint out of a request. Nothing is guessed: a parameter that stands twice, one that nobody declared, a
 * body where there is none to be, all are refused.
 * @throws {AuthorityRefusal} `request_malformed` with `reason`, and `argument` where one is at fault.
 */
export async function readArguments(
  endpoint: Endpoint,
  request: Request,
  path: Readonly<Record<string, string>>,
): Promise<{ readonly args: RawArguments } | ServerRefusal> {
  const { args, maxBody } = endpoint;
  const found: Record<string, JsonValue> = {};
  for (const name of namesFrom(args, 'path')) found[name] = path[name] as string;
  const allowed = namesFrom(args, 'query');
  for (const [name, value] of new URL(request.url).searchParams) {
    if (!allowed.includes(name) || Object.hasOwn(found, name)) throw malformed('query', name);
    found[name] = value;
  }
  const read = await readText(request, maxBody);
  if (typeof read === 'string') return read;
  const members = namesFrom(args, 'body');
  if (read.text === '' && members.every((name) => isOptional(args[name] as ArgumentMap[string])))
    return { args: found };
  if (endpoint.method === 'GET') throw malformed('body');
  if (mediaType(request.headers) !== 'application/json') return 'media_type_unsupported';
  const parsed = parseJson(read.text);
  if (!parsed.ok || !isJsonObject(parsed.value)) throw malformed('json');
  for (const [name, value] of Object.entries(parsed.value)) {
    if (!members.includes(name)) throw malformed('undeclared', name);
    found[name] = value;
  }
  return { args: found };
}

/**
 * Checks arguments against the schemas of an endpoint.
 * @throws {AuthorityRefusal} `request_malformed` with the `argument` and the place in it.
 */
export function validateArguments(
  endpoint: Endpoint,
  raw: RawArguments,
): Readonly<Record<string, unknown>> {
  const checked: Record<string, unknown> = {};
  const stranger = Object.keys(raw).find((name) => !Object.hasOwn(endpoint.args, name));
  if (stranger !== undefined) throw malformed('undeclared', stranger);
  for (const [name, { schema, from }] of Object.entries(endpoint.args)) {
    const given = Object.hasOwn(raw, name) ? raw[name] : undefined;
    const result = schema.safeParse(given);
    if (!result.success) {
      const place = result.error.issues[0]?.path.map(String).join('.') ?? '';
      throw malformed(given === undefined ? 'missing' : from, name, place);
    }
    if (result.data !== undefined) checked[name] = result.data;
  }
  return checked;
}

function namesFrom(args: ArgumentMap, place: ArgumentMap[string]['from']): readonly string[] {
  return Object.entries(args).flatMap(([name, { from }]) => (from === place ? [name] : []));
}

/** Names come from the caller, who may have meant a secret by them: long ones are not sent back. */
const MAX_NAME = 64;

function malformed(reason: string, argument?: string, place = ''): AuthorityRefusal {
  const named = argument !== undefined && /^[A-Za-z0-9_.-]+$/.test(argument);
  return new AuthorityRefusal('request_malformed', 'The request is malformed.', {
    facts: {
      reason,
      ...(named && argument.length <= MAX_NAME ? { argument } : {}),
      ...(place !== '' && place.length <= 2 * MAX_NAME ? { place } : {}),
    },
    hint: 'The OpenAPI document at /openapi.json says what it takes.',
  });
}

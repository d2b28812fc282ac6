import {
  type Denial,
  type DenialCode,
  denial,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  TaperError,
} from '@taper/core';
import { decodeUtf8 } from './presentation-header.ts';
import {
  announcesBody,
  type Headers,
  type HttpRequest,
  isPlainJson,
  readBytes,
} from './request.ts';
import type { Route } from './route.ts';
import type { RouteMatch } from './route-table.ts';
import { isOfType, type Source, valueOfText } from './source.ts';

/** Why the arguments of a request cannot be read. */
export interface Unreadable {
  readonly denial: Denial;
  /** Whether bytes of the body may still be on their way. */
  readonly unread: boolean;
}

/**
 * Reads the arguments of a tool from a request, from the declared sources and no other.
 * Denials: `request_malformed`, `request_input_undeclared`, `request_too_large`, `argument_number_inadmissible`.
 * @throws {TaperError} `option_invalid` when somebody else has read the body.
 */
export async function readArguments(
  request: HttpRequest,
  headers: Headers,
  { route, parameters }: RouteMatch,
  query: ReadonlyMap<string, string>,
  bodyTimeout: number,
): Promise<{ readonly args: JsonObject } | Unreadable> {
  const args: Record<string, JsonValue> = {};
  const sources = Object.entries(route.args);
  const hasBody = announcesBody(headers) || request.body !== undefined;
  const refuse = (code: DenialCode, reason: string, argument?: string): Unreadable => ({
    denial: refusal(route, code, reason, argument),
    unread: hasBody,
  });
  const fromQuery = new Set<string>();
  for (const [argument, { from, as, optional, name = argument }] of sources) {
    if (from !== 'path' && from !== 'query') continue;
    if (from === 'query') fromQuery.add(name);
    const text = (from === 'path' ? parameters : query).get(name);
    if (text === undefined && optional) continue;
    const value = text === undefined ? undefined : valueOfText(as, text);
    if (value === undefined) return refuse('request_malformed', from, argument);
    setMember(args, argument, value);
  }
  for (const name of query.keys())
    if (!fromQuery.has(name)) return refuse('request_input_undeclared', 'query', name);

  const inBody = sources.filter(([, { from }]) => from === 'body' || from === 'whole_body');
  if (!hasBody) {
    // Parsers disagree whether there is an empty body then.
    if (route.method !== 'GET' && headers.has('content-type'))
      return refuse('request_malformed', 'content_type');
    const missing = inBody.find(([, { optional }]) => !optional);
    return missing === undefined ? { args } : refuse('request_malformed', 'body', missing[0]);
  }
  if (inBody.length === 0) return refuse('request_input_undeclared', 'body');
  if (!isPlainJson(headers)) return refuse('request_malformed', 'content_type');
  if (Number(headers.get('content-length')?.[0] ?? 0) > route.maxBody)
    return refuse('request_too_large', 'body');
  const parsed = await readJson(request.body, route.maxBody, bodyTimeout);
  if ('code' in parsed) return { ...refuse(parsed.code, parsed.reason), unread: parsed.unread };
  const read = argumentsOfBody(route, inBody, parsed.value, args);
  return read === undefined ? { args } : { denial: read, unread: false };
}

interface NoJson {
  readonly code: DenialCode;
  readonly reason: string;
  readonly unread: boolean;
}

/** Reads a body as one strict JSON text. */
export async function readJson(
  body: HttpRequest['body'],
  most: number,
  milliseconds: number,
): Promise<{ readonly value: JsonValue } | NoJson> {
  if (body === 'consumed') {
    throw new TaperError('option_invalid', 'Something has read the body before the guard.', {
      hint: 'Call guardRoutes before anything that parses bodies, such as express.json(): the guard judges the bytes as they were sent.',
    });
  }
  const bytes = body === undefined ? 'broken' : await readBytes(body, most, milliseconds);
  if (typeof bytes === 'string') {
    const code = bytes === 'too_large' ? 'request_too_large' : 'request_malformed';
    return { code, reason: 'body', unread: true };
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) return { code: 'request_malformed', reason: 'utf8', unread: false };
  const parsed = parseJson(text);
  if (!parsed.ok) return { code: 'request_malformed', reason: parsed.problem, unread: false };
  for (const forms of parsed.numbers?.values() ?? []) {
    for (const form of forms.values()) {
      if (form === 'inadmissible')
        return { code: 'argument_number_inadmissible', reason: 'body', unread: false };
    }
  }
  return { value: parsed.value };
}

function argumentsOfBody(
  route: Route,
  inBody: readonly [string, Source][],
  value: JsonValue,
  args: Record<string, JsonValue>,
): Denial | undefined {
  const [first] = inBody;
  if (first?.[1].from === 'whole_body') {
    setMember(args, first[0], value);
    return undefined;
  }
  if (!isJsonObject(value)) return refusal(route, 'request_malformed', 'not_an_object');
  const declared = new Set<string>();
  for (const [argument, { as, optional, name = argument }] of inBody) {
    declared.add(name);
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member === undefined && optional) continue;
    if (member === undefined || !isOfType(as, member))
      return refusal(route, 'request_malformed', 'body', argument);
    setMember(args, argument, member);
  }
  const undeclared = Object.keys(value).find((name) => !declared.has(name));
  return undeclared === undefined
    ? undefined
    : refusal(route, 'request_input_undeclared', 'body', undeclared);
}

function refusal({ tool }: Route, code: DenialCode, reason: string, argument?: string): Denial {
  return denial(code, {}, { tool, reason, ...(argument === undefined ? {} : { argument }) });
}

/** Assigning to a name such as `toString` is harmless; to one that Object.prototype has a setter for it is not. */
function setMember(args: Record<string, JsonValue>, name: string, value: JsonValue): void {
  Object.defineProperty(args, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

import { administrationAudience } from '@taper/authority';
import { ENDPOINTS, type Endpoint } from '@taper/authority/http';
import { type JsonObject, type JsonValue, parseJson, platform } from '@taper/core';
import { type Credential, createTaperFetch, type TaperFetch } from '@taper/http';
import createClient, { type Client } from 'openapi-fetch';
import { Failure } from '../failure.ts';
import { isObject, member } from '../file/json.ts';
import { making } from '../make.ts';
import { escapeText } from '../text/escape.ts';
import { patientFetch } from './answer.ts';
import type { paths } from './paths.ts';

/** Calls the administrative API; every request carries a proof for this very call. Redirects are never followed. */
export type AdministratorClient = Client<paths>;

/**
 * @param credential the administrator's chain and key.
 * @param issuer URL of the authority.
 * @param send sends a request, where it does not go the usual way.
 */
export function createAdministratorClient(
  issuer: string,
  credential: Credential,
  clock: () => number,
  send: (request: Request) => Promise<Response> = patientFetch,
): AdministratorClient {
  const taper = createTaperFetch({
    ...credential,
    origin: issuer,
    audience: administrationAudience(issuer),
    clock: { now: clock },
  });
  const client = createClient<paths>({
    baseUrl: issuer,
    redirect: 'error',
    fetch: (request) => send(request),
  });
  client.use({
    async onRequest({ request, schemaPath, params }) {
      await sign(request, endpointOf(request.method, schemaPath), params, taper);
      return request;
    },
  });
  return client;
}

function endpointOf(method: string, schemaPath: string): Endpoint {
  const path = schemaPath.replaceAll(/\{(\w+)\}/g, ':$1');
  const found = ENDPOINTS.find((each) => each.method === method && each.path === path);
  if (found === undefined) throw new Error(`there is no endpoint ${method} ${schemaPath}`);
  return found;
}

async function sign(
  request: Request,
  { access, args: declared }: Endpoint,
  params: { readonly path?: Record<string, unknown>; readonly query?: Record<string, unknown> },
  taper: TaperFetch,
): Promise<void> {
  if (access.kind !== 'administrator') return;
  const text = await request.clone().text();
  const members = text === '' ? undefined : parseJson(text);
  const args: Record<string, JsonValue> = {};
  for (const [name, { from }] of Object.entries(declared)) {
    if (from === 'content') args[name] = platform.sha256(new TextEncoder().encode(text));
    const given =
      from === 'body'
        ? members?.ok === true
          ? (members.value as JsonObject)[name]
          : undefined
        : params[from as 'path' | 'query']?.[name];
    if (given === undefined) continue;
    args[name] = from === 'body' ? (given as JsonValue) : String(given);
  }
  const headers = await making('the call', () => taper.headersFor(access.tool, args));
  for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
}

/** The result of a call. @throws {Failure} `server_refused` with the authority's code, `server_answer_invalid`. */
export function resultOf<Data>(answer: {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}): Data {
  if (answer.data !== undefined) return answer.data;
  throw refusalOf(answer.error, answer.response.status);
}

/** Members of problem+json (RFC 9457) and of an OAuth error that are no facts; `facts` holds those of the latter. */
const NO_FACTS: ReadonlySet<string> = new Set([
  ...['type', 'status', 'title', 'detail', 'code', 'hint'],
  ...['error', 'error_description', 'facts'],
]);

/** What a refusal says, for people, and its facts for programs. */
export function refusalOf(problem: unknown, status: number): Failure {
  const body = isObject(problem as JsonValue) ? (problem as JsonObject) : {};
  const inner = member(body, 'facts');
  const facts = Object.fromEntries(
    [...Object.entries(body), ...Object.entries(isObject(inner) ? inner : {})].filter(
      ([name]) => !NO_FACTS.has(name),
    ),
  );
  const text = (name: string): string | undefined => {
    const value = member(body, name);
    return typeof value === 'string' ? escapeText(value) : undefined;
  };
  const named = text('code') ?? text('error');
  if (named === undefined)
    return new Failure(
      'server_answer_invalid',
      `the authority answers ${status} without a reason`,
      {
        hint: 'Is it the address of an authority?',
      },
    );
  const shown = Object.entries(facts)
    .filter(([, value]) => ['string', 'number'].includes(typeof value))
    .map(([name, value]) => `${escapeText(name)} ${escapeText(String(value))}`);
  return new Failure(
    'server_refused',
    `refused: ${named}${shown.length === 0 ? '' : ` (${shown.join(', ')})`}`,
    {
      field: named,
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
      hint: [text('title') ?? text('error_description'), text('hint')]
        .filter((each) => each !== undefined)
        .join(' '),
    },
  );
}

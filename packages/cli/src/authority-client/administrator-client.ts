import { administrationAudience } from '@taper/authority';
import { ENDPOINTS, type Endpoint } from '@taper/authority/http';
import { type JsonObject, type JsonValue, parseJson, platform } from '@taper/core';
import { type Credential, createTaperFetch, type TaperFetch } from '@taper/http';
import createClient, { type Client } from 'openapi-fetch';
import { making } from '../make.ts';
import { patientFetch } from './answer.ts';
import type { paths } from './paths.ts';
import { refusalOf } from './refusal.ts';

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

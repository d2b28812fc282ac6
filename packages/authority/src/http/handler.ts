import { uuidV7 } from '@taper/core';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import type { Authority } from '../authority.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { spendDpopProof, verifyDpopProof } from '../token/dpop.ts';
import type { Nonces } from '../token/nonce.ts';
import { answer } from './answer.ts';
import { type RawArguments, readArguments, validateArguments } from './arguments.ts';
import { clientAddress } from './client-address.ts';
import type { Caller, Endpoint } from './endpoint.ts';
import type { Metrics } from './metrics.ts';
import { asRefusal, type Problem, problemOf, problemResponse, serverProblem } from './problem.ts';
import type { RateLimit } from './rate-limit.ts';

/** What the server knows of a connection. */
export interface ConnectionInfo {
  /** Address of the peer. */
  readonly address: string | undefined;
}

/** A fetch-style handler for all paths below one. */
export interface MountedHandler {
  /** Such as `/log`. */
  readonly prefix: string;
  readonly name: string;
  /** `client`: whose request it is, as the rate limit calls it. */
  readonly fetch: (request: Request, bindings: unknown, client: string) => Promise<Response>;
}

export interface AuthorityHandlerOptions {
  readonly authority: Authority;
  /** Those for administrators are not served here: they need a gate, which the deployment mounts. */
  readonly endpoints: readonly Endpoint[];
  readonly nonces: Nonces;
  /** The token endpoint, the gate of the administration, the log. */
  readonly mounted: readonly MountedHandler[];
  readonly rateLimit: RateLimit;
  /** Proxies of the operator in front of this node. Default 0. */
  readonly trustedProxies?: number;
  /** The client of a request that another node of this authority has sent on; `undefined` where none proves that. Default: nobody does. */
  readonly sentOnFor?: (request: Request) => string | undefined;
  readonly connection: (bindings: unknown) => ConnectionInfo;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What is known of a request when it is over. */
interface Trace {
  endpoint: string;
  code: string | undefined;
}

/** Answers all requests to the authority. Never rejects: what nobody expected is `internal_error`, told to the log alone. */
export function createAuthorityHandler(
  options: AuthorityHandlerOptions,
): (request: Request, bindings: unknown) => Promise<Response> {
  const { authority, logger, metrics, rateLimit, trustedProxies = 0, connection } = options;
  const traces = new WeakMap<Request, Trace>();
  const app = createApp(options, traces);

  async function dispatch(request: Request, bindings: unknown, trace: Trace): Promise<Response> {
    const client =
      options.sentOnFor?.(request) ??
      clientAddress(
        connection(bindings).address,
        request.headers.get('x-forwarded-for'),
        trustedProxies,
      );
    const wait = await rateLimit.take(client);
    if (wait !== undefined) {
      const refusal = new AuthorityRefusal('too_many_requests', 'Too many requests.', {
        hint: 'Wait as long as Retry-After says.',
      });
      return refuse(problemOf(refusal), trace, { 'Retry-After': String(wait) });
    }
    const { pathname } = new URL(request.url);
    const mounted = options.mounted.find(
      ({ prefix }) => pathname === prefix || pathname.startsWith(`${prefix}/`),
    );
    if (mounted !== undefined) {
      trace.endpoint = mounted.name;
      return mounted.fetch(request, bindings, client);
    }
    traces.set(request, trace);
    return app.fetch(request);
  }

  return async (request, bindings) => {
    const began = performance.now();
    const trace: Trace = { endpoint: 'none', code: undefined };
    let response: Response;
    try {
      response = await dispatch(request, bindings, trace);
    } catch (cause) {
      if (asRefusal(cause) === undefined) logger.error({ err: cause }, 'request failed');
      response = refuse(problemOf(cause), trace);
    }
    const seconds = (performance.now() - began) / 1000;
    const { endpoint, code } = trace;
    metrics.request(endpoint, response.status, seconds);
    if (code !== undefined) metrics.refusal(code);
    logger.info(
      {
        request: uuidV7(authority.clock() * 1000, authority.random(10)),
        endpoint,
        status: response.status,
        milliseconds: Math.round(seconds * 1000),
        ...(code === undefined ? {} : { code }),
      },
      'request',
    );
    return response;
  };
}

function refuse(
  problem: Problem,
  trace: Trace,
  headers: Readonly<Record<string, string>> = {},
): Response {
  trace.code = problem.code;
  return problemResponse(problem, headers);
}

function createApp(
  { authority, endpoints, nonces, logger }: AuthorityHandlerOptions,
  traces: WeakMap<Request, Trace>,
): Hono {
  const app = new Hono();
  const traceOf = (request: Request): Trace =>
    traces.get(request) ?? { endpoint: 'none', code: undefined };
  const served = endpoints.filter(({ access }) => access.kind !== 'administrator');
  for (const each of served) {
    app.on(each.method, each.path, async (c) => {
      const request = c.req.raw;
      const trace = traceOf(request);
      trace.endpoint = each.name;
      const fresh: Readonly<Record<string, string>> =
        each.access.kind === 'possession' ? { 'DPoP-Nonce': nonces.issue() } : {};
      try {
        const read = await readArguments(each, request, c.req.param());
        if (typeof read === 'string') return refuse(serverProblem(read), trace, fresh);
        const caller = await callerOf(each, request, read.args, authority, nonces);
        const response = await answer(each, authority, read.args, caller);
        for (const [name, value] of Object.entries(fresh)) response.headers.set(name, value);
        return response;
      } catch (cause) {
        if (asRefusal(cause) === undefined) logger.error({ err: cause }, 'request failed');
        return refuse(problemOf(cause), trace, fresh);
      }
    });
  }
  for (const path of new Set(served.map((each) => each.path))) {
    const allowed = served.filter((each) => each.path === path).map(({ method }) => method);
    app.all(path, (c) =>
      refuse(serverProblem('method_not_allowed'), traceOf(c.req.raw), {
        Allow: allowed.join(', '),
      }),
    );
  }
  app.notFound((c) => refuse(serverProblem('not_found'), traceOf(c.req.raw)));
  return app;
}

async function callerOf(
  endpoint: Endpoint,
  request: Request,
  args: RawArguments,
  authority: Authority,
  nonces: Nonces,
): Promise<Caller> {
  const { access, method } = endpoint;
  const { issuer, clock, store } = authority;
  if (access.kind !== 'possession') return { kind: 'anybody' };
  const now = clock();
  const proof = verifyDpopProof(request.headers.get('dpop'), {
    method,
    // The configured URL: what a Host header says is the caller's word.
    url: issuer + new URL(request.url).pathname,
    now,
    acceptsNonce: (nonce) => nonces.accepts(nonce),
  });
  const caller: Caller = { kind: 'holder', key: proof.key };
  await endpoint.admit?.(authority, { args: validateArguments(endpoint, args) as never, caller });
  await store.transaction((tx) => spendDpopProof(tx, proof, now));
  return caller;
}

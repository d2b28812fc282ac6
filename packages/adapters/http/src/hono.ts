import type { IncomingMessage, ServerResponse } from 'node:http';
import { canonicalize, TaperError } from '@taper/core';
import type { Context, Env, Handler, Hono } from 'hono';
import { admit, execute, type PermittedCall } from './execution.ts';
import type { RouteGuard } from './guard.ts';
import { nodeRequest } from './node-request.ts';
import type { Answer } from './problem.ts';
import type { HttpRequest } from './request.ts';
import type { Route } from './route.ts';
import type { SourceMap } from './source.ts';

const guardedApps = new WeakSet<object>();

/**
 * Puts a guard in front of all routes of a Hono app. Call it before any route is added and before anything that reads
 * bodies. A request gets past it with a permit, or because its route is open; every other one is answered.
 *
 * @throws {TaperError} `option_invalid` when the app has routes, a base path or a guard already.
 */
export function guardRoutes<E extends Env>(app: Hono<E>, guard: RouteGuard): void {
  if (guardedApps.has(app)) throw new TaperError('option_invalid', 'This app has a guard already.');
  if (app.routes.some(({ method, path }) => method !== 'ALL' || path !== '/*')) {
    throw new TaperError('option_invalid', 'Routes that come before the guard would be open.', {
      hint: 'Call guardRoutes first, and list in `open` what may be reached without a presentation.',
    });
  }
  guardedApps.add(app);
  app.use(async (c, next) => {
    const admission = await guard.admit(requestOf(c));
    if (admission.kind === 'open') return next();
    if (admission.kind === 'answer') return responseOf(admission.answer);
    const { call } = admission;
    if (call.over) return new Response(null, { status: 499 });
    admit(c, call);
    const { body } = call;
    if (body !== undefined) {
      // Hono's own readers give what was judged; the bytes themselves have been read.
      Object.assign(c.req, { json: () => Promise.resolve(body) });
      Object.assign(c.req.bodyCache, { text: Promise.resolve(canonicalize(body)) });
    }
    c.header('Cache-Control', 'no-store');
    try {
      return await next();
    } finally {
      await call.abandon();
    }
  });
  if (app.routes.at(-1)?.path !== '/*') {
    throw new TaperError(
      'option_invalid',
      'An app with a base path guards only what is below it.',
      {
        hint: 'Call guardRoutes on the app that basePath() was called on.',
      },
    );
  }
}

/**
 * The handler of a route. It runs for requests that the guard has permitted for this very route, once, with the arguments
 * that were judged. The call counts as failed when it throws or answers with a status of 500 or more.
 */
export function guarded<Sources extends SourceMap, E extends Env = Env>(
  route: Route<Sources>,
  handler: (call: PermittedCall<Sources>, c: Context<E>) => Response | Promise<Response>,
): Handler<E> {
  return async (c) => {
    const ran = await execute(
      c,
      route,
      (call) => handler(call, c),
      ({ status }) => status >= 500,
    );
    return 'refusal' in ran ? responseOf(ran.refusal) : ran.result;
  };
}

/** On Node the request as the server read it; elsewhere the web's, whose target and headers are normalized already. */
function requestOf(c: Context): HttpRequest {
  const { incoming, outgoing } = (c.env ?? {}) as {
    readonly incoming?: IncomingMessage;
    readonly outgoing?: ServerResponse;
  };
  const { raw, bodyCache } = c.req;
  const consumed = raw.bodyUsed || Object.keys(bodyCache).length > 0;
  if (incoming !== undefined && outgoing !== undefined) {
    const request = nodeRequest(incoming, outgoing, incoming.url ?? '');
    return consumed && request.body !== undefined ? { ...request, body: 'consumed' } : request;
  }
  const { pathname, search } = new URL(raw.url);
  return {
    method: raw.method,
    target: pathname + search,
    headers: raw.headers,
    body: consumed ? 'consumed' : (raw.body?.values({ preventCancel: true }) ?? undefined),
    gone: () => raw.signal.aborted,
  };
}

function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) });
}

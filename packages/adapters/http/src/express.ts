import { TaperError } from '@taper/core';
import type { Application, Request, RequestHandler, Response } from 'express';
import { admit, execute, type PermittedCall } from './execution.ts';
import type { RouteGuard } from './guard.ts';
import { nodeRequest, sendAnswer } from './node-request.ts';
import type { Route } from './route.ts';
import type { SourceMap } from './source.ts';

const guardedApps = new WeakSet<object>();

/**
 * Puts a guard in front of all routes of an Express 5 app. Call it before any route is added and before anything that
 * reads bodies. A request gets past it with a permit, or because its route is open; every other one is answered.
 *
 * @throws {TaperError} `option_invalid` when the app has routes or a guard already.
 */
export function guardRoutes(app: Application, guard: RouteGuard): void {
  if (guardedApps.has(app)) throw new TaperError('option_invalid', 'This app has a guard already.');
  if (hasRoutes(app.router)) {
    throw new TaperError('option_invalid', 'Routes that come before the guard would be open.', {
      hint: 'Call guardRoutes first, and list in `open` what may be reached without a presentation.',
    });
  }
  guardedApps.add(app);
  app.use(async (request, response, next) => {
    const admission = await guard.admit(nodeRequest(request, response, request.originalUrl));
    if (admission.kind === 'open') return next();
    if (admission.kind === 'answer') return sendAnswer(response, admission.answer);
    const { call } = admission;
    if (call.over) return;
    response.once('close', () => void call.abandon());
    admit(request, call);
    const { body } = call;
    // Whoever parses bodies after the guard changes nothing any more.
    Object.defineProperty(request, 'body', { get: () => body, set: () => undefined });
    response.setHeader('Cache-Control', 'no-store'); // caches see no `Authorization` that would tell them
    next();
  });
}

/**
 * The handler of a route. It runs for requests that the guard has permitted for this very route, once, with the arguments
 * that were judged. The call counts as failed when it throws, when it answers with a status of 500 or more, and when the
 * client is gone before a handler that returns no promise has answered.
 */
export function guarded<Sources extends SourceMap>(
  route: Route<Sources>,
  handler: (call: PermittedCall<Sources>, request: Request, response: Response) => unknown,
): RequestHandler {
  return async (request, response) => {
    let settled = false;
    const ran = await execute(
      request,
      route,
      async (call) => {
        const result = handler(call, request, response);
        settled = result instanceof Promise;
        await result;
      },
      async () => {
        if (!settled && !response.writableEnded && !response.destroyed)
          await new Promise((resolve) => response.once('close', resolve));
        return response.statusCode >= 500 || !(settled || response.writableEnded);
      },
    );
    if ('refusal' in ran) sendAnswer(response, ran.refusal);
  };
}

/** Whether a router, or one inside it, has a route. */
function hasRoutes(router: unknown): boolean {
  const stack: unknown = Reflect.get(Object(router), 'stack');
  if (!Array.isArray(stack)) return false;
  return stack.some(
    (layer: { readonly route?: unknown; readonly handle?: unknown }) =>
      layer.route !== undefined || hasRoutes(layer.handle),
  );
}

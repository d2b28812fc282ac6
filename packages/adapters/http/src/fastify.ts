import { Readable } from 'node:stream';
import { canonicalize, TaperError } from '@taper/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { admit, admittedCall, execute, type PermittedCall } from './execution.ts';
import type { RouteGuard } from './guard.ts';
import { nodeRequest } from './node-request.ts';
import type { Answer } from './problem.ts';
import type { Route } from './route.ts';
import type { SourceMap } from './source.ts';

const guardedApps = new WeakSet<object>();

/**
 * Puts a guard in front of all routes of a Fastify 5 app, also those that were added before and those of its plugins.
 * Call it on the root instance. A request gets past it with a permit, or because its route is open; every other one is answered.
 *
 * @throws {TaperError} `option_invalid` when the app has a guard already.
 */
export function guardRoutes(app: FastifyInstance, guard: RouteGuard): void {
  if (guardedApps.has(app)) throw new TaperError('option_invalid', 'This app has a guard already.');
  guardedApps.add(app);
  app.addHook('onRequest', async (request, reply) => {
    const admission = await guard.admit(nodeRequest(request.raw, reply.raw, request.originalUrl));
    if (admission.kind === 'open') return undefined;
    if (admission.kind === 'answer') return send(reply, admission.answer);
    const { call } = admission;
    if (call.over) return reply.hijack();
    reply.raw.once('close', () => void call.abandon());
    admit(request, call);
    void reply.header('Cache-Control', 'no-store');
    return undefined;
  });
  app.addHook('preParsing', async (request, _, payload) => {
    const body = admittedCall(request)?.body;
    if (body === undefined) return payload;
    // The guard has read the bytes. Fastify's parser wants some all the same, and what it makes of them is not used.
    const judged = Readable.from([Buffer.from(canonicalize(body))]);
    const length = Number(request.headers['content-length'] ?? 0);
    return Object.assign(judged, { receivedEncodedLength: length });
  });
  app.addHook('preValidation', async (request) => {
    const call = admittedCall(request);
    if (call !== undefined) request.body = call.body;
  });
}

/**
 * The handler of a route. It runs for requests that the guard has permitted for this very route, once, with the arguments
 * that were judged. The call counts as failed when it throws or sets a status of 500 or more.
 */
export function guarded<Sources extends SourceMap>(
  route: Route<Sources>,
  handler: (call: PermittedCall<Sources>, request: FastifyRequest, reply: FastifyReply) => unknown,
): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  return async (request, reply) => {
    const ran = await execute(
      request,
      route,
      (call) => handler(call, request, reply),
      () => reply.statusCode >= 500,
    );
    return 'refusal' in ran ? send(reply, ran.refusal) : ran.result;
  };
}

/** As bytes: to a text Fastify would add a charset that the media type does not have. */
function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(Object.fromEntries(headers)).send(Buffer.from(body));
}

// Three frameworks, each with and without a guard. Started by http.ts as a process of its own.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { importPublicKey } from '@taper/core';
import { createEnforcementPoint } from '@taper/enforce';
import { createRouteGuard, type RouteGuard } from '@taper/http';
import * as onExpress from '@taper/http/express';
import * as onFastify from '@taper/http/fastify';
import * as onHono from '@taper/http/hono';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { type Ready, refund } from './http-route.ts';
import { AUDIENCE, ISSUER, NOW } from './scene.ts';

const key = importPublicKey(JSON.parse(process.argv[2] ?? ''));

/** Every server has its own, so that a proof serves once at each. */
function newGuard(): RouteGuard {
  const point = createEnforcementPoint({
    anchors: [{ issuer: ISSUER, key }],
    audience: AUDIENCE,
    clock: { now: () => NOW },
  });
  return createRouteGuard({ point, routes: [refund] });
}

const answer = (order: string, { amount }: { readonly amount: number }) => ({ order, amount });

function honoServer(isGuarded: boolean): Server {
  const app = new Hono();
  if (isGuarded) {
    onHono.guardRoutes(app, newGuard());
    app.post(
      refund.path,
      onHono.guarded(refund, ({ args }, c) => c.json(answer(args.order_id, args))),
    );
  } else {
    app.post(refund.path, async (c) =>
      c.json(answer(c.req.param('order_id') ?? '', await c.req.json())),
    );
  }
  const serve = getRequestListener(app.fetch);
  return createServer((incoming, outgoing) => void serve(incoming, outgoing));
}

async function fastifyServer(isGuarded: boolean): Promise<Server> {
  const app = fastify();
  if (isGuarded) {
    onFastify.guardRoutes(app, newGuard());
    app.post(
      refund.path,
      onFastify.guarded(refund, async ({ args }) => answer(args.order_id, args)),
    );
  } else {
    app.post<{ Params: { order_id: string }; Body: { amount: number } }>(
      refund.path,
      async ({ params, body }) => answer(params.order_id, body),
    );
  }
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}

function expressServer(isGuarded: boolean): Server {
  const app = express();
  if (isGuarded) {
    onExpress.guardRoutes(app, newGuard());
    app.post(
      refund.path,
      onExpress.guarded(refund, async ({ args }, _request, response) => {
        response.json(answer(args.order_id, args));
      }),
    );
  } else {
    app.post(refund.path, express.json(), (request, response) => {
      response.json(answer(String(request.params['order_id']), request.body));
    });
  }
  return createServer(app);
}

async function portOf(made: Server | Promise<Server>): Promise<number> {
  const server = await made;
  if (!server.listening)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const ports: { [framework: string]: { unguarded: number; guarded: number } } = {};
for (const [name, make] of Object.entries({
  Hono: honoServer,
  Fastify: fastifyServer,
  Express: expressServer,
})) {
  ports[name] = { unguarded: await portOf(make(false)), guarded: await portOf(make(true)) };
}
process.on('disconnect', () => process.exit());
process.send?.({ ports } satisfies Ready);

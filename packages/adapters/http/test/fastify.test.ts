import type { AddressInfo } from 'node:net';
import { guarded, guardRoutes } from '@taper/http/fastify';
import fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { createChain, headerFor } from './agents.ts';
import { describeGuard } from './contract.ts';
import {
  createShop,
  type Framework,
  failing,
  list,
  ping,
  type Running,
  record,
  refund,
  remove,
  replace,
  type Shop,
  show,
} from './shop.ts';

async function listen(app: FastifyInstance): Promise<Running> {
  await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, shop: Shop): void {
  for (const route of [refund, show, list, replace, remove, ping]) {
    app.route({
      method: route.method,
      url: route.path,
      handler: guarded(route, async (call, request) => record(shop, call, request.body)),
    });
  }
  app.post(
    failing.path,
    guarded(failing, async (call, request, reply) => {
      record(shop, call, request.body);
      if (call.args.how === 'throws') throw new Error('secret of the handler');
      return reply.code(503).send({});
    }),
  );
  app.get('/health', async () => ({ ok: true }));
  app.get('/approvals/:subject', async () => ({ ok: true }));
}

const framework: Framework = {
  name: 'Fastify',
  start(shop) {
    const app = fastify();
    addRoutes(app, shop); // its hooks hold for routes that were added before, too
    guardRoutes(app, shop.guard);
    return listen(app);
  },
  startBehindParser(shop) {
    const app = fastify();
    app.addHook('onRequest', async (request) => {
      for await (const _ of request.raw);
    });
    guardRoutes(app, shop.guard);
    addRoutes(app, shop);
    return listen(app);
  },
  startMixedUp(shop) {
    const app = fastify();
    const handler = guarded(ping, async (call, request) => record(shop, call, request.body));
    app.post('/unguarded', handler);
    void app.register(async (child) => {
      guardRoutes(child, shop.guard);
      child.post('/lost', handler);
      child.post(ping.path, handler);
    });
    return listen(app);
  },
};

describeGuard(framework);

test('refuses to guard an app twice', () => {
  const { guard } = createShop();
  const app = fastify();
  guardRoutes(app, guard);
  expect(() => guardRoutes(app, guard)).toThrow(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});

test('judges routes of plugins, whenever they were registered', async () => {
  const shop = createShop();
  const app = fastify();
  void app.register(async (child) => {
    child.post(
      ping.path,
      guarded(ping, async (call) => record(shop, call, undefined)),
    );
    child.get('/raw', async () => ({ ran: true }));
  });
  guardRoutes(app, shop.guard);
  const header = await headerFor(await createChain(), 'ping', {});
  const headers = { 'Taper-Presentation': header };
  expect((await app.inject({ method: 'POST', url: '/ping' })).statusCode).toBe(401);
  expect((await app.inject({ method: 'GET', url: '/raw', headers })).statusCode).toBe(404);
  expect((await app.inject({ method: 'POST', url: '/ping', headers })).statusCode).toBe(200);
  await app.close();
});

test('gives the handler what was judged, whatever a schema makes of the body', async () => {
  const shop = createShop();
  const app = fastify();
  guardRoutes(app, shop.guard);
  app.route({
    method: refund.method,
    url: refund.path,
    schema: {
      body: {
        type: 'object',
        properties: { amount: { type: 'number' }, note: { type: 'string', default: 'filled in' } },
      },
    },
    handler: guarded(refund, async (call) => record(shop, call, undefined)),
  });
  const args = { id: 'p-1', amount: '25.00' };
  const response = await app.inject({
    method: 'POST',
    url: '/payments/p-1/refund',
    headers: { 'Taper-Presentation': await headerFor(await createChain(), 'refund', args) },
    payload: { amount: '25.00' },
  });
  // A schema that would change the body cannot: it is frozen, and the request fails.
  expect(response.statusCode).toBeGreaterThanOrEqual(400);
  expect(shop.executions).toEqual([]);
  expect(shop.outcomes).toEqual(['not_executed']);
  await app.close();
});

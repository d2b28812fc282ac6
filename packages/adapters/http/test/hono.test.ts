import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { guarded, guardRoutes } from '@taper/http/hono';
import { type Context, Hono } from 'hono';
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

function listen(app: Hono): Promise<Running> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      }),
    );
  });
}

/** What Hono itself gives as the body, in two ways that must agree; nothing on a route without one. */
async function bodyOf(c: Context): Promise<unknown> {
  if (c.req.header('content-type') === undefined) return undefined;
  const parsed = await c.req.json();
  expect(JSON.parse(await c.req.text())).toEqual(parsed);
  await expect(c.req.raw.text()).rejects.toThrow();
  return parsed;
}

function addRoutes(app: Hono, shop: Shop): void {
  for (const route of [refund, show, list, replace, remove, ping]) {
    app.on(
      route.method,
      route.path,
      guarded(route, async (call, c) => c.json(record(shop, call, await bodyOf(c)))),
    );
  }
  app.post(
    failing.path,
    guarded(failing, (call, c) => {
      record(shop, call, undefined);
      if (call.args.how === 'throws') throw new Error('secret of the handler');
      return c.json({}, 503);
    }),
  );
  app.get('/health', (c) => c.json({ ok: true }));
  app.get('/approvals/:subject', (c) => c.json({ ok: true }));
}

function createApp(shop: Shop): Hono {
  const app = new Hono();
  app.onError((_, c) => c.text('Internal Server Error', 500));
  guardRoutes(app, shop.guard);
  addRoutes(app, shop);
  return app;
}

const framework: Framework = {
  name: 'Hono',
  start: (shop) => listen(createApp(shop)),
  startBehindParser(shop) {
    const app = new Hono();
    app.use(async (c, next) => {
      await c.req.text();
      await next();
    });
    guardRoutes(app, shop.guard);
    addRoutes(app, shop);
    return listen(app);
  },
  startMixedUp(shop) {
    const app = new Hono();
    const handler = guarded(ping, async (call, c) => c.json(record(shop, call, undefined)));
    guardRoutes(app, shop.guard);
    app.post('/lost', handler);
    app.post(ping.path, handler);
    const outer = new Hono();
    outer.post('/unguarded', handler);
    outer.mount('/', app.fetch);
    return listen(outer);
  },
};

describeGuard(framework);

test('refuses to guard an app that has routes or a guard', () => {
  const code = expect.objectContaining({ code: 'option_invalid' });
  const { guard } = createShop();
  const early = new Hono();
  early.get('/early', (c) => c.text(''));
  expect(() => guardRoutes(early, guard)).toThrow(code);
  const everyMethod = new Hono();
  everyMethod.all('/early', (c) => c.text(''));
  expect(() => guardRoutes(everyMethod, guard)).toThrow(code);
  const twice = new Hono();
  twice.use((_, next) => next());
  guardRoutes(twice, guard);
  expect(() => guardRoutes(twice, guard)).toThrow(code);
});

test('judges requests of the web standard the same way, where there is no Node server', async () => {
  const shop = createShop();
  const app = createApp(shop);
  const chain = await createChain();
  const args = { id: 'p 1', amount: '25.00', note: 'ü' };
  const send = (presentation: string, body: string): Promise<Response> =>
    Promise.resolve(
      app.request('http://pay.example/payments/p%201/refund', {
        method: 'POST',
        headers: { 'Taper-Presentation': presentation, 'Content-Type': 'application/json' },
        body,
      }),
    );
  const header = await headerFor(chain, 'refund', args);
  expect((await send(header, '{"amount":"25.00"}')).status).toBe(401);
  expect((await send(`${header}, ${header}`, '{"amount":"25.00","note":"ü"}')).status).toBe(401);
  expect(shop.executions).toHaveLength(0);
  expect((await send(header, '{"amount":"25.00","note":"ü"}')).status).toBe(200);
  expect(shop.executions).toMatchObject([{ args, body: { amount: '25.00', note: 'ü' } }]);
});

import type { AddressInfo } from 'node:net';
import { guarded, guardRoutes } from '@taper/http/express';
import express, { type Express } from 'express';
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
import { exchange } from './socket.ts';

function listen(app: Express): Promise<Running> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      }),
    );
  });
}

function addRoutes(app: Express, shop: Shop): void {
  app.use(express.json(), express.text({ type: '*/*' })); // parsers after the guard must change nothing
  for (const route of [refund, show, list, replace, remove, ping]) {
    app[route.method.toLowerCase() as 'get'](
      route.path,
      guarded(route, async (call, request, response) => {
        response.json(record(shop, call, request.body));
      }),
    );
  }
  app.post(
    failing.path,
    guarded(failing, async (call, request, response) => {
      record(shop, call, request.body);
      if (call.args.how === 'throws') throw new Error('secret of the handler');
      response.status(503).json({});
    }),
  );
  app.get('/health', (_, response) => {
    response.json({ ok: true });
  });
  app.get('/approvals/:subject', (_, response) => {
    response.json({ ok: true });
  });
}

const framework: Framework = {
  name: 'Express',
  start(shop) {
    const app = express();
    app.set('env', 'production');
    guardRoutes(app, shop.guard);
    addRoutes(app, shop);
    return listen(app);
  },
  startBehindParser(shop) {
    const app = express();
    app.use(express.json());
    guardRoutes(app, shop.guard);
    addRoutes(app, shop);
    return listen(app);
  },
  startMixedUp(shop) {
    const app = express();
    const handler = guarded(ping, async (call, request, response) => {
      response.json(record(shop, call, request.body));
    });
    const outer = express();
    outer.post('/unguarded', handler);
    guardRoutes(app, shop.guard);
    app.post('/lost', handler);
    app.post(ping.path, handler);
    outer.use(app);
    return listen(outer);
  },
};

describeGuard(framework);

test('refuses to guard an app that has routes, also inside a router, or a guard', () => {
  const code = expect.objectContaining({ code: 'option_invalid' });
  const { guard } = createShop();
  const early = express();
  early.get('/early', (_, response) => void response.end());
  expect(() => guardRoutes(early, guard)).toThrow(code);
  const nested = express();
  nested.use(express.Router().get('/early', (_, response) => void response.end()));
  expect(() => guardRoutes(nested, guard)).toThrow(code);
  const twice = express();
  twice.use((_request, _response, next) => next());
  guardRoutes(twice, guard);
  expect(() => guardRoutes(twice, guard)).toThrow(code);
});

test('runs a handler once, however often the framework comes to it', async () => {
  const shop = createShop();
  const app = express();
  guardRoutes(app, shop.guard);
  const handler = guarded(ping, async (call, _, response) => {
    response.json(record(shop, call, undefined));
  });
  app.post(ping.path, async (request, response, next) => {
    await handler(request, response, next);
    await handler(request, response, next);
  });
  const server = await listen(app);
  const line = `Taper-Presentation: ${await headerFor(await createChain(), 'ping', {})}`;
  await exchange(server.port, { method: 'POST', target: '/ping', headers: [line] });
  await server.close();
  expect(shop.executions).toHaveLength(1);
  expect(shop.outcomes).toEqual(['executed']);
  expect(shop.reports).toEqual([expect.objectContaining({ code: 'option_invalid' })]);
});

test.each([
  ['answers later', 'executed'],
  ['never answers', 'failed'],
])('concludes a handler without a promise that %s as %s', async (how, outcome) => {
  const shop = createShop();
  const app = express();
  guardRoutes(app, shop.guard);
  app.post(
    ping.path,
    guarded(ping, (_call, _request, response) => {
      setTimeout(() => (how === 'never answers' ? response.destroy() : response.json({})), 20);
    }),
  );
  const server = await listen(app);
  const line = `Taper-Presentation: ${await headerFor(await createChain(), 'ping', {})}`;
  await exchange(server.port, { method: 'POST', target: '/ping', headers: [line] });
  await expect.poll(() => shop.outcomes).toEqual([outcome]);
  await server.close();
});

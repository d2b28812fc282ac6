import { guardRoutes as guardExpress } from '@taper/http/express';
import { guardRoutes as guardFastify } from '@taper/http/fastify';
import { guardRoutes as guardHono } from '@taper/http/hono';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { startServer } from './server.ts';
import { createShop } from './shop.ts';
import { exchange } from './socket.ts';

test('L04 a plugin of Fastify that was loaded before the guard is not left open', async () => {
  const app = fastify();
  await app.register(async (child) => {
    child.get('/raw', async () => ({ ran: true }));
  });
  guardFastify(app, createShop().guard);
  const { statusCode, body } = await app.inject({ method: 'GET', url: '/raw' });
  expect([statusCode, JSON.parse(body).code]).toEqual([404, 'route_not_declared']);
  await app.close();
});

test('L04 L08 an open route is not the way to another request: overrides are refused there, too', async () => {
  const app = express();
  const { guard } = createShop();
  guardExpress(app, guard);
  // As the package method-override does, which many applications have behind everything else.
  app.use((request, _, next) => {
    request.method = String(request.headers['x-http-method-override'] ?? request.method);
    request.url = String(request.headers['x-original-url'] ?? request.url);
    next();
  });
  app.get('/health', (_, response) => void response.json({ ok: true }));
  app.post('/health', (_, response) => void response.json({ ran: true }));
  app.get('/admin', (_, response) => void response.json({ ran: true }));
  const server = await startServer(app);
  const status = async (...headers: string[]) =>
    (await exchange(server.port, { target: '/health', headers })).status;
  expect(await status()).toBe(200);
  expect(await status('X-HTTP-Method-Override: POST')).toBe(400);
  expect(await status('X-Original-URL: /admin')).toBe(400);
  const twice = ['Content-Type: a/b', 'Content-Type: a/b'];
  expect(await status(...twice, 'X-Original-URL: /admin')).toBe(400);
  await server.close();
});

test('L04 an app of Hono with a base path is guarded below it and nowhere else: it is refused', () => {
  const app = new Hono();
  const { guard } = createShop();
  expect(() => guardHono(app.basePath('/api'), guard)).toThrow(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});

import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Route } from '@taper/http';
import { guarded, guardRoutes } from '@taper/http/express';
import express from 'express';
import { list, type Running, record, refund, replace, type Shop, show } from './shop.ts';

/** A shop behind Express, for tests of the client. Keeps the headers and target of every request that came in. */
export interface RecordedServer extends Running {
  readonly origin: string;
  readonly requests: { readonly line: string; readonly headers: IncomingHttpHeaders }[];
}

export function startShop(shop: Shop): Promise<RecordedServer> {
  const app = express();
  guardRoutes(app, shop.guard);
  const routes: readonly Route[] = [refund, show, list, replace];
  for (const route of routes) {
    app[route.method.toLowerCase() as 'get'](
      route.path,
      guarded(route, async (call, request, response) => {
        response.json(record(shop, call, request.body));
      }),
    );
  }
  return startServer(app);
}

/** A plain server that records what comes in. */
export function startServer(listener: RequestListener): Promise<RecordedServer> {
  const requests: RecordedServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    listener(request, response);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        port,
        origin: `http://127.0.0.1:${port}`,
        requests,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

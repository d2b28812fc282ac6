import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';

/** Something that answers on a socket of this machine. */
export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a fetch-style handler, as it is deployed. */
export function serveHere(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<Served> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) => {
      resolve({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      });
    });
    server.once('error', reject);
  });
}

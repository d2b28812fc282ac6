import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';

/**
 * What strangers can take up: connections at one time, so that files can still be opened; and milliseconds for the head of a
 * request, for all of it, and without a byte in either direction (server-sent events have one every ten seconds).
 */
const MOST_CONNECTIONS = 2_048;
const SERVER_OPTIONS = { headersTimeout: 10_000, requestTimeout: 30_000 } as const;
const SILENCE = 60_000;

export type FetchHandler = (request: Request, bindings: unknown) => Promise<Response>;

/** A server that listens. */
export interface Listener {
  /** With the port that it got. */
  readonly url: string;
  /** Takes no more connections and lets those that are open end, at most so many milliseconds. */
  close(grace: number): Promise<void>;
}

export interface ListenOptions {
  readonly fetch: FetchHandler;
  readonly hostname: string;
  readonly port: number;
  /** The option or member that names the address. */
  readonly field: string;
}

/** @throws {Failure} `port_taken`, `server_unreachable` for an address that this machine does not have. */
export async function listen({ fetch, hostname, port, field }: ListenOptions): Promise<Listener> {
  const server = serve({ fetch, hostname, port, serverOptions: SERVER_OPTIONS }) as Server;
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = SILENCE;
  await new Promise<void>((resolve, reject) => {
    server.once('listening', () => resolve());
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const address = showName(`${hostname}:${port}`);
      const taken = cause.code === 'EADDRINUSE';
      reject(
        new Failure(
          taken ? 'port_taken' : 'server_unreachable',
          `cannot listen on ${address}: ${cause.code}`,
          {
            field,
            hint: taken
              ? 'Another process listens there. Stop it, or name another port.'
              : 'Name an address that this machine has, and a port that you may use.',
          },
        ),
      );
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${bound}`,
    close: (grace) =>
      new Promise<void>((resolve) => {
        const late = setTimeout(() => server.closeAllConnections(), grace);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Reads `host:port`. @throws {Failure} with the code given. */
export function parseAddress(
  text: string,
  field: string,
  code: 'usage' | 'config_malformed' = 'usage',
): { readonly hostname: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { hostname: match[1] ?? match[2] ?? '', port };
  throw new Failure(code, `${field} is no address: ${showName(text)}`, {
    field,
    hint: 'Write host and port, such as 127.0.0.1:8080 or [::1]:8080.',
  });
}

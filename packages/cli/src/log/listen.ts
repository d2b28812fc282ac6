import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Option } from 'commander';
import { Failure } from '../failure.ts';
import { valueOption } from '../option.ts';
import { jsonLine, writeAside } from '../report.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';

/** Milliseconds that requests have to end when the command is stopped. */
const GRACE = 5_000;

/**
 * What strangers can take up: connections at one time, so that files can still be opened; and milliseconds for the head of a
 * request, for all of it, and without a byte in either direction (server-sent events have one every ten seconds).
 */
const MOST_CONNECTIONS = 2_048;
const SERVER_OPTIONS = { headersTimeout: 10_000, requestTimeout: 30_000 } as const;
const SILENCE = 60_000;

export const listenOption: Option = valueOption(
  '--listen <host:port>',
  'address to listen on; port 0 takes a free one (default: 127.0.0.1:8080)',
);

/**
 * Serves until the command is stopped (SIGINT, SIGTERM), then ends the requests that are being answered.
 * @throws {Failure} `usage` for an address that is none, `server_unreachable` when it is taken.
 */
export async function serveUntilStopped(
  fetch: (request: Request) => Promise<Response>,
  listen: string | undefined,
  what: string,
  session: Session,
): Promise<void> {
  const { hostname, port } = parseAddress(listen ?? '127.0.0.1:8080');
  const { stopped } = session.io;
  const server = serve({ fetch, hostname, port, serverOptions: SERVER_OPTIONS });
  server.maxConnections = MOST_CONNECTIONS;
  if ('timeout' in server) server.timeout = SILENCE;
  await new Promise<void>((resolve, reject) => {
    server.once('listening', () => resolve());
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new Failure(
          'server_unreachable',
          `cannot listen on ${showName(`${hostname}:${port}`)}: ${cause.code}`,
          {
            field: '--listen',
            hint: 'Another process may be listening there. Name another port.',
          },
        ),
      );
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  const url = `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${bound}`;
  await writeAside(
    session.io,
    session.json ? jsonLine({ listening: url }) : `${what} on ${url}; stop it with Ctrl-C\n`,
  );
  await new Promise<void>((resolve) => {
    if (stopped?.aborted === true) resolve();
    else stopped?.addEventListener('abort', () => resolve(), { once: true });
  });
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections();
    }, GRACE);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}

function parseAddress(text: string): { readonly hostname: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { hostname: match[1] ?? match[2] ?? '', port };
  throw new Failure('usage', `--listen is no address: ${showName(text)}`, {
    field: '--listen',
    hint: 'Write host and port, such as 127.0.0.1:8080 or [::1]:8080.',
  });
}

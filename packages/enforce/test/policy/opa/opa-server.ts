import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OpaRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type OpaAnswerer = (request: OpaRequest, response: ServerResponse) => void;

/** A server on a socket of this machine that answers as a test says, and counts. */
export interface OpaServer {
  readonly url: string;
  readonly requests: OpaRequest[];
  /** Connections that were ever opened. */
  connections(): number;
  /** Connections that are open now. */
  open(): Promise<number>;
  answer(how: OpaAnswerer): void;
  dropConnections(): void;
  close(): Promise<void>;
}

export async function startOpaServer(): Promise<OpaServer> {
  const requests: OpaRequest[] = [];
  let opened = 0;
  let how: OpaAnswerer = (_, response) => json(response, 200, {});
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(request);
      how(request, response);
    });
  });
  server.on('connection', () => {
    opened += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    connections: () => opened,
    open: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    answer(next) {
      how = next;
    },
    dropConnections: () => server.closeAllConnections(),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

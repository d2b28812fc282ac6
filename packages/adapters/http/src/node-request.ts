import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './problem.ts';
import type { HttpRequest } from './request.ts';

/** What the guard needs of a request to a server of Node, HTTP/1 or HTTP/2. */
export function nodeRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
): HttpRequest {
  const chunks = { [Symbol.asyncIterator]: () => iterate(incoming) };
  const read = incoming.readableDidRead || Reflect.get(incoming, 'body') !== undefined;
  return {
    method: incoming.method ?? '',
    target,
    headers: headerLines(incoming.rawHeaders),
    body: hasBody(incoming) ? (read ? 'consumed' : chunks) : undefined,
    gone: () => outgoing.destroyed || outgoing.socket?.destroyed === true,
  };
}

function* headerLines(raw: readonly string[]): Generator<readonly [string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [raw[at] as string, raw[at + 1] as string];
    if (!name.startsWith(':')) yield [name, value]; // HTTP/2 has method and target among them
  }
}

function hasBody(incoming: IncomingMessage): boolean {
  if (incoming.httpVersionMajor >= 2) {
    const stream: unknown = Reflect.get(incoming, 'stream');
    return (stream as { endAfterHeaders?: boolean } | undefined)?.endAfterHeaders !== true;
  }
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers;
  return coding !== undefined || (length !== undefined && length !== '0');
}

/** Leaves the connection open when the reader stops early, so that there is one to answer on. */
function iterate(incoming: IncomingMessage): AsyncIterator<Uint8Array> {
  const iterable = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  return iterable[Symbol.asyncIterator]();
}

/** Sends an answer, unless one has been sent. */
export function sendAnswer(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.statusCode = status;
  for (const [name, value] of headers) outgoing.setHeader(name, value);
  outgoing.end(body);
}

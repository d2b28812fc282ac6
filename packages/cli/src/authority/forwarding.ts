import { FORWARDED } from './forwarding-mark.ts';

/** A request as it came, to the node that writes, with a mark that says whose it is; what comes back as it comes. @throws whatever the connection has. */
export async function sendOn(request: Request, address: string, mark: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers({ [FORWARDED]: mark });
  for (const name of ['content-type', 'accept', 'last-event-id']) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const {
    status,
    body,
    headers: answered,
  } = await fetch(address + pathname + search, {
    method: request.method,
    headers,
    redirect: 'manual',
    ...(request.body === null ? {} : { body: request.body, duplex: 'half' }),
    signal: request.signal,
  } as RequestInit);
  const kept = new Headers(answered);
  // The body was unpacked on the way.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding', 'connection'])
    kept.delete(name);
  return new Response(body, { status, headers: kept });
}

/** The answer while no node is known to write the log. */
export function nobodyWrites(): Response {
  return new Response('{"code":"log_unavailable"}', {
    status: 503,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Access-Control-Allow-Origin': '*',
      'Retry-After': '1',
    },
  });
}

import { connect } from 'node:net';

/** A response as it came over a socket. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Everything that came, also further responses. */
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  /** Lines without their end, beside `Host` and `Connection`. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** Default: `HTTP/1.1`. */
  readonly version?: string;
}

/** Sends one request byte for byte as given, with its `Content-Length` unless the headers frame the body, and reads until the server closes. */
export function exchange(port: number, request: RawRequest): Promise<RawResponse> {
  const { method = 'GET', target = '/', headers = [], body = '', version = 'HTTP/1.1' } = request;
  const bytes = Buffer.from(body);
  const framed = headers.some((line) => /^(content-length|transfer-encoding)/i.test(line));
  const lines = [
    `${method} ${target} ${version}`,
    'Host: pay.example',
    'Connection: close',
    ...headers,
    ...(framed || bytes.length === 0 ? [] : [`Content-Length: ${bytes.length}`]),
  ];
  return send(port, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]));
}

/** Sends bytes and reads until the server closes the connection. */
export function send(port: number, bytes: Uint8Array): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString())));
  });
}

function parse(text: string): RawResponse {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = text.slice(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? dechunk(rest) : rest;
  return { status: Number(first.split(' ')[1] ?? 0), headers, body, text };
}

function dechunk(text: string): string {
  let body = '';
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

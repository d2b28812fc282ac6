/** A request as it came over the wire, whatever server it came through. */
export interface HttpRequest {
  readonly method: string;
  /** The request target, not decoded and not normalized. */
  readonly target: string;
  /** One entry for each header line, where the server still knows them. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** The bytes; `undefined` where there are none, `consumed` where somebody has read them already. */
  readonly body: AsyncIterable<Uint8Array> | 'consumed' | undefined;
  /** Whether the client has gone, and waits for no answer. */
  gone(): boolean;
}

/** Header lines by lower-case name. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/** They decide what a request is. Two of one of them could be read in two ways. */
const ONCE = [
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'taper-presentation',
  'taper-revocation-staple',
  'transfer-encoding',
];

/** With them some servers take the request for another one than it is. */
const OVERRIDES = [
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
];

/** The headers of a request; `undefined` when one of those that decide occurs twice. */
export function readHeaders(lines: HttpRequest['headers']): Headers | undefined {
  const headers = new Map<string, string[]>();
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    const values = headers.get(key);
    if (values === undefined) headers.set(key, [value]);
    else values.push(value);
  }
  return ONCE.some((name) => (headers.get(name)?.length ?? 0) > 1) ? undefined : headers;
}

/** Whether a header wants the request to be taken for another one. */
export function hasOverride(headers: Headers): boolean {
  return OVERRIDES.some((name) => headers.has(name));
}

/** Whether the headers announce a body. */
export function announcesBody(headers: Headers): boolean {
  const length = headers.get('content-length')?.[0];
  return headers.has('transfer-encoding') || (length !== undefined && length !== '0');
}

const JSON_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;

/** Whether the body is JSON in UTF-8, as it is. */
export function isPlainJson(headers: Headers): boolean {
  const coding = headers.get('transfer-encoding')?.[0];
  return (
    JSON_TYPE.test(headers.get('content-type')?.[0] ?? '') &&
    !headers.has('content-encoding') &&
    (coding === undefined || coding.toLowerCase() === 'chunked')
  );
}

/**
 * Reads a body to its end, and leaves the rest where it is when it does not come to one.
 *
 * @param most bytes.
 * @param milliseconds for the whole of it.
 */
export async function readBytes(
  body: AsyncIterable<Uint8Array>,
  most: number,
  milliseconds: number,
): Promise<Uint8Array | 'too_large' | 'broken' | 'late'> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, milliseconds, 'late');
  });
  try {
    const iterator = body[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([iterator.next(), late]);
      if (next === 'late') return next;
      if (next.done === true) return Buffer.concat(chunks);
      length += next.value.byteLength;
      if (length > most) return 'too_large';
      chunks.push(next.value);
    }
  } catch {
    return 'broken';
  } finally {
    clearTimeout(timer);
  }
}

/** A request target, decoded. */
export interface Target {
  readonly segments: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

/** Characters of a request target. */
const MAX_TARGET = 8192;

/** `pchar` of RFC 3986 without `;`, which some servers take for the start of parameters. */
const SEGMENT = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-F]{2})+$/;
/** `query` of RFC 3986 without what parsers read in several ways: `+`, `;`, `=`, `&`. */
const QUERY_VALUE = /^(?:[A-Za-z0-9\-._~!$'()*,:@/?]|%[0-9A-F]{2})*$/;
const QUERY_NAME = /^[A-Za-z0-9_.-]+$/;
/** Letters, digits and `-._~` in percent-encoding: RFC 3986 section 6.2.2.2 has them plain, and routers disagree about them. */
const NEEDLESSLY_ENCODED = /%(?:2[DE]|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])/;
const CONTROL = /\p{Cc}/u;
/** What is a separator somewhere, or would be decoded once more. */
const NOT_IN_SEGMENT = /[/\\%;]/;

/**
 * Reads a request target in origin form (RFC 9112 section 3.2.1) as it came over the wire. Nothing is repaired: what two
 * parsers could read differently (dot segments, encoded slashes, double encoding, empty segments, `+`, repeated
 * parameters) gives `undefined`.
 */
export function parseTarget(target: string): Target | undefined {
  if (target.length > MAX_TARGET) return undefined;
  const mark = target.indexOf('?');
  const segments = parsePath(mark === -1 ? target : target.slice(0, mark));
  const query = mark === -1 ? new Map<string, string>() : parseQuery(target.slice(mark + 1));
  return segments === undefined || query === undefined ? undefined : { segments, query };
}

/** Decodes a path as {@link parseTarget} does. */
export function parsePath(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  if (path === '/') return [];
  const segments: string[] = [];
  for (const text of path.slice(1).split('/')) {
    const segment = decode(text, SEGMENT);
    if (segment === undefined || NOT_IN_SEGMENT.test(segment)) return undefined;
    if (segment === '.' || segment === '..') return undefined;
    segments.push(segment);
  }
  return segments;
}

function parseQuery(text: string): ReadonlyMap<string, string> | undefined {
  const query = new Map<string, string>();
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0));
    const value = decode(pair.slice(equals + 1), QUERY_VALUE);
    if (equals === -1 || !QUERY_NAME.test(name) || value === undefined) return undefined;
    if (query.has(name)) return undefined;
    query.set(name, value);
  }
  return query;
}

function decode(text: string, grammar: RegExp): string | undefined {
  if (!grammar.test(text) || NEEDLESSLY_ENCODED.test(text)) return undefined;
  try {
    const decoded = decodeURIComponent(text);
    return CONTROL.test(decoded) ? undefined : decoded;
  } catch {
    return undefined; // not UTF-8
  }
}

/** The path segment that {@link parseTarget} reads as this value; `undefined` when there is none. */
export function encodeSegment(value: string): string | undefined {
  const text = encode(value);
  return text !== undefined && parsePath(`/${text}`)?.[0] === value ? text : undefined;
}

/** The value of a query parameter that {@link parseTarget} reads as this value; `undefined` when there is none. */
export function encodeQueryValue(value: string): string | undefined {
  const text = encode(value);
  return text !== undefined && decode(text, QUERY_VALUE) === value ? text : undefined;
}

function encode(value: string): string | undefined {
  try {
    return encodeURIComponent(value);
  } catch {
    return undefined; // a surrogate without its pair
  }
}

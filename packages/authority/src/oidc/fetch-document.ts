import { lookup as lookUp } from 'node:dns/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { TaperError } from '@taper/core';
import { addressRule } from './address.ts';

/** Resolves a host to all its addresses. */
export type Resolver = (
  host: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export interface FetchOptions {
  /** Networks beside the public ones to which a connection may be made, such as `10.1.0.0/16`. Default: none. */
  readonly networks?: readonly string[];
  /** Allows `http://127.0.0.1` and `http://[::1]`. Default `false`. */
  readonly loopbackHttp?: boolean;
  /** Certificates of the authorities to believe instead of the usual ones, PEM. */
  readonly certificates?: string;
  /** Default: the operating system's. */
  readonly resolve?: Resolver;
  /** Milliseconds for all of it. Default 5000. */
  readonly timeout?: number;
}

/** Gets a JSON document that the operator configured. Is an exception for whatever is not exactly one. */
export type DocumentFetch = (url: string) => Promise<string>;

/** Bytes of a document. */
const MAX_SIZE = 262_144;
const MAX_URL = 2048;
const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/jwk-set+json']);

/** Why a document was not got. Says nothing of what was in it. */
export class FetchError extends Error {
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super(`The document could not be fetched: ${reason}.`, cause === undefined ? {} : { cause });
    this.name = 'FetchError';
    this.reason = reason;
  }
}

/**
 * Checks a URL that the operator configured: `https`, written as a URL parser writes it, without user information or fragment.
 * @throws {TaperError} `option_invalid`.
 */
export function requireDocumentUrl(url: unknown, options: FetchOptions = {}): string {
  const parsed =
    typeof url === 'string' && url.length <= MAX_URL && URL.canParse(url)
      ? new URL(url)
      : undefined;
  const isPlain =
    parsed?.href === url && parsed?.username === '' && parsed.password === '' && parsed.hash === '';
  const isSecure = parsed?.protocol === 'https:' || isLoopbackHttp(parsed, options);
  if (typeof url !== 'string' || !isPlain || !isSecure) {
    throw new TaperError('option_invalid', 'This is no URL from which keys are fetched.', {
      hint: 'Use https, and write it without user information, fragment or default port.',
    });
  }
  return url;
}

function isLoopbackHttp(url: URL | undefined, { loopbackHttp = false }: FetchOptions): boolean {
  if (!loopbackHttp || url?.protocol !== 'http:') return false;
  return url.hostname === '127.0.0.1' || url.hostname === '[::1]';
}

/**
 * A fetch that goes where the operator said and nowhere else: the host is resolved once, every address that comes back must be allowed, and
 * the connection is made to what was checked. No redirect, no proxy, no compression, no cookie; 256 KiB, 5 seconds, JSON.
 * @throws {TaperError} `option_invalid`.
 */
export function createDocumentFetch(options: FetchOptions = {}): DocumentFetch {
  const { certificates, timeout = 5000, resolve = resolveHost } = options;
  const isAllowed = addressRule(options.networks);

  async function addressOf(url: URL): Promise<{ address: string; family: number }> {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const family = isIP(host);
    const found = family === 0 ? await resolve(host) : [{ address: host, family }];
    const [first] = found;
    if (first === undefined) throw new FetchError('host_unknown');
    const isLoopback = isLoopbackHttp(url, options);
    // One that is not allowed among them means that somebody tries which one we take.
    if (!isLoopback && !found.every(({ address }) => isAllowed(address)))
      throw new FetchError('address_refused');
    return first;
  }

  return async (text) => {
    const url = new URL(requireDocumentUrl(text, options));
    const signal = AbortSignal.timeout(timeout);
    try {
      const { address, family } = await untilAborted(addressOf(url), signal);
      return await get(url, pinned(address, family), signal, certificates);
    } catch (cause) {
      if (cause instanceof FetchError) throw cause;
      throw new FetchError(signal.aborted ? 'timeout' : 'unreachable', cause);
    }
  };
}

function resolveHost(host: string): Promise<{ address: string; family: number }[]> {
  return lookUp(host, { all: true, verbatim: true });
}

/** Answers what was checked, whatever it is asked for. */
function pinned(address: string, family: number): LookupFunction {
  return (_host, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new FetchError('timeout')), { once: true });
    work.then(resolve, reject);
  });
}

function get(
  url: URL,
  lookup: LookupFunction,
  signal: AbortSignal,
  certificates: string | undefined,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const common = {
    method: 'GET',
    // An agent of its own for each: none that reads a proxy from the environment, no connection that outlives the check.
    agent: false,
    lookup,
    signal,
    maxHeaderSize: 16_384,
    headers: {
      accept: 'application/jwk-set+json, application/json',
      'accept-encoding': 'identity',
    },
  } as const;
  const answer = (response: IncomingMessage): void => {
    readDocument(response, request).then(resolve, reject);
  };
  const request: ClientRequest =
    url.protocol === 'https:'
      ? httpsRequest(
          url,
          { ...common, ...(certificates === undefined ? {} : { ca: certificates }) },
          answer,
        )
      : httpRequest(url, common, answer);
  request.on('error', reject);
  request.end();
  return promise;
}

async function readDocument(response: IncomingMessage, request: ClientRequest): Promise<string> {
  try {
    const problem = headProblem(response);
    if (problem !== undefined) throw new FetchError(problem);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_SIZE) throw new FetchError('too_large');
      chunks.push(chunk);
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        Buffer.concat(chunks),
      );
    } catch {
      throw new FetchError('encoding');
    }
  } finally {
    request.destroy();
  }
}

function headProblem({ statusCode, headers }: IncomingMessage): string | undefined {
  if (statusCode !== 200) return 'status';
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || !JSON_TYPES.has(type)) return 'content_type';
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return 'content_encoding';
  if (Number(headers['content-length'] ?? 0) > MAX_SIZE) return 'too_large';
  return undefined;
}

import { TaperError } from '@taper/core';
import { readBody } from '../http/body.ts';
import { LogError } from '../port/log-error.ts';

/** What the clients of this package ask of the network, so that another one than `fetch` can stand in: a proxy, a test. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ExchangeOptions {
  /** Milliseconds for a whole exchange, the body with it. Default 10,000. */
  readonly timeout?: number;
  readonly fetch?: Fetch;
}

/** What came back: whole, and no longer than was asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

const DEFAULT_TIMEOUT = 10_000;

/** Longest time-out: beyond it, timers fire at once. */
const MAX_TIMEOUT = 2 ** 31 - 1;

const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * The address of a log or witness, without a slash at its end.
 * @throws {TaperError} `option_invalid` for anything but a plain HTTPS address without query, fragment and user; HTTP is for this machine alone, unless `allowHttp`.
 */
export function parsePrefix(text: string, allowHttp = false): string {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  const safe =
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && (allowHttp || LOOPBACK.includes(url.hostname)));
  if (url === null || !safe || /[?#]/.test(text) || `${url.username}${url.password}` !== '') {
    throw new TaperError('option_invalid', 'An address must be a plain HTTPS URL.', {
      hint: 'Such as https://log.example.com/authority. Plain http:// is for a server on this machine.',
    });
  }
  return url.href.replace(/\/+$/, '');
}

/** @throws {TaperError} `option_invalid`. */
export function parseTimeout(timeout: number = DEFAULT_TIMEOUT): number {
  if (Number.isSafeInteger(timeout) && timeout >= 1 && timeout <= MAX_TIMEOUT) return timeout;
  throw new TaperError('option_invalid', '`timeout` must be a whole number of milliseconds.');
}

/**
 * One request and its answer. Follows no redirect, sends no credentials, waits no longer than `timeout`, and reads no more than
 * `most` bytes, however small they were packed.
 *
 * @param item what it is about, for the error.
 * @throws {LogError} `log_unavailable` when there is no answer in time; `log_unverified` for a redirect or an answer that is too
 * long to be one.
 */
export async function exchange(
  url: string,
  init: RequestInit,
  {
    item,
    most,
    timeout,
    fetch = globalThis.fetch,
  }: ExchangeOptions & { item: string; most: number; timeout: number },
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      signal,
    });
    const { status, headers } = response;
    if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
      await response.body?.cancel();
      throw new LogError('log_unverified', item, `${item}: the server sends on to another place.`, {
        hint: 'Redirects are not followed. Name the address itself.',
      });
    }
    const bytes = await readBody(response, most);
    if (bytes !== undefined) return { status, headers, bytes };
    throw new LogError(
      'log_unverified',
      item,
      `${item}: the answer is longer than ${most} bytes.`,
      {
        hint: 'Nothing of that length can be what was asked for. The server is none of this log, or lies.',
      },
    );
  } catch (cause) {
    if (cause instanceof TaperError) throw cause;
    throw new LogError('log_unavailable', item, `${item}: ${reasonOf(cause, timeout)}.`, { cause });
  }
}

/** An answer with a status that says nothing of what was asked for. */
export function refusedAnswer(item: string, status: number): LogError {
  const later = status >= 500 || status === 429 || status === 408;
  return new LogError(
    later ? 'log_unavailable' : 'log_unverified',
    item,
    `${item}: the server answers ${status}.`,
    later ? {} : { hint: 'Check the address.' },
  );
}

function reasonOf(cause: unknown, timeout: number): string {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `no answer within ${timeout} ms`;
  const inner = cause instanceof Error ? cause.cause : undefined;
  const code = inner instanceof Error && 'code' in inner ? inner.code : undefined;
  return typeof code === 'string' ? `no connection (${code})` : 'no connection';
}

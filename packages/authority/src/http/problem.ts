import { type JsonValue, TaperError } from '@taper/core';
import { AuthorityRefusal, REFUSALS } from '../refusal.ts';
import { StoreError } from '../store-error.ts';

/** What the server itself refuses, whatever is asked: code, status, title. */
const SERVER_REFUSALS = {
  not_found: [404, 'There is nothing at this path.'],
  method_not_allowed: [405, 'The path takes another method.'],
  request_too_large: [413, 'The body is longer than it may be.'],
  media_type_unsupported: [415, 'The body is not of the type that is asked for.'],
  request_late: [408, 'The body did not come in time.'],
  internal_error: [500, 'The authority made a mistake.'],
} as const;

export type ServerRefusal = keyof typeof SERVER_REFUSALS;

/** Of every answer that is not meant for web pages: no cache keeps it, no browser guesses at it, no other page reads it. */
const PRIVATE_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** A refusal (RFC 9457). Facts are names and numbers, never values of the request. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly hint?: string;
  readonly [fact: string]: JsonValue;
}

const TYPE_PREFIX = 'tag:taper.dev,2026:authority:';

/** What the server refuses before anybody asked the authority. */
export function serverProblem(code: ServerRefusal): Problem {
  const [status, title] = SERVER_REFUSALS[code];
  return { type: TYPE_PREFIX + code, title, status, code };
}

/** What was thrown, as it may be shown to whoever asked; what is not meant for them is `unavailable` or `internal_error`. */
export function problemOf(cause: unknown): Problem {
  const refusal = asRefusal(cause);
  if (refusal === undefined) return serverProblem('internal_error');
  const { refusal: code, message: title, facts, hint } = refusal;
  return {
    ...facts,
    type: TYPE_PREFIX + code,
    title,
    status: REFUSALS[code].status,
    code,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** What the caller can do something about: a refusal, or a store or log that does not answer now. */
export function asRefusal(cause: unknown): AuthorityRefusal | undefined {
  if (cause instanceof AuthorityRefusal) return cause;
  const passes =
    (cause instanceof StoreError && cause.conflict === undefined) ||
    (cause instanceof TaperError &&
      ['store_unavailable', 'log_unavailable', 'log_closed', 'signing_failed'].includes(
        cause.code,
      ));
  if (!passes) return undefined;
  return new AuthorityRefusal('unavailable', 'The authority cannot do this now.', {
    hint: 'Nothing was acknowledged. Send the same request again.',
    cause,
  });
}

export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      ...PRIVATE_HEADERS,
      'Content-Type': 'application/problem+json',
      ...(problem.status === 503 || problem.status === 429 ? { 'Retry-After': '1' } : {}),
      ...headers,
    },
  });
}

export function jsonResponse(status: number, value: JsonValue): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...PRIVATE_HEADERS, 'Content-Type': 'application/json' },
  });
}

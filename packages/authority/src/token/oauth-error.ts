import { isJsonObject, type JsonObject } from '@taper/core';
import { AuthorityRefusal, REFUSALS } from '../refusal.ts';
import { StoreError } from '../store-error.ts';

/** Status of the errors for which RFC 6749 section 5.2 does not say 400. */
const STATUS: Readonly<Record<string, number>> = {
  temporarily_unavailable: 503,
};

/** What an error object and its facts may be written in (RFC 6749 section 5.2): printable ASCII without `"` and `\`. */
const UNWRITABLE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/;

/**
 * Why a token request is refused, as OAuth says it: `error`, `error_description`, and beside them our `code`, with `facts` and `hint`
 * where there are some. What is not a refusal says nothing of what went wrong: `temporarily_unavailable`.
 */
export function oauthError(
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
  status?: number,
): Response {
  const refusal = asRefusal(error);
  const { oauth } = REFUSALS[refusal.refusal];
  const { facts, hint } = refusal;
  const body: JsonObject = {
    error: oauth,
    error_description: writable(refusal.message),
    code: refusal.refusal,
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
    ...(hint === undefined ? {} : { hint }),
  };
  return json(body, status ?? statusOf(refusal), headers);
}

/** A JSON answer that nobody keeps (RFC 6749 section 5.1). */
export function json(
  body: JsonObject,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const fixed = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
  };
  return new Response(JSON.stringify(body), { status, headers: { ...fixed, ...headers } });
}

/** The refusal that an exception is, or `unavailable` for everything that is none. */
function asRefusal(error: unknown): AuthorityRefusal {
  if (error instanceof AuthorityRefusal) return error;
  return new AuthorityRefusal('unavailable', 'The authority cannot answer now.', {
    hint: 'Try again in a moment.',
    ...(error instanceof StoreError ? { facts: { reason: 'store' } } : {}),
  });
}

function statusOf({ refusal, facts }: AuthorityRefusal): number {
  if (refusal === 'too_many_requests') return 429;
  if (isJsonObject(facts) && facts['reason'] === 'too_large') return 413;
  return STATUS[REFUSALS[refusal].oauth] ?? 400;
}

function writable(text: string): string {
  return Array.from(text, (character) => (UNWRITABLE.test(character) ? "'" : character)).join('');
}

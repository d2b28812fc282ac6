import { DENIALS, type Denial, isJsonObject, parseJson } from '@taper/core';
import type { ApprovalRequired } from '@taper/enforce';
import { decodeUtf8 } from './presentation-header.ts';
import { readBytes } from './request.ts';

/** What is sent in the place of what the handler would have sent. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A refusal as it goes over the wire (RFC 9457): names and places, never values, keys or token text. */
export interface DenialProblem {
  /** A tag URI that ends in the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** From `spec/denials.json`; a newer server may send codes that this version does not know. */
  readonly code: string;
  /** What to do next; text for people and models. */
  readonly hint: string;
  /** The step of the draft's section 8 that failed. */
  readonly step?: string;
  /** Index of the token at fault in the chain, 0 for the root. */
  readonly hop?: number;
  readonly tool?: string;
  readonly argument?: string;
  readonly reason?: string;
  /** With `approval_required`: what has to be approved, by whom, until when. */
  readonly approval?: ApprovalProblem;
}

export interface ApprovalProblem {
  /** Where it can be approved; chosen by the server's owner, not by the request. Absent where there is no such place. */
  readonly url?: string;
  /** `nonce` of the action. */
  readonly nonce: string;
  readonly missing: readonly { readonly group: string; readonly count: number }[];
  /** First second, since the epoch, at which it can no longer be approved. */
  readonly expires_at: number;
}

const PROBLEM_TYPE = 'application/problem+json';
const TYPE_PREFIX = 'tag:taper.dev,2026:denial:';

/** Longer names come from a caller who chose them, and are not sent back. */
const MAX_NAME = 256;

/** Seconds after which it makes sense to ask again whether something has been approved. */
const APPROVAL_RETRY = 5;

/** The answer to a refused request. */
export function denialAnswer(cause: Denial, realm: string): Answer {
  const { status, problem } = problemOf(cause);
  const challenge: Answer['headers'] =
    status === 401 ? [['WWW-Authenticate', `Taper realm="${realm}", error="${problem.code}"`]] : [];
  return problemAnswer(problem, challenge);
}

/** The answer to a request that has to be approved first: 202, and where to approve. */
export function approvalAnswer(
  { denial, pending, missing }: ApprovalRequired,
  url?: string,
): Answer {
  const { nonce, expiresAt } = pending.action;
  const approval: ApprovalProblem = {
    ...(url === undefined ? {} : { url }),
    nonce,
    missing: missing.map(({ group, count }) => ({ group, count })),
    expires_at: expiresAt,
  };
  const headers: [string, string][] = [['Retry-After', String(APPROVAL_RETRY)]];
  if (url !== undefined) headers.push(['Location', url]);
  return problemAnswer({ ...problemOf(denial).problem, status: 202, approval }, headers);
}

/** An answer that is no refusal. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return answer(status, 'application/json', value, []);
}

/** The same answer, after which the connection is closed: the rest of the request is not worth reading. */
export function closing(given: Answer): Answer {
  return { ...given, headers: [...given.headers, ['Connection', 'close']] };
}

function problemOf({ code, step, hop, facts }: Denial): { status: number; problem: DenialProblem } {
  const { summary, hint, http: status } = DENIALS[code];
  const problem: Record<string, unknown> = {
    type: TYPE_PREFIX + code,
    title: summary,
    status,
    code,
    hint,
  };
  const { tool, argument, reason } = facts;
  for (const [name, text] of Object.entries({ tool, argument, reason }))
    if (text !== undefined && text.length <= MAX_NAME) problem[name] = text;
  if (step !== undefined) problem['step'] = step;
  if (hop !== undefined) problem['hop'] = hop;
  return { status, problem: problem as unknown as DenialProblem };
}

function problemAnswer(problem: DenialProblem, headers: Answer['headers']): Answer {
  return answer(problem.status, PROBLEM_TYPE, problem, headers);
}

function answer(status: number, type: string, value: unknown, headers: Answer['headers']): Answer {
  return {
    status,
    headers: [
      ['Content-Type', type],
      ['Cache-Control', 'no-store'],
      ['X-Content-Type-Options', 'nosniff'],
      ...headers,
    ],
    body: JSON.stringify(value),
  };
}

/** Bytes of a refusal that a client reads, and the milliseconds that it waits for them. */
const MAX_PROBLEM = 65_536;
const PROBLEM_TIMEOUT = 10_000;

/**
 * The refusal in a response, or `undefined` when the server did not refuse the call. Leaves the response unread. What a
 * server says is not verified: take no authority from it, and open an approval URL only where you know whose it is.
 */
export async function deniedProblem(response: Response): Promise<DenialProblem | undefined> {
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== PROBLEM_TYPE || response.bodyUsed) return undefined;
  const { body } = response.clone();
  if (body === null) return undefined;
  const bytes = await readBytes(body.values(), MAX_PROBLEM, PROBLEM_TIMEOUT);
  const text = typeof bytes === 'string' ? undefined : decodeUtf8(bytes);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) return undefined;
  const { code, hint } = parsed.value;
  const known = typeof code === 'string' && typeof hint === 'string';
  return known ? (parsed.value as unknown as DenialProblem) : undefined;
}

import {
  approvalActionHash,
  DENIALS,
  type Denial,
  denial,
  MAX_APPROVAL_SIZE,
  TaperError,
} from '@taper/core';
import type { PendingAction } from '../port/approval-source.ts';
import { type Clock, forwardOnly, systemClock } from '../port/clock.ts';
import { DESK_PAGE_POLICY, deskPage } from './desk-page.ts';
import { type ApprovalInbox, claimedAction } from './inbox.ts';
import { type SubmissionLimit, submissionLimit } from './submission-limit.ts';

export interface ApprovalDeskOptions {
  readonly inbox: ApprovalInbox;
  readonly clock?: Clock;
  /** Path under which the desk is mounted, without a slash at its end. Default `/approvals`. */
  readonly path?: string;
  /**
   * Who may look at an action at all, and submit: your own authentication of approvers, such as a session or a client
   * certificate. Default: whoever knows the action's address, which holds its nonce. It never approves anything.
   */
  readonly admits?: (request: Request) => boolean | Promise<boolean>;
  /** Approvals that are looked at for one action; what comes after is refused. Default 64. */
  readonly submissionsPerAction?: number;
}

/**
 * Makes the addresses at which pending actions are shown and approved, for those who notify approvers. The desk's own address
 * is the operator's to choose and never comes from a request.
 * @param desk where the desk is mounted: `https://tools.example.com/approvals`.
 * @throws {TaperError} `option_invalid` for anything but an HTTPS address without query, fragment and user; HTTP only on this machine.
 */
export function approvalUrl(desk: string): (pending: Pick<PendingAction, 'action'>) => string {
  const url = URL.parse(desk);
  const local = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (url === null || !safe || /[?#]/.test(desk) || `${url.username}${url.password}` !== '') {
    throw new TaperError('option_invalid', 'The address of the desk must be a plain HTTPS URL.', {
      hint: 'Such as https://tools.example.com/approvals.',
    });
  }
  const base = url.href.replace(/\/$/, '');
  return ({ action }) => `${base}/${action.nonce}`;
}

const ADDRESS = /^\/[A-Za-z0-9_-]{22,128}$/;

/**
 * Serves pending actions to approvers and takes their approvals in, as a fetch-style handler (spec/approval.md section 8):
 * `GET {path}/{nonce}` gives the action as JSON and changes nothing; `POST {path}/{nonce}` takes an approval as
 * `application/jose`. Nothing else approves: no link, no form, no cookie. Resolves whatever happens, and never says more
 * than a denial code.
 */
export function approvalDesk(
  options: ApprovalDeskOptions,
): (request: Request) => Promise<Response> {
  const { inbox, clock = systemClock, path = '/approvals', admits = () => true } = options;
  const readClock = forwardOnly(clock);
  const limit = submissionLimit(options.submissionsPerAction ?? 64);

  return async (request) => {
    try {
      const address = addressIn(request, path);
      if (address === undefined) return problem(404, 'not_found');
      if (request.method !== 'GET' && request.method !== 'POST')
        return problem(405, 'method_not_allowed', { Allow: 'GET, POST' });
      if ((await admits(request)) !== true) return problem(403, 'not_admitted');
      const now = readClock();
      if (now === undefined) return refusal(denial('clock_unavailable'));
      return request.method === 'GET'
        ? await show(inbox, request, address, now)
        : await takeIn(inbox, limit, request, address, now);
    } catch {
      return refusal(denial('approval_source_unavailable'));
    }
  };
}

function addressIn(request: Request, path: string): string | undefined {
  const { pathname, search } = new URL(request.url);
  if (search !== '' || !pathname.startsWith(path)) return undefined;
  const rest = pathname.slice(path.length);
  return ADDRESS.test(rest) ? rest.slice(1) : undefined;
}

async function show(
  inbox: ApprovalInbox,
  request: Request,
  nonce: string,
  now: number,
): Promise<Response> {
  const pending = await inbox.look(nonce, now);
  if (pending === undefined) return problem(404, 'not_found');
  if (request.headers.get('accept')?.includes('text/html') === true)
    return answer(200, 'text/html; charset=utf-8', deskPage(pending));
  const { action, requirements, chains, approvals } = pending;
  return answer(200, 'application/json', { action, requirements, chains, approvals });
}

async function takeIn(
  inbox: ApprovalInbox,
  limit: SubmissionLimit,
  request: Request,
  nonce: string,
  now: number,
): Promise<Response> {
  if (request.headers.get('content-type')?.trim().toLowerCase() !== 'application/jose')
    return problem(415, 'content_type_unsupported', { Accept: 'application/jose' });
  if (request.headers.has('content-encoding')) return problem(415, 'content_encoding_unsupported');
  const pending = await inbox.look(nonce, now);
  if (pending === undefined) return problem(404, 'not_found');
  if (!limit.admits(nonce, pending.action.expiresAt, now)) {
    const wait = String(Math.max(1, pending.action.expiresAt - now));
    return problem(429, 'too_many_submissions', { 'Retry-After': wait });
  }
  const approval = await readText(request, MAX_APPROVAL_SIZE);
  if (approval === undefined)
    return refusal(denial('approval_malformed', {}, { reason: 'size' }), 413);
  // The address and the approval must name one action: nobody approves another one by mistake.
  const claimed = claimedAction(approval);
  if (typeof claimed !== 'string') return refusal(claimed);
  if (claimed !== approvalActionHash(pending.action))
    return refusal(denial('approval_action_mismatch', {}, { reason: 'address' }));
  const judged = await inbox.submit(approval, now);
  if ('code' in judged) return refusal(judged);
  const { group, approver, expiresAt } = judged;
  return answer(201, 'application/json', { accepted: { group, approver, expiresAt } });
}

/** The body as text, unless it is longer than `most` bytes or no ASCII; reads no further than that. */
async function readText(request: Request, most: number): Promise<string | undefined> {
  let text = '';
  if (request.body === null) return text;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    if (text.length + value.length > most) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    for (const byte of value) text += String.fromCharCode(byte);
  }
}

/** A denial as problem+json (RFC 9457): its code, and nothing of the action. */
function refusal({ code, facts }: Denial, status: number = DENIALS[code].http): Response {
  const { summary, hint } = DENIALS[code];
  return answer(status, 'application/problem+json', {
    type: `tag:taper.dev,2026:denial:${code}`,
    title: summary,
    status,
    code,
    hint,
    ...(facts.reason === undefined ? {} : { reason: facts.reason }),
  });
}

const TITLES = {
  not_found: 'Nothing waits for approval here: it was never asked for, has expired, or has run.',
  method_not_allowed: 'An action is looked at with GET and approved with POST.',
  not_admitted: 'You may not see what waits for approval.',
  content_type_unsupported: 'An approval is sent as application/jose.',
  content_encoding_unsupported: 'An approval is sent without content encoding.',
  too_many_submissions: 'Too many approvals were sent in for this action.',
} as const;

function problem(
  status: number,
  what: keyof typeof TITLES,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = { type: 'about:blank', title: TITLES[what], status, code: what };
  return answer(status, 'application/problem+json', body, headers);
}

function answer(
  status: number,
  type: string,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      'Content-Security-Policy': DESK_PAGE_POLICY,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      Vary: 'Accept',
      ...headers,
    },
  });
}

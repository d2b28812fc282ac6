import { type JsonValue, parseJson } from '@taper/core';
import { Failure } from './failure.ts';
import { isObject, member } from './file/json.ts';
import type { InputText } from './file/read.ts';
import { quoteText, showName } from './text/escape.ts';

/** Milliseconds for a whole exchange with the desk. */
const TIMEOUT = 10_000;

/** Bytes of an answer; a request holds arguments and chains. */
const MAX_ANSWER = 8 * 1024 * 1024;

/** What of an answer's error is shown; more than a sentence is not needed, and the desk may be anybody. */
const MAX_TITLE = 200;

/** Fetches the pending action. @throws {Failure} `server_unreachable`, `server_refused`, `server_answer_invalid`. */
export async function fetchRequest(url: URL): Promise<InputText> {
  const response = await exchange(url, { headers: { accept: 'application/json' } });
  const text = await readBody(response, url);
  if (response.status !== 200) throw refusedBy(url, response, text);
  if (mediaType(response) !== 'application/json') throw invalid(url, 'it did not answer with JSON');
  return { text, source: showName(url.href), mode: undefined };
}

/** Sends an approval in. @throws as {@link fetchRequest}. */
export async function sendApproval(url: URL, approval: string): Promise<void> {
  const response = await exchange(url, {
    method: 'POST',
    body: approval,
    headers: { 'content-type': 'application/jose', accept: 'application/json' },
  });
  const text = await readBody(response, url);
  if (response.status !== 201) throw refusedBy(url, response, text);
}

async function exchange(url: URL, init: RequestInit): Promise<Response> {
  try {
    // A redirect would let the server choose what is shown or where the approval goes.
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) });
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

async function readBody(response: Response, url: URL): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_ANSWER) throw invalid(url, 'its answer is longer than 8 MiB');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreachable(url, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw invalid(url, 'its answer is not UTF-8');
  }
}

function refusedBy(url: URL, response: Response, text: string): Failure {
  const { status } = response;
  if (status >= 300 && status < 400)
    return invalid(url, 'it sends on to another address, which is not followed');
  const parsed = mediaType(response) === 'application/problem+json' ? parseJson(text) : undefined;
  const problem = parsed?.ok === true && isObject(parsed.value) ? parsed.value : {};
  const code = textOf(member(problem, 'code')) ?? textOf(member(problem, 'title'));
  const said = code === undefined ? '' : `, and says ${quoteText(code, MAX_TITLE)}`;
  const title = textOf(member(problem, 'title'));
  return new Failure('server_refused', `${showName(url.origin)} answers ${status}${said}`, {
    hint:
      title === undefined
        ? 'Check the address. An action that has expired, or has run, is gone.'
        : `In its words: ${quoteText(title, MAX_TITLE)}`,
  });
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function mediaType(response: Response): string | undefined {
  return response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
}

function invalid(url: URL, what: string): Failure {
  return new Failure(
    'server_answer_invalid',
    `${showName(url.origin)} is no approval desk: ${what}`,
    {
      hint: 'Check the address with whoever sent it to you.',
    },
  );
}

function unreachable(url: URL, cause: unknown): Failure {
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
  const inner =
    cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined;
  const reason = timedOut
    ? `no answer within ${TIMEOUT / 1000} s`
    : (inner?.code ?? 'no connection');
  return new Failure('server_unreachable', `cannot reach ${showName(url.origin)}: ${reason}`, {
    hint: 'Check the address and the network. If an approval was being sent, it may have arrived: run the command again.',
  });
}

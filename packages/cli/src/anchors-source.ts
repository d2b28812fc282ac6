import { MAX_ANCHORS_LENGTH } from '@taper/core';
import { Failure } from './failure.ts';
import type { InputText } from './file/read.ts';
import { showName } from './text/escape.ts';

/** Milliseconds for the whole exchange. */
const TIMEOUT = 10_000;

/**
 * Fetches what an authority says of its keys. What comes is nobody's word until it was verified: no redirect is followed, since the
 * answer would be of another place than was asked.
 * @throws {Failure} `server_unreachable`, `server_refused`, `server_answer_invalid`.
 */
export async function fetchAnchors(url: URL): Promise<InputText> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const { status } = response;
    if (status >= 300 && status < 400)
      throw invalid(url, 'it sends on to another address, which is not followed');
    if (status !== 200) {
      throw new Failure('server_refused', `${showName(url.origin)} answers ${status}`, {
        hint: 'Check the address.',
      });
    }
    return { text: await readText(response, url), source: showName(url.href), mode: undefined };
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreachable(url, cause);
  }
}

async function readText(response: Response, url: URL): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANCHORS_LENGTH) throw invalid(url, 'its answer is longer than 1 MiB');
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw invalid(url, 'its answer is not UTF-8');
  }
}

function invalid(url: URL, what: string): Failure {
  return new Failure(
    'server_answer_invalid',
    `${showName(url.origin)} serves no trust anchors there: ${what}`,
    { hint: 'Check the address with whoever runs the authority.' },
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
    hint: 'Check the address and the network. What was pinned before still holds.',
  });
}

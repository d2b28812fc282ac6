import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';

/** Milliseconds for a whole exchange with an authority. */
const PATIENCE = 15_000;

/** As `fetch`, bounded in time and without redirects. @throws {Failure} `server_unreachable`. */
export async function patientFetch(request: Request): Promise<Response> {
  try {
    return await fetch(request, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE) });
  } catch (cause) {
    const late = cause instanceof Error && cause.name === 'TimeoutError';
    const inner =
      cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined;
    const reason = late
      ? `no answer within ${PATIENCE / 1000} s`
      : (inner?.code ?? 'no connection');
    throw new Failure(
      'server_unreachable',
      `cannot reach ${showName(new URL(request.url).origin)}: ${reason}`,
      {
        hint: 'Is the authority running? If something was being changed, it may have been: look before you repeat it.',
      },
    );
  }
}

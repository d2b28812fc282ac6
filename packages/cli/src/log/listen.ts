import type { Option } from 'commander';
import { valueOption } from '../option.ts';
import { jsonLine, writeAside } from '../report.ts';
import { listen as openListener, parseAddress } from '../serve/listener.ts';
import type { Session } from '../session.ts';

/** Milliseconds that requests have to end when the command is stopped. */
const GRACE = 5_000;

export const listenOption: Option = valueOption(
  '--listen <host:port>',
  'address to listen on; port 0 takes a free one (default: 127.0.0.1:8080)',
);

/**
 * Serves until the command is stopped (SIGINT, SIGTERM), then ends the requests that are being answered.
 * @throws {Failure} `usage` for an address that is none, `port_taken`, `server_unreachable`.
 */
export async function serveUntilStopped(
  fetch: (request: Request) => Promise<Response>,
  listen: string | undefined,
  what: string,
  session: Session,
): Promise<void> {
  const address = parseAddress(listen ?? '127.0.0.1:8080', '--listen');
  const { stopped } = session.io;
  const listener = await openListener({ fetch, ...address, field: '--listen' });
  const { url } = listener;
  await writeAside(
    session.io,
    session.json ? jsonLine({ listening: url }) : `${what} on ${url}; stop it with Ctrl-C\n`,
  );
  await untilAborted(stopped);
  await listener.close(GRACE);
}

/** Is done when the run is to end; never, where nothing can end it. */
export async function untilAborted(stopped: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    if (stopped?.aborted === true) resolve();
    else stopped?.addEventListener('abort', () => resolve(), { once: true });
  });
}

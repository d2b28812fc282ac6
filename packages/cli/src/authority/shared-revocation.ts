import { setTimeout as pause } from 'node:timers/promises';
import {
  type JsonValue,
  parseJson,
  type RevocationTarget,
  requestRevocation,
  type Signer,
  TaperError,
  uuidV7,
} from '@taper/core';
import type { AuthorityLog } from './authority-log.ts';
import { LOG_PREFIX } from './log-writer.ts';

/** Milliseconds for which a revocation is tried while the log changes hands, and between two attempts. */
const PATIENCE = 20_000;
const PAUSE = 250;

export interface SharedRevocationOptions {
  /** Origin of the log. */
  readonly log: string;
  readonly signer: Signer;
  /** Takes a request of this node to whoever writes the log. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Is done when this node has taken in what is in the log. */
  readonly follow: () => Promise<unknown>;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** Revokes through whichever node writes the log. @throws {TaperError} `revocation_refused`, `log_unavailable`. */
export function createSharedRevocation(options: SharedRevocationOptions): AuthorityLog['revoke'] {
  const { follow } = options;

  async function submit(compact: string): Promise<Response> {
    return options.fetch(
      new Request(`http://127.0.0.1${LOG_PREFIX}/revocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/jwt' },
        body: compact,
      }),
    );
  }

  return async (target, given) => {
    const compact = await sign(target, given, options);
    // The same request may be sent any number of times: it revokes once.
    for (const deadline = performance.now() + PATIENCE; ; ) {
      const answer = await submit(compact).catch(() => undefined);
      const parsed = parseJson((await answer?.text().catch(() => '')) ?? '');
      const body = (parsed.ok ? parsed.value : undefined) as
        | { readonly index?: JsonValue; readonly entry?: JsonValue; readonly code?: JsonValue }
        | undefined;
      const { index, entry, code } = body ?? {};
      if (answer?.ok === true && typeof index === 'number' && typeof entry === 'string') {
        await follow();
        return { index, entry };
      }
      // To be one too many at the node that writes is no refusal.
      if (answer !== undefined && answer.status < 500 && answer.status !== 429)
        throw new TaperError('revocation_refused', `Nothing was revoked: ${String(code)}.`);
      if (performance.now() > deadline)
        throw new TaperError('log_unavailable', 'No node writes the log now.');
      await pause(PAUSE);
    }
  };
}

function sign(
  target: RevocationTarget,
  given: Parameters<AuthorityLog['revoke']>[1],
  { log, signer, clock, random }: SharedRevocationOptions,
): Promise<string> {
  const now = clock();
  return requestRevocation({
    log,
    target,
    signer,
    now,
    id: uuidV7(now * 1000, random(10)),
    ...given,
  });
}

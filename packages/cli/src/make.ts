import { randomBytes } from 'node:crypto';
import { RefusedError, TaperError, uuidV7 } from '@taper/core';
import { Failure } from './failure.ts';
import type { Session } from './session.ts';
import { showName } from './text/escape.ts';
import { parseTime } from './text/time.ts';

/** Seconds since the epoch: what `--now` says, else the clock. @throws {Failure} `usage`. */
export function presentTime(now: string | undefined, session: Session): number {
  return now === undefined ? session.io.clock() : parseTime(now, '--now');
}

/** `jti`: what `--id` says, else a new UUIDv7. */
export function tokenId(id: string | undefined, now: number): string {
  return id ?? uuidV7(now * 1000, randomBytes(10));
}

/** The identifier of a root issuer, as step 3k asks of `iss`. @throws {Failure} `usage`. */
export function parseIssuer(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}]+$/u.test(text)) return text;
  throw new Failure('usage', `--issuer is no URI: ${showName(text)}`, {
    field: '--issuer',
    hint: 'Give the identifier that root tokens name and verifiers trust, such as https://issuer.example.',
  });
}

/** How many hops may follow. @throws {Failure} `usage`. */
export function parseDepth(text: string): number {
  if (/^[0-9]{1,4}$/.test(text)) return Number(text);
  throw new Failure('usage', '--max-depth is not a whole number, 0 or more', {
    field: '--max-depth',
    hint: 'It counts hops from the root: 0 makes a token that nobody can delegate.',
  });
}

/**
 * Runs one of core's makers.
 * @throws {Failure} `refused` with the denial that verification would give; `signing_failed`; `option_invalid`.
 */
export async function making<Made>(what: string, make: () => Promise<Made>): Promise<Made> {
  try {
    return await make();
  } catch (thrown) {
    throw makerFailure(what, thrown);
  }
}

function makerFailure(what: string, thrown: unknown): unknown {
  if (thrown instanceof RefusedError) {
    const { denial } = thrown;
    return new Failure('refused', `${what} was not made: ${denial.code}`, { denial });
  }
  if (!(thrown instanceof TaperError)) return thrown;
  const code = thrown.code === 'signing_failed' ? 'signing_failed' : 'option_invalid';
  return new Failure(code, `${what} was not made: ${thrown.message}`, { hint: thrown.hint });
}

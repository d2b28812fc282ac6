import { TaperError } from '@taper/core';
import type { Statements } from './statements.ts';

/** Seconds after its last for which something used is still remembered: clocks of nodes differ. */
const USED_GRACE = 60;

/** Seconds for which enrolments and pending issuances are kept after their end. */
const ENDED_GRACE = 86_400;

/** Forgets what has ended. How far it has forgotten is kept, so that a clock that steps back makes nothing fresh again. */
export function sweepIn({ run }: Statements, now: number): void {
  if (!Number.isSafeInteger(now) || now < 0)
    throw new TaperError('option_invalid', '`now` must be whole seconds since the epoch.');
  run(
    `UPDATE store SET forgotten = max(forgotten, coalesce(
       (SELECT max(expires_at) FROM used WHERE expires_at < ?), -1))`,
    now - USED_GRACE,
  );
  run('DELETE FROM used WHERE expires_at < ?', now - USED_GRACE);
  run('DELETE FROM enrolment WHERE expires_at < ?', now - ENDED_GRACE);
  run('DELETE FROM pending WHERE expires_at < ?', now - ENDED_GRACE);
  run(`DELETE FROM outbox WHERE log_index IS NOT NULL
       AND sequence < (SELECT max(sequence) FROM outbox WHERE log_index IS NOT NULL)`);
}

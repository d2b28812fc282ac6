import { TaperError } from '@taper/core';

/** Counts what comes in for each action, so that nobody has signatures checked without end. */
export interface SubmissionLimit {
  /** Whether another submission for this action is looked at; it counts when it is. */
  admits(nonce: string, expiresAt: number, now: number): boolean;
}

/** Only actions that are pending are counted, so there are never more entries than a source holds and what expired since. */
export function submissionLimit(most: number): SubmissionLimit {
  if (!Number.isSafeInteger(most) || most < 1) {
    throw new TaperError(
      'option_invalid',
      '`submissionsPerAction` must be a whole number, 1 or more.',
    );
  }
  const counts = new Map<string, { submissions: number; readonly expiresAt: number }>();
  let sweepAt = 256;

  function sweep(now: number): void {
    if (counts.size < sweepAt) return;
    for (const [nonce, { expiresAt }] of counts) if (expiresAt <= now) counts.delete(nonce);
    sweepAt = Math.max(256, 2 * counts.size);
  }

  return {
    admits(nonce, expiresAt, now) {
      sweep(now);
      const count = counts.get(nonce) ?? { submissions: 0, expiresAt };
      if (count.submissions >= most) return false;
      count.submissions += 1;
      counts.set(nonce, count);
      return true;
    },
  };
}

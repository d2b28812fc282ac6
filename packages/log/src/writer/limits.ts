import { TaperError } from '@taper/core';

/** How much a log's writer takes on. Entries are counted, and bytes of them. */
export interface LogLimits {
  /** May wait to be written; what comes beyond is refused with `log_unavailable`. Default: 65,536 and 64 MiB. */
  readonly waitingEntries: number;
  readonly waitingBytes: number;
  /** Committed at one time, unless one call appends more. Default: 4096 and 4 MiB. */
  readonly groupEntries: number;
  readonly groupBytes: number;
  /**
   * Committed ones of which there are no tiles yet: from here on tiles are made even though nothing is published. When they cannot
   * be made, the log goes on to four times as much, then refuses with `log_unavailable`. Default: 16,384 and 16 MiB.
   */
  readonly stagedEntries: number;
  readonly stagedBytes: number;
}

const DEFAULT_LOG_LIMITS: LogLimits = Object.freeze({
  waitingEntries: 65_536,
  waitingBytes: 64 * 2 ** 20,
  groupEntries: 4096,
  groupBytes: 4 * 2 ** 20,
  stagedEntries: 16_384,
  stagedBytes: 16 * 2 ** 20,
});

/** A staged record is written with its length in four bytes. */
const GREATEST_LIMIT = 2 ** 30;

/** The limits with defaults for those that are not given. @throws {TaperError} `option_invalid`. */
export function requireLimits(limits: Partial<LogLimits> = {}): LogLimits {
  const known = { ...DEFAULT_LOG_LIMITS, ...limits };
  for (const [name, limit] of Object.entries(known)) {
    if (!(name in DEFAULT_LOG_LIMITS))
      throw new TaperError('option_invalid', `A log has no limit ${name}.`);
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > GREATEST_LIMIT)
      throw new TaperError('option_invalid', `The limit ${name} is a whole number from 1 to 2^30.`);
  }
  return known;
}

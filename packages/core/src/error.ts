/** Codes of {@link TaperError}: misuse of this library and I/O. A refused token or call is never one of these; it is a `Denial`. */
export type ErrorCode =
  | 'key_invalid'
  | 'key_weak'
  | 'json_invalid'
  | 'option_invalid'
  | 'not_verified'
  | 'refused'
  | 'signing_failed'
  | 'crypto_asynchronous'
  | 'store_unusable'
  | 'store_unavailable'
  | 'policy_invalid'
  | 'policy_unavailable'
  | 'session_refused'
  | 'log_corrupt'
  | 'log_rolled_back'
  | 'log_forked'
  | 'log_closed'
  | 'log_unavailable'
  | 'log_unverified'
  | 'entry_too_large'
  | 'revocation_refused'
  | 'evidence_invalid'
  | 'store_conflict'
  | 'authority_refused'
  | 'key_store_unusable'
  | 'anchors_invalid';

/**
 * The one base class of what Taper throws. Denials are data and are never thrown by a check;
 * only misuse (a wrong option, an unverified chain) and failed signing throw.
 */
export class TaperError extends Error {
  /** Stable, machine-readable; never parse `message`. */
  readonly code: ErrorCode;
  /** What to do next, for a person. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TaperError';
    this.code = code;
    this.hint = options.hint;
  }
}

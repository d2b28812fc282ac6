/** Where an emitter's events end. */
export interface AuditTip {
  /** `sequence` of its last event; the first event has 1. */
  readonly sequence: number;
  /** base64url SHA-256 of the last event; see `spec/audit.md` section 3. */
  readonly hash: string;
}

/** One event as it is kept: a line of canonical JSON (RFC 8785) with its signature, without the line end. */
export interface AuditLine extends AuditTip {
  /** Who writes this sequence: one enforcement point with its key. */
  readonly emitter: string;
  readonly line: string;
  /**
   * 22 base64url characters: what opens the line's `arguments_hash`. Kept beside the line and never in it, so that it can be
   * erased while the log stays whole. A sink may drop it; then no hash can be opened.
   */
  readonly salt: string;
  /**
   * What an auditor needs to judge the call again (`spec/audit.md` section 9): arguments, tokens and proofs, as JSON text. Kept as
   * the salt is: beside the line, never in it, and erased together with the salt. Present where the recorder keeps evidence.
   */
  readonly evidence?: string;
}

/**
 * Keeps audit events. A port. Order is the writer's: a sink keeps what it is given, after what it has.
 *
 * - `append` gets one line or more, of one emitter, in sequence. It is done when all are durable: a process killed right
 *   after, or a power cut, does not lose them.
 * - All lines are appended or none. (A file that is written while the power fails may keep the first of them, each whole;
 *   nobody was told that they are there.) `conflict`: the first line does not follow the emitter's tip, because another
 *   process wrote; nothing was appended.
 * - `tip` is what has last been appended for the emitter, `undefined` where nothing has. A sink may be for one emitter
 *   alone; it refuses lines of others by an exception.
 * - After an exception from `append` it is not known whether the lines are there; the writer asks `tip` before it goes on.
 * - An exception or a late answer refuses the call with `audit_unavailable`.
 * - Neither salt nor evidence is ever part of what is kept for good: they are dropped, or kept where they can be erased.
 */
export interface AuditSink {
  /** The longest line that it takes, in bytes of UTF-8. Default: none is too long. */
  readonly maxLineBytes?: number;
  tip(emitter: string): AuditTip | undefined | Promise<AuditTip | undefined>;
  append(lines: readonly AuditLine[]): 'appended' | 'conflict' | Promise<'appended' | 'conflict'>;
}

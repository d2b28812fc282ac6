/** Where an emitter's events end. */
export interface AuditTip {
  /** `sequence` of its last event; the first event has 1. */
  readonly sequence: number;
  /** base64url SHA-256 of the last event's line; see `spec/audit.md`. */
  readonly hash: string;
}

/** One event as it is kept: a line of canonical JSON (RFC 8785) with its signature, without the line end. */
export interface AuditLine extends AuditTip {
  /** Who writes this sequence: one enforcement point with its key. */
  readonly emitter: string;
  readonly line: string;
}

/**
 * Keeps audit events. A port. Order is the writer's: a sink keeps what it is given, after what it has.
 *
 * - `append` is done when all lines are durable: a process killed right after, or a power cut, does not lose them.
 * - All lines are appended or none. `conflict`: the first line does not follow the emitter's tip, because another process wrote; nothing was appended.
 * - `tip` is what has last been appended for the emitter, `undefined` where nothing has.
 * - After an exception from `append` it is not known whether the lines are there; the writer asks `tip` before it goes on.
 * - An exception or a late answer refuses the call with `audit_unavailable`.
 */
export interface AuditSink {
  tip(emitter: string): AuditTip | undefined | Promise<AuditTip | undefined>;
  append(lines: readonly AuditLine[]): 'appended' | 'conflict' | Promise<'appended' | 'conflict'>;
}

import {
  type AuditEvent,
  type AuditHead,
  isAuditEmitter,
  isAuditHead,
  NO_AUDIT_EVENT,
  type PublicKey,
  readAuditLine,
  TaperError,
  verifyAuditHead,
} from '@taper/core';
import { requireKey } from './check.ts';

/** One line of a log as it was read: its text, or why it has none. */
export type AuditEntry =
  | { readonly text: string }
  | { readonly problem: 'line_malformed' | 'line_incomplete' };

/**
 * What is wrong with a log.
 *
 * - `line_malformed`: not an event in its one form. `line_incomplete`: the last line has no end.
 * - `signature_invalid`: the line was changed, or is not the emitter's. `emitter_mismatch`: another emitter's event.
 * - `sequence_gap`: events are missing before this line. `sequence_repeated`: the event stands in the wrong place, or twice.
 * - `chain_broken`: the emitter signed it after another event than the one before it: there are two histories.
 * - `log_empty`: no event at all. `cut_off`: the log ends before its head. `head_mismatch`: the head is of another history.
 * - `head_invalid`: the head is not signed by the key, or is another emitter's.
 */
export type AuditProblemCode =
  | 'line_malformed'
  | 'line_incomplete'
  | 'signature_invalid'
  | 'emitter_mismatch'
  | 'sequence_gap'
  | 'sequence_repeated'
  | 'chain_broken'
  | 'log_empty'
  | 'cut_off'
  | 'head_mismatch'
  | 'head_invalid';

export interface AuditProblem {
  readonly code: AuditProblemCode;
  /** Line at fault, 1 for the first; for what is missing at the end, the line after the last; absent where the head itself is at fault. */
  readonly line?: number;
  /** The sequence that stands there or, for what is missing at the end, that of the head. */
  readonly sequence?: number;
  /** The sequence that should stand there. */
  readonly expected?: number;
}

/** A line whose time is earlier than that of the line before. */
export interface ClockStep {
  readonly line: number;
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

export interface AuditVerdict {
  /** `intact`: each line is the emitter's, in its place, from the first event on; and reaches the head, where one was given. */
  readonly verdict: 'intact' | 'broken';
  readonly emitter: string | undefined;
  readonly lines: number;
  /** Lines that hold an event of the emitter, wherever it stands. */
  readonly events: number;
  /** The head that the log itself ends with, to be kept elsewhere; `undefined` where nothing verified. */
  readonly last: AuditHead | undefined;
  /** Sequence up to which the given head proves that nothing is missing at the end. Without a head nothing does. */
  readonly provedThrough: number | undefined;
  /** In order of the lines; no more than {@link MAX_FINDINGS}. */
  readonly problems: readonly AuditProblem[];
  readonly problemCount: number;
  /** Where the clock ran backwards: no proof of tampering, but worth a question. No more than {@link MAX_FINDINGS}. */
  readonly clockSteps: readonly ClockStep[];
  readonly clockStepCount: number;
}

/** Findings of each kind that are listed one by one; all are counted. */
export const MAX_FINDINGS = 100;

export interface VerifyAuditOptions {
  /** The emitter's key, known from elsewhere: never from the log. */
  readonly key: PublicKey;
  /** Whose events these must be. Default: that of the head, else that of the first line. */
  readonly emitter?: string;
  /** The last head that was kept apart from the log. */
  readonly head?: AuditHead;
}

/**
 * Checks a log, line by line, with constant memory (`spec/audit.md` section 6). A line that is bad does not keep the others from being checked.
 *
 * @throws {TaperError} `option_invalid` without a checked key: nothing can be said about a log then.
 */
export async function verifyAuditLog(
  entries: AsyncIterable<AuditEntry> | Iterable<AuditEntry>,
  options: VerifyAuditOptions,
): Promise<AuditVerdict> {
  const { key, head, emitter } = options;
  requireKey(key);
  if (emitter !== undefined && !isAuditEmitter(emitter))
    throw new TaperError('option_invalid', '`emitter` must be a name of 1 to 256 characters.');
  const check = new LogCheck(key, emitter, head);
  for await (const entry of entries) check.next(entry);
  return check.verdict();
}

class LogCheck {
  private readonly key: PublicKey;
  private readonly head: AuditHead | undefined;
  private emitter: string | undefined;
  private lines = 0;
  private events = 0;
  private last: AuditHead | undefined;
  /** Sequence that comes next. */
  private expected = 1;
  /** Hash of the event before it; `undefined` after a line that says nothing. */
  private previous: string | undefined;
  /** Lines since the last good one that may each stand for an event, or for none. */
  private unknown = 0;
  private latest = Number.NEGATIVE_INFINITY;
  private reached = false;
  private readonly problems: AuditProblem[] = [];
  private problemCount = 0;
  private readonly clockSteps: ClockStep[] = [];
  private clockStepCount = 0;

  constructor(key: PublicKey, emitter: string | undefined, head: AuditHead | undefined) {
    this.key = key;
    const valid =
      isAuditHead(head) && (emitter ?? head.emitter) === head.emitter && verifyAuditHead(head, key);
    this.head = valid ? head : undefined;
    this.emitter = emitter ?? this.head?.emitter;
    if (head !== undefined && !valid) this.found({ code: 'head_invalid' });
  }

  next(entry: AuditEntry): void {
    this.lines += 1;
    const line = this.lines;
    const read = 'text' in entry ? readAuditLine(entry.text) : undefined;
    if (read === undefined) {
      this.unknown += 1;
      this.found({ code: 'problem' in entry ? entry.problem : 'line_malformed', line });
      return;
    }
    const { event, hash } = read;
    this.emitter ??= event.emitter;
    const place = { line, sequence: event.sequence };
    const other = event.emitter !== this.emitter;
    if (other || !verifyAuditHead({ ...headOf(event), hash }, this.key)) {
      this.unknown += 1;
      this.found({ code: other ? 'emitter_mismatch' : 'signature_invalid', ...place });
      return;
    }
    this.events += 1;
    this.place(event, hash, line);
  }

  /** The event is the emitter's; is this its place? */
  private place(event: AuditEvent, hash: string, line: number): void {
    const { sequence, time } = event;
    const { expected } = this;
    if (sequence < expected) {
      this.found({ code: 'sequence_repeated', line, sequence, expected });
      return;
    }
    if (sequence > expected + this.unknown)
      this.found({ code: 'sequence_gap', line, sequence, expected: expected + this.unknown });
    else if (sequence === expected && event.previous_hash !== (this.previous ?? NO_AUDIT_EVENT))
      this.found({ code: 'chain_broken', line, sequence, expected });
    this.expected = sequence + 1;
    this.previous = hash;
    this.unknown = 0;
    this.last = { ...headOf(event), hash };
    if (time < this.latest) this.stepped({ line, from: this.latest, to: time });
    this.latest = time;
    if (sequence !== this.head?.sequence) return;
    this.reached = hash === this.head.hash;
    if (!this.reached) this.found({ code: 'head_mismatch', line, sequence });
  }

  verdict(): AuditVerdict {
    const { head, lines, last } = this;
    if (lines === 0) this.found({ code: 'log_empty', line: 1 });
    if (head !== undefined && head.sequence >= this.expected) {
      this.found({
        code: 'cut_off',
        line: lines + 1,
        sequence: head.sequence,
        expected: this.expected,
      });
    }
    const intact = this.problemCount === 0;
    return Object.freeze({
      verdict: intact ? 'intact' : 'broken',
      emitter: this.emitter,
      lines,
      events: this.events,
      last,
      provedThrough: intact && this.reached ? head?.sequence : undefined,
      problems: this.problems,
      problemCount: this.problemCount,
      clockSteps: this.clockSteps,
      clockStepCount: this.clockStepCount,
    });
  }

  private found(problem: AuditProblem): void {
    this.problemCount += 1;
    if (this.problems.length < MAX_FINDINGS) this.problems.push(problem);
  }

  private stepped(step: ClockStep): void {
    this.clockStepCount += 1;
    if (this.clockSteps.length < MAX_FINDINGS) this.clockSteps.push(step);
  }
}

function headOf({ emitter, sequence, time, signature }: AuditEvent): Omit<AuditHead, 'hash'> {
  return { emitter, sequence, signature, time };
}

import { TaperError } from '@taper/core';
import type { AuditSidecar } from '../port/audit-sidecar.ts';
import { MAX_ENTRY } from '../tile/bundle.ts';
import type { Log } from '../writer/log.ts';
import { entryOf, type LoggedLine, readEvent } from './line.ts';

export interface LogAuditSinkOptions {
  /** A log of this emitter alone. Publishing it is the caller's: events are durable before, and provable after. */
  readonly log: Log;
  /** Whose events the log holds. */
  readonly emitter: string;
  /** Where salts and evidence are kept. Default: nowhere; then no hash of arguments can ever be opened. */
  readonly sidecar?: AuditSidecar;
}

/** Where an emitter's events end. */
interface Tip {
  readonly sequence: number;
  readonly hash: string;
}

/** The `AuditSink` of an enforcement point on a transparency log: entry `i` is the line of the event with sequence `i + 1`. */
export interface LogAuditSink {
  readonly maxLineBytes: number;
  tip(emitter: string): Promise<Tip | undefined>;
  /** Resolves when every line has a durable index. What may be erased is durable before, beside the log and never in it. */
  append(lines: readonly LoggedLine[]): Promise<'appended' | 'conflict'>;
  /** What opens the `arguments_hash` of an event; `undefined` where it was erased or is not there. */
  salt(sequence: number): Promise<string | undefined>;
  /** What an auditor needs to judge the call of an event again; `undefined` where none was given, or it was erased. */
  evidence(sequence: number): Promise<string | undefined>;
  /** Erases salt and evidence of an event: the log stays as it is, and every proof in it valid. */
  erase(sequence: number): Promise<void>;
}

/**
 * Makes the audit sink of one emitter on a log of its own. Nobody else may append to that log.
 *
 * Its functions reject as those of the log do, and with {@link TaperError} `option_invalid` for lines of another emitter or out of
 * sequence, `store_unusable` when the log does not end with an event of the emitter.
 */
export function createLogAuditSink({ log, emitter, sidecar }: LogAuditSinkOptions): LogAuditSink {
  /** The end as last seen, at the size that the log then had. */
  let known: { readonly size: number; readonly tip: Tip | undefined } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function end(): Promise<Tip | undefined> {
    const { size } = log;
    if (known?.size === size) return known.tip;
    const tip = size === 0 ? undefined : { sequence: size, hash: await lastHash(size) };
    known = { size, tip };
    return tip;
  }

  /** The log itself says it, once it is published; where that fails, what was written beside the last entry. */
  async function lastHash(size: number): Promise<string> {
    if (log.reader.head().size < size) {
      try {
        await log.publish();
      } catch (cause) {
        const beside = await sidecar?.read(size);
        const isPassing = cause instanceof TaperError && cause.code === 'log_unavailable';
        if (!isPassing || beside === undefined) throw cause;
        return beside.hash;
      }
    }
    return (await readEvent(log.reader, size - 1, emitter)).hash;
  }

  function check(lines: readonly LoggedLine[]): void {
    const [first] = lines as readonly [LoggedLine];
    const isRun = lines.every(
      (line, at) => line.emitter === emitter && line.sequence === first.sequence + at,
    );
    if (isRun) return;
    throw new TaperError(
      'option_invalid',
      `The log is for the events of ${emitter}, in sequence.`,
      {
        hint: 'Give every emitter a log of its own.',
      },
    );
  }

  return Object.freeze<LogAuditSink>({
    maxLineBytes: MAX_ENTRY,
    tip: (asked) => inTurn(async () => (asked === emitter ? end() : undefined)),
    append: (lines) =>
      inTurn(async () => {
        const [first] = lines;
        if (first === undefined) return 'appended';
        check(lines);
        const tip = await end();
        if (first.sequence !== (tip?.sequence ?? 0) + 1) return 'conflict';
        await sidecar?.write(
          first.sequence,
          lines.map(({ hash, salt, evidence }) => ({ hash, salt, evidence })),
        );
        const { index } = await log.appendAll(lines.map(({ line }) => entryOf(line)));
        const { sequence, hash } = lines.at(-1) as LoggedLine;
        if (index !== first.sequence - 1)
          throw new TaperError('store_unusable', 'Somebody else appends to this audit log.');
        known = { size: sequence, tip: { sequence, hash } };
        return 'appended';
      }),
    salt: async (sequence) => (await beside(sequence))?.salt,
    evidence: async (sequence) => (await beside(sequence))?.evidence,
    erase: (sequence) =>
      inTurn(async () => {
        if (sequence <= log.size) await sidecar?.erase(sequence);
      }),
  });

  async function beside(sequence: number): ReturnType<AuditSidecar['read']> {
    return sequence <= log.size ? sidecar?.read(sequence) : undefined;
  }
}

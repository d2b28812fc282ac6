import type { AuditLine, AuditSink, AuditTip } from '../port/audit-sink.ts';

/** An {@link AuditSink} whose lines can be looked at, in the memory of one process: for tests and examples. Nothing in it is durable. */
export interface MemoryAuditSink extends AuditSink {
  /** The lines of an emitter, first to last. */
  lines(emitter: string): readonly AuditLine[];
  /** Forgets salt and evidence of an event. */
  erase(emitter: string, sequence: number): void;
}

export function createMemoryAuditSink(): MemoryAuditSink {
  const linesOf = new Map<string, AuditLine[]>();
  return {
    tip(emitter): AuditTip | undefined {
      const last = linesOf.get(emitter)?.at(-1);
      return last === undefined ? undefined : { sequence: last.sequence, hash: last.hash };
    },
    append(lines) {
      const [first] = lines;
      if (first === undefined) return 'appended';
      const kept = linesOf.get(first.emitter) ?? [];
      if (first.sequence !== (kept.at(-1)?.sequence ?? 0) + 1) return 'conflict';
      kept.push(...lines);
      linesOf.set(first.emitter, kept);
      return 'appended';
    },
    lines: (emitter) => linesOf.get(emitter) ?? [],
    erase(emitter, sequence) {
      const kept = linesOf.get(emitter);
      const line = kept?.[sequence - 1];
      if (kept === undefined || line === undefined) return;
      const { evidence: _, ...rest } = line;
      kept[sequence - 1] = { ...rest, salt: '' };
    },
  };
}

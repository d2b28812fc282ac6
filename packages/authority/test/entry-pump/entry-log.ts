import type { EntryLog } from '@taper/authority';
import { TaperError } from '@taper/core';

/** What becomes of an append that fails. */
export type AppendFailure = 'lost' | 'kept' | 'unknown, lost' | 'unknown, kept';

export interface TestLog extends EntryLog {
  readonly texts: string[];
  /** Bodies of entries of type `authority`, in order, with their sequences. */
  said(): { sequence: number; agent: unknown; index: number }[];
  failNext(how: AppendFailure): void;
  /** Ends an `unknown` failure: from now on a scan says how it ended. */
  recover(): void;
}

/** A log that lives in memory, and fails as a real one may. */
export function createTestLog(origin: string): TestLog {
  const texts: string[] = [];
  let failure: AppendFailure | undefined;
  let late: readonly string[] | undefined;
  const unavailable = (): TaperError => new TaperError('log_unavailable', 'The disk is gone.');
  return {
    log: origin,
    texts,
    said: () =>
      texts.flatMap((text, index) => {
        const { type, sequence, subject } = JSON.parse(text);
        return type === 'authority' ? [{ sequence, agent: subject.agent, index }] : [];
      }),
    failNext(how) {
      failure = how;
    },
    recover() {
      texts.push(...(late ?? []));
      late = undefined;
    },
    async appendAll(more) {
      if (late !== undefined) throw unavailable();
      const how = failure;
      failure = undefined;
      if (how?.startsWith('unknown')) late = how.endsWith('kept') ? [...more] : [];
      if (how === 'lost' || late !== undefined) throw unavailable();
      const index = texts.length;
      texts.push(...more);
      if (how === 'kept') throw unavailable();
      return { index };
    },
    async *scan(from) {
      if (late !== undefined) throw unavailable();
      for (const [index, text] of texts.entries()) if (index >= from) yield { index, text };
    },
  };
}

import {
  type EpochRecord,
  type RevocationEntryTrust,
  type RevokedEntry,
  readAuthorityLogEntry,
  readRevocationLogEntry,
  revokedBy,
  type VerifiedAuthorityEntry,
  verifyAuthorityEntry,
  verifyRevocationEntry,
} from '@taper/core';
import type { LogFault } from './problem.ts';

/** What the entries before one lead to expect of it. */
export interface Expectation {
  /** The last epoch, 0 before the first. */
  readonly epoch: number;
  /** The greatest time so far, seconds since the epoch. */
  readonly time: number;
}

/** What one entry of a log means to a follower. */
export interface ReadEntry {
  /** What it revokes: it is signed, so it holds wherever it came from. */
  readonly revoked: readonly RevokedEntry[];
  readonly record: EpochRecord | undefined;
  /** What the authority says that it did, where somebody wants to know of such an event. */
  readonly statement?: VerifiedAuthorityEntry | undefined;
  readonly fault: LogFault | undefined;
  /** What is to be expected of the next one. */
  readonly next: Expectation;
}

/** Reads an entry, and checks what can be checked of it alone and by those before it. Never throws. */
export function readLogEntry(
  text: string,
  index: number,
  expected: Expectation,
  trust: RevocationEntryTrust,
  wanted: ReadonlySet<string> | undefined,
): ReadEntry {
  const read = readRevocationLogEntry(text);
  const fault = (code: LogFault, revoked: readonly RevokedEntry[] = []): ReadEntry => ({
    revoked,
    record: undefined,
    fault: code,
    next: expected,
  });
  switch (read.type) {
    case 'other': {
      const nothing = { revoked: [], record: undefined, fault: undefined, next: expected };
      if (wanted === undefined) return nothing;
      const other = readAuthorityLogEntry(text);
      if (other.type === 'malformed') return fault(other.problem);
      // Only what somebody wants to know costs a signature check.
      if (other.type === 'other' || !wanted.has(other.entry.event)) return nothing;
      const verdict = verifyAuthorityEntry(other.entry, trust);
      return verdict.ok ? { ...nothing, statement: verdict.entry } : fault(verdict.problem);
    }
    case 'malformed':
      return fault(read.problem);
    case 'revocation': {
      const verdict = verifyRevocationEntry(read.entry, trust);
      if (!verdict.ok) return fault(verdict.problem);
      const revoked = revokedBy(verdict.entry);
      const { time } = verdict.entry;
      if (time < expected.time) return fault('entry_time_falls', revoked);
      return { revoked, record: undefined, fault: undefined, next: { ...expected, time } };
    }
    case 'epoch': {
      const { record } = read;
      if (record.epoch !== expected.epoch + 1) return fault('epoch_not_consecutive');
      if (record.size !== index) return fault('epoch_index_mismatch');
      if (record.time < expected.time) return fault('epoch_time_falls');
      const next = { epoch: record.epoch, time: record.time };
      return { revoked: [], record, fault: undefined, next };
    }
  }
}

import {
  createRevocationVerifier,
  type EpochRecord,
  type RevocationEntryTrust,
  type RevocationRequestProblem,
  type RevocationVerifier,
  type RevocationVerifierOptions,
  readRevocationLogEntry,
  verifyRevocationEntry,
} from '@taper/core';
import type { LogReader } from '../reader/log-reader.ts';
import { commitmentProblem } from './replay.ts';
import { RevocationState } from './state.ts';

/** What is wrong with a revocation log (spec/revocation.md section 8). */
export type RevocationAuditCode =
  | 'entry_malformed'
  | 'entry_log_mismatch'
  | 'entry_signature_invalid'
  | 'entry_time_falls'
  | 'entry_request_refused'
  | 'entry_request_mismatch'
  | 'epoch_malformed'
  | 'epoch_time_falls'
  | 'epoch_not_consecutive'
  | 'epoch_index_mismatch'
  | 'epoch_root_mismatch'
  | 'epoch_count_mismatch';

export interface RevocationAuditProblem {
  readonly index: number;
  readonly code: RevocationAuditCode;
  /** Of `entry_request_refused`. */
  readonly refusal?: RevocationRequestProblem;
}

export interface RevocationAuditReport {
  /** Whether the log was kept by the rules, as far as it was read. */
  readonly ok: boolean;
  /** Entries read, of whatever type. */
  readonly entries: number;
  readonly revocations: number;
  /** Entries of types that say nothing of revocation. */
  readonly others: number;
  /** The last epoch record; `undefined` where there is none. */
  readonly epoch: EpochRecord | undefined;
  /** Revocations after it: effective, and not committed to yet. */
  readonly uncovered: number;
  /** The first {@link MAX_PROBLEMS} problems, in the order of the log. */
  readonly problems: readonly RevocationAuditProblem[];
  /** How many there are. */
  readonly problemCount: number;
}

const MAX_PROBLEMS = 100;

/**
 * Checks a whole revocation log from its first entry: every signature, every request and the right it proves, every epoch and its
 * root. Anybody can, with the public keys alone; what the reader gives is checked against the checkpoint that it was made with.
 *
 * After a bad entry it goes on, so that one fault does not hide another: an entry that is wrong revokes nothing, an epoch record
 * that is wrong is followed by what it says.
 * @throws {TaperError} `option_invalid`; whatever the reader throws: a log that cannot be read has no verdict.
 */
export async function auditRevocations(
  reader: LogReader,
  options: RevocationVerifierOptions,
): Promise<RevocationAuditReport> {
  const verifier = createRevocationVerifier(options);
  const state = new RevocationState();
  const problems: RevocationAuditProblem[] = [];
  let problemCount = 0;
  let revocations = 0;
  let others = 0;
  for await (const { index, entry } of reader.entries(0)) {
    const read = readRevocationLogEntry(entry);
    if (read.type === 'revocation') revocations += 1;
    if (read.type === 'other') others += 1;
    const found = [...problemsOf(read, index, state, verifier, options)];
    problemCount += found.length;
    for (const problem of found) if (problems.length < MAX_PROBLEMS) problems.push(problem);
    state.size = index + 1;
  }
  return Object.freeze({
    ok: problemCount === 0,
    entries: state.size,
    revocations,
    others,
    epoch: state.epoch?.record,
    uncovered: state.uncovered,
    problems: Object.freeze(problems),
    problemCount,
  });
}

function* problemsOf(
  read: ReturnType<typeof readRevocationLogEntry>,
  index: number,
  state: RevocationState,
  verifier: RevocationVerifier,
  trust: RevocationEntryTrust,
): Generator<RevocationAuditProblem> {
  switch (read.type) {
    case 'other':
      return;
    case 'malformed':
      yield { index, code: read.problem };
      return;
    case 'revocation': {
      const verdict = verifier.auditEntry(read.entry);
      if (!verdict.ok) {
        const { problem: code, refusal } = verdict;
        yield { index, code, ...(refusal === undefined ? {} : { refusal }) };
      }
      if (read.entry.time < (state.epoch?.record.time ?? 0))
        yield { index, code: 'entry_time_falls' };
      // Whoever follows the log applies what the authority signed, right or wrong; so do its roots.
      const effective = verifyRevocationEntry(read.entry, trust);
      if (effective.ok) state.apply(effective.entry, index);
      return;
    }
    case 'epoch': {
      const { record } = read;
      if (record.epoch !== (state.epoch?.record.epoch ?? 0) + 1)
        yield { index, code: 'epoch_not_consecutive' };
      if (record.size !== index) yield { index, code: 'epoch_index_mismatch' };
      if (record.time < state.latestTime) yield { index, code: 'epoch_time_falls' };
      state.commit(record.time);
      const problem = commitmentProblem(record, state);
      if (problem !== undefined) yield { index, code: problem };
      state.applyEpoch(record, index);
    }
  }
}

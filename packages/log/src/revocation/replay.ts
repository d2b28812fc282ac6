import {
  type EpochRecord,
  type PublicKey,
  platform,
  type RevocationVerifier,
  readRevocationLogEntry,
  verifyRevocationEntry,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { LogReader } from '../reader/log-reader.ts';
import type { RevocationState } from './state.ts';

/** Seconds for which a token can live, and so for which an account can be charged again. */
const LONGEST_LIFE = 90 * 86_400;

export interface ReplayOptions {
  readonly reader: LogReader;
  readonly state: RevocationState;
  readonly log: string;
  readonly authority: readonly PublicKey[];
  /** Judges the requests of entries, to know whom they are charged to. */
  readonly verifier: RevocationVerifier;
  /** Index of the first entry not to be read any more. */
  readonly to: number;
  /** Seconds since the epoch; what was charged longer ago than any token lives is not worked out again. */
  readonly now: number;
  readonly onEntry?: (index: number, entry: Uint8Array) => void;
}

/**
 * Reads a log on from where the state is, believing nothing but the authority's signatures and finding every epoch's root again.
 * @throws {LogError} `log_corrupt` naming the first entry that is not by the rules; whatever the reader throws.
 */
export async function replay(options: ReplayOptions): Promise<void> {
  const { reader, state, to, onEntry } = options;
  for await (const { index, entry } of reader.entries(state.size, to)) {
    const problem = take(entry, index, options);
    if (problem !== undefined) {
      throw new LogError(
        'log_corrupt',
        `entry ${index}`,
        `The revocation log is wrong: ${problem}.`,
        {
          hint: 'Run an audit of the log. Something else than this authority wrote to it.',
        },
      );
    }
    state.size = index + 1;
    onEntry?.(index, entry);
  }
}

function take(
  bytes: Uint8Array,
  index: number,
  { state, log, authority, verifier, now }: ReplayOptions,
): string | undefined {
  const read = readRevocationLogEntry(bytes);
  switch (read.type) {
    case 'malformed':
      return read.problem;
    case 'other':
      return undefined;
    case 'epoch':
      return epochProblem(read.record, index, state, true);
    case 'revocation': {
      const verdict = verifyRevocationEntry(read.entry, { log, authority });
      if (!verdict.ok) return verdict.problem;
      const { entry } = verdict;
      if (entry.time < (state.epoch?.record.time ?? 0)) return 'entry_time_falls';
      if (state.isTaken(entry, index)) return undefined;
      state.apply(entry, index);
      if (entry.by.role === 'authority' || entry.time + LONGEST_LIFE <= now) return undefined;
      const audited = verifier.auditEntry(read.entry);
      // An anchor may have been retired since. What was revoked under it stays so, and nobody can ask under it any more.
      if (audited.ok) state.accounts.record(audited.request);
      return undefined;
    }
  }
}

/** What is wrong with an epoch record at this place; otherwise it is taken in, the set brought to its time first. */
function epochProblem(
  record: EpochRecord,
  index: number,
  state: RevocationState,
  mustMatch: boolean,
): string | undefined {
  if (record.epoch !== (state.epoch?.record.epoch ?? 0) + 1) return 'epoch_not_consecutive';
  if (record.size !== index) return 'epoch_index_mismatch';
  if (record.time < state.latestTime) return 'epoch_time_falls';
  state.commit(record.time);
  const problem = commitmentProblem(record, state);
  if (problem !== undefined && mustMatch) return problem;
  state.applyEpoch(record, index);
  return problem;
}

/** Whether an epoch record commits to another set than this. */
export function commitmentProblem(
  record: EpochRecord,
  { set }: RevocationState,
): 'epoch_root_mismatch' | 'epoch_count_mismatch' | undefined {
  if (record.revokedRoot !== platform.encodeBase64url(set.root())) return 'epoch_root_mismatch';
  return record.revoked === set.size ? undefined : 'epoch_count_mismatch';
}

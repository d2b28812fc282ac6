import type { LogProblem } from '@taper/core';

/** A fault of the log itself: it ends freshness until an operator has looked (spec/revocation.md sections 7 and 8). */
export type LogFault =
  | 'authority_entry_malformed'
  | 'entry_malformed'
  | 'entry_log_mismatch'
  | 'entry_signature_invalid'
  | 'entry_time_falls'
  | 'epoch_malformed'
  | 'epoch_time_falls'
  | 'epoch_not_consecutive'
  | 'epoch_index_mismatch';

/** What a follower has to tell. None of it is ever taken for news; what it leads to is that the view grows old. */
export type FollowerProblemCode =
  | LogProblem
  | LogFault
  /** A checkpoint smaller than one that was verified, of which it is not known that it is a late answer. */
  | 'checkpoint_rollback'
  /** Two verified checkpoints of one size with different roots: the proof of a split view. */
  | 'checkpoint_fork'
  /** The entries that were sent are not those of a verified checkpoint; they are fetched again. */
  | 'entries_mismatch'
  /** An epoch from more than a minute ahead of this machine's clock. */
  | 'epoch_in_future'
  /** No new epoch has come for longer than the last one promised. */
  | 'epoch_overdue'
  | 'snapshot_invalid'
  /** A directory of agents that does not verify, or does not reach far enough. */
  | 'agents_invalid'
  | 'source_unavailable'
  | 'store_unavailable'
  /** More is revoked than the view has room for; every call is refused. */
  | 'view_full';

export interface FollowerProblem {
  readonly code: FollowerProblemCode;
  /** Origin of the log. */
  readonly log: string;
  /** Index of the entry at fault. */
  readonly index?: number;
  /** Of `checkpoint_fork` and `checkpoint_rollback`: what was verified before, and what came. Anybody can check them. */
  readonly notes?: readonly [known: string, given: string];
  readonly cause?: unknown;
}

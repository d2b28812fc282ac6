import { TaperError } from '@taper/core';

/** What was there already when something unique was written, or had changed since it was read. */
export type StoreConflict =
  | 'agent'
  | 'key'
  | 'enrolment'
  | 'grant_set'
  | 'issuance'
  | 'pending'
  | 'outbox'
  | 'version';

/** Thrown by stores: `store_conflict` with what is in conflict, or `store_unavailable`. */
export class StoreError extends TaperError {
  readonly conflict: StoreConflict | undefined;

  constructor(
    conflict: StoreConflict | undefined,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(conflict === undefined ? 'store_unavailable' : 'store_conflict', message, options);
    this.name = 'StoreError';
    this.conflict = conflict;
  }
}

import type { ApprovalAction, Approver } from '@taper/core';
import type { ApprovalRequirement } from './policy-engine.ts';

export type { Approver };

/** An action that waits for approval, or has been approved. */
export interface PendingAction {
  readonly action: ApprovalAction;
  readonly requirements: readonly ApprovalRequirement[];
  /** The chains under which it was asked for, as presented, so that an approver can check them and see the receipt. */
  readonly chains: readonly (readonly string[])[];
  /** Approvals received so far: compact JWS, unverified. */
  readonly approvals: readonly string[];
}

/**
 * Holds actions that wait for approval, the approvals that came in, and who may approve. A port: all processes of one enforcement
 * point share one source.
 *
 * - `open` with an action that differs from one still pending in nothing but `nonce`, `issuedAt` and `expiresAt` returns that one: who asks again does not get a second question.
 *   What has been approved of it stays; its requirements are from then on those of the new question, since they may have changed.
 * - `find` returns what `open` returned, with the approvals that have come in and not expired, until the action's `expiresAt` has
 *   come or it is closed. An action that is closed and asked for again is a new one.
 * - A source that is full refuses to open with an exception.
 * - An exception, a late or an unknown answer refuses the call with `approval_source_unavailable`.
 */
export interface ApprovalSource {
  /** Who may approve for a group; `undefined` when there is no such group. */
  approvers(
    group: string,
  ): readonly Approver[] | undefined | Promise<readonly Approver[] | undefined>;
  /** @param now seconds since the epoch. */
  open(pending: PendingAction, now: number): PendingAction | Promise<PendingAction>;
  /** @param subject what the action has in common however often it is asked for; see `approvalSubject`. */
  find(
    subject: string,
    now: number,
  ): PendingAction | undefined | Promise<PendingAction | undefined>;
  /** The action has run; its approvals are used. */
  close(subject: string): void | Promise<void>;
}

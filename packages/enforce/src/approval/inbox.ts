import {
  type ApprovalRequest,
  approvalActionHash,
  approvalSubject,
  type CountedApproval,
  countApprovals,
  type Denial,
  denial,
  readApprovalRequest,
  TaperError,
  unsafeApprover,
} from '@taper/core';
import type { ApprovalSource, Approver, PendingAction } from '../port/approval-source.ts';
import { type Requester, requesterOf } from './requester.ts';

/**
 * What drivers of {@link ApprovalSource} have besides, for those who show pending actions and take approvals in.
 *
 * - `submit` keeps an approval of an action that is pending, once it has passed every check of `countApprovals` together with
 *   those that are there. It is kept until it expires or the action is closed.
 * - Whatever is refused changes nothing. An exception means that it is not known whether the approval is there; submit it again.
 */
export interface ApprovalInbox {
  /** Finds an action by its `nonce`, which nobody can guess; `undefined` when it is unknown, expired or closed. */
  look(nonce: string, now: number): PendingAction | undefined | Promise<PendingAction | undefined>;
  /** @param approval compact JWS, unverified. @param now seconds since the epoch. */
  submit(
    approval: string,
    now: number,
  ): CountedApproval | Denial | Promise<CountedApproval | Denial>;
  /** All that is pending, the oldest first, with the approvals so far. For an approver's own list: whoever sees it sees all arguments. */
  pending(now: number): readonly PendingAction[] | Promise<readonly PendingAction[]>;
}

/** How much a source holds. What is beyond is refused by an exception, so the call is denied. */
export interface ApprovalCapacity {
  /** Pending actions together. Default 10,000. */
  readonly capacity?: number;
  /** Pending actions of one agent: who floods approvers with questions tires them. Default 16. */
  readonly capacityPerAgent?: number;
  /** Pending actions of all agents whose authority comes through the same first holder. Default 256. */
  readonly capacityPerRoot?: number;
}

/** @throws {TaperError} `option_invalid`. */
export function readCapacity({
  capacity = 10_000,
  capacityPerAgent = 16,
  capacityPerRoot = 256,
}: ApprovalCapacity): Required<ApprovalCapacity> {
  const read = { capacity, capacityPerAgent, capacityPerRoot };
  for (const [name, value] of Object.entries(read)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 or more.`);
  }
  return read;
}

/** How many actions are pending. */
export interface Occupancy {
  readonly all: number;
  readonly agent: number;
  readonly root: number;
}

/** Refuses another action where there is no room for it. @throws {TaperError} `store_unavailable`. */
export function requireRoom(occupancy: Occupancy, capacity: Required<ApprovalCapacity>): void {
  const full =
    occupancy.all >= capacity.capacity
      ? 'there are too many'
      : occupancy.agent >= capacity.capacityPerAgent
        ? 'this agent has asked for too many'
        : occupancy.root >= capacity.capacityPerRoot
          ? 'agents of this root have asked for too many'
          : undefined;
  if (full === undefined) return;
  throw new TaperError('store_unavailable', `No more actions can wait for approval: ${full}.`, {
    hint: 'Have what waits approved, or wait until it expires. A flood of questions is a reason to look at the agent.',
  });
}

/** An action that is to be kept, with what it is found by. */
export interface OpenAction {
  readonly pending: PendingAction;
  readonly subject: string;
  readonly actionHash: string;
  readonly requester: Requester;
}

/**
 * Checks what an enforcement point wants to open; approvals that come with it are dropped, since they come in one by one.
 * @throws {TaperError} `option_invalid`.
 */
export function readOpenAction(pending: PendingAction, now: number): OpenAction {
  const read = readApprovalRequest(pending);
  const requester = read === undefined ? undefined : requesterOf(read);
  if (read !== undefined && lengthOf(read) > MAX_OPEN_LENGTH) {
    throw new TaperError('option_invalid', 'This is too long for somebody to read and approve.', {
      hint: `Arguments and chains together may have ${MAX_OPEN_LENGTH} characters.`,
    });
  }
  if (read === undefined || requester === undefined || !(read.action.expiresAt > now)) {
    throw new TaperError('option_invalid', 'This cannot wait for approval.', {
      hint: 'It needs an action that has not expired, requirements, and the chains; see spec/approval.md.',
    });
  }
  return {
    pending: Object.freeze({ ...read, approvals: Object.freeze([]) }),
    subject: approvalSubject(read.action),
    actionHash: approvalActionHash(read.action),
    requester,
  };
}

/** UTF-16 code units of an action and its chains; what nobody reads must not fill the store either. */
const MAX_OPEN_LENGTH = 262_144;

function lengthOf({ action, chains }: ApprovalRequest): number {
  const tokens = chains.flat().reduce((sum, token) => sum + token.length, 0);
  return tokens + JSON.stringify(action).length;
}

/** The action that an approval says it is for; nothing of it is verified. */
export function claimedAction(approval: string): string | Denial {
  const claimed = unsafeApprover(approval);
  return 'code' in claimed ? claimed : claimed.actionHash;
}

/** Judges an approval that comes in, beside those that are there. `pending` is `undefined` where nothing is open that it could be for. */
export function judgeSubmission(
  approval: string,
  pending: PendingAction | undefined,
  groups: ReadonlyMap<string, readonly Approver[]>,
  now: number,
): CountedApproval | Denial {
  if (pending === undefined)
    return denial('approval_action_mismatch', {}, { reason: 'not_pending' });
  const options = {
    action: pending.action,
    requirements: pending.requirements,
    approversOf: (group: string) => groups.get(group),
    holders: [...(requesterOf(pending)?.holders ?? [])],
    now,
  };
  // What came in before and would not count any more is in nobody's way.
  const standing = pending.approvals.filter((each) => !('code' in countApprovals([each], options)));
  const counted = countApprovals([...standing, approval], options);
  if ('code' in counted) return counted;
  return counted.valid.at(-1) as CountedApproval;
}

/** A source with its inbox. */
export type ApprovalStore = ApprovalSource & ApprovalInbox;

import { type ApproverGroups, readApproverGroups, TaperError } from '@taper/core';
import {
  type ApprovalCapacity,
  type ApprovalStore,
  claimedAction,
  judgeSubmission,
  type OpenAction,
  readCapacity,
  readOpenAction,
  requireRoom,
} from '../approval/inbox.ts';
import type { PendingAction } from '../port/approval-source.ts';

export interface ApprovalStoreOptions extends ApprovalCapacity {
  /** Who may approve. Keys come from here and from nowhere else. */
  readonly groups: ApproverGroups;
}

/** An action that waits, with the approvals that came in. */
interface Entry extends OpenAction {
  readonly approvals: { readonly compact: string; readonly expiresAt: number }[];
}

/**
 * An approval source in the memory of one process, for one process; it is empty after a restart, and what was pending has to be
 * asked for again.
 * @throws {TaperError} `option_invalid`.
 */
export function createMemoryApprovalSource(options: ApprovalStoreOptions): ApprovalStore {
  const groups = readApproverGroups(options.groups);
  const capacity = readCapacity(options);
  const bySubject = new Map<string, Entry>();

  /** Forgets what has expired, and gives what is left. */
  function live(now: number): readonly Entry[] {
    for (const [subject, { pending }] of bySubject) {
      if (!(pending.action.expiresAt > now)) bySubject.delete(subject);
    }
    return [...bySubject.values()];
  }

  return {
    approvers: (group) => groups.get(group),

    open(asked, now) {
      const opening = readOpenAction(asked, now);
      const entries = live(now);
      const known = bySubject.get(opening.subject);
      if (known !== undefined) {
        const { requirements } = opening.pending;
        const again: Entry = { ...known, pending: { ...known.pending, requirements } };
        bySubject.set(opening.subject, again);
        return withApprovals(again, now);
      }
      const { nonce } = opening.pending.action;
      if (entries.some(({ pending }) => pending.action.nonce === nonce))
        throw new TaperError('option_invalid', 'The nonce of an action must be new.');
      const { agent, root } = opening.requester;
      const occupancy = {
        all: entries.length,
        agent: entries.filter(({ requester }) => requester.agent === agent).length,
        root: entries.filter(({ requester }) => requester.root === root).length,
      };
      requireRoom(occupancy, capacity);
      bySubject.set(opening.subject, { ...opening, approvals: [] });
      return opening.pending;
    },

    find(subject, now) {
      const entry = bySubject.get(subject);
      return entry !== undefined && entry.pending.action.expiresAt > now
        ? withApprovals(entry, now)
        : undefined;
    },

    close(subject) {
      bySubject.delete(subject);
    },

    look(nonce, now) {
      const entry = live(now).find(({ pending }) => pending.action.nonce === nonce);
      return entry === undefined ? undefined : withApprovals(entry, now);
    },

    submit(approval, now) {
      const actionHash = claimedAction(approval);
      if (typeof actionHash !== 'string') return actionHash;
      const entry = live(now).find((each) => each.actionHash === actionHash);
      const pending = entry === undefined ? undefined : withApprovals(entry, now);
      const judged = judgeSubmission(approval, pending, groups, now);
      if (!('code' in judged))
        entry?.approvals.push({ compact: approval, expiresAt: judged.expiresAt });
      return judged;
    },

    pending: (now) => live(now).map((entry) => withApprovals(entry, now)),
  };
}

function withApprovals({ pending, approvals }: Entry, now: number): PendingAction {
  const standing = approvals.filter(({ expiresAt }) => expiresAt > now);
  return Object.freeze({ ...pending, approvals: standing.map(({ compact }) => compact) });
}

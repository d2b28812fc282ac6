import { type Denial, denial } from '../denial.ts';
import type { ApprovalAction } from './action.ts';
import { unsafeApprover, verifyApproval } from './approval.ts';
import type { Approver } from './approver.ts';
import { isRequiredApproval, MAX_APPROVALS, type RequiredApproval } from './request.ts';

/** An approval that counts. */
export interface CountedApproval {
  readonly group: string;
  /** The approver's name, from the configuration of whoever counts. */
  readonly approver: string;
  /** RFC 7638 thumbprint of the approver's key. */
  readonly thumbprint: string;
  /** `jti` of the approval. */
  readonly id: string;
  /** First second, since the epoch, at which it no longer counts. */
  readonly expiresAt: number;
}

export interface ApprovalCount {
  readonly valid: readonly CountedApproval[];
  /** What is still to be approved; empty when all is there. */
  readonly missing: readonly RequiredApproval[];
}

export interface CountOptions {
  /** What has to have been approved. */
  readonly action: ApprovalAction;
  /** At most one for each group; see {@link mergeRequirements}. */
  readonly requirements: readonly RequiredApproval[];
  /** From the source; an empty group is no group. */
  readonly approversOf: (group: string) => readonly Approver[] | undefined;
  /** RFC 7638 thumbprints of the holders on all chains presented: none of them may approve. */
  readonly holders: readonly string[];
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * Joins what caveats and policy ask for: the greatest count for each group. `undefined` when one of them is no requirement
 * (a count below 1 would be none at all), so that whoever asked has to be refused.
 */
export function mergeRequirements(
  ...lists: readonly (readonly RequiredApproval[])[]
): readonly RequiredApproval[] | undefined {
  const counts = new Map<string, number>();
  for (const requirement of lists.flat()) {
    if (!isRequiredApproval(requirement)) return undefined;
    const { group, count } = requirement;
    counts.set(group, Math.max(count, counts.get(group) ?? 0));
  }
  return [...counts].map(([group, count]) => ({ group, count }));
}

/**
 * Counts approvals of one action (spec/approval.md section 7). All of them are judged, every time, whoever has judged them
 * before; one that is bad refuses the call with its code, however many good ones stand beside it. Denials:
 *
 * - `approval_group_unknown`: a group that has to approve has no approvers.
 * - `approval_approver_unknown`: not a member's key, or for a group that nobody asked for.
 * - `approval_by_requester`: the key, or the name it goes by, is that of a holder on a chain.
 * - `approval_repeated`: one key or one name for the second time, in whatever group.
 * - those of `verifyApproval`, and `internal_error` for requirements that are none.
 */
export function countApprovals(
  approvals: readonly string[],
  options: CountOptions,
): ApprovalCount | Denial {
  const { action, requirements, holders, now } = options;
  const groups = groupsOf(options);
  if ('code' in groups) return groups;
  if (approvals.length > MAX_APPROVALS)
    return denial('approval_malformed', {}, { reason: 'too_many' });
  const requesters = new Set(holders);
  const requesterNames = namesOf(groups, requesters);
  const valid: CountedApproval[] = [];
  const keys = new Set<string>();
  const names = new Set<string>();
  for (const compact of approvals) {
    const claimed = unsafeApprover(compact);
    if ('code' in claimed) return claimed;
    const approver = groups
      .get(claimed.group)
      ?.find(({ key }) => key.thumbprint === claimed.thumbprint);
    if (approver === undefined) return denial('approval_approver_unknown');
    const approval = verifyApproval(compact, { action, approver: approver.key, now });
    if ('code' in approval) return approval;
    const { group, thumbprint, id, expiresAt } = approval;
    const person = personOf(approver);
    if (requesters.has(thumbprint) || requesterNames.has(person))
      return denial('approval_by_requester');
    if (keys.has(thumbprint) || names.has(person)) return denial('approval_repeated');
    keys.add(thumbprint);
    names.add(person);
    valid.push(Object.freeze({ group, approver: approver.name, thumbprint, id, expiresAt }));
  }
  const missing = requirements.flatMap(({ group, count }) => {
    const given = valid.filter((approval) => approval.group === group).length;
    return given >= count ? [] : [{ group, count: count - given }];
  });
  return { valid, missing };
}

/** One spelling of a name: two keys of one person count once, however the configuration writes the name. */
export function personOf({ name }: Approver): string {
  return name.normalize('NFKC').trim().toLowerCase();
}

/** The approvers of every group that was asked for. */
function groupsOf({
  requirements,
  approversOf,
}: CountOptions): ReadonlyMap<string, readonly Approver[]> | Denial {
  const groups = new Map<string, readonly Approver[]>();
  for (const requirement of requirements) {
    if (!isRequiredApproval(requirement) || groups.has(requirement.group))
      return denial('internal_error', {}, { reason: 'approval_requirement' });
    const approvers = approversOf(requirement.group);
    if (approvers === undefined || approvers.length === 0)
      return denial('approval_group_unknown', {}, { reason: requirement.group });
    groups.set(requirement.group, approvers);
  }
  return groups;
}

/** The names under which holders of the chains are approvers themselves, with this or another key. */
function namesOf(
  groups: ReadonlyMap<string, readonly Approver[]>,
  thumbprints: ReadonlySet<string>,
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const approver of [...groups.values()].flat()) {
    if (thumbprints.has(approver.key.thumbprint)) names.add(personOf(approver));
  }
  return names;
}

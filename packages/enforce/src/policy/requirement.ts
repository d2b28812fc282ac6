import type { ApprovalRequirement } from '../port/policy-engine.ts';

/** The most approvals that one group can be asked for. */
export const MAX_APPROVAL_COUNT = 16;

/** What satisfies all of these: the highest count asked of each group, in the order of their names. */
export function joinRequirements(
  requirements: readonly ApprovalRequirement[],
): readonly ApprovalRequirement[] {
  const counts = new Map<string, number>();
  for (const { group, count } of requirements)
    counts.set(group, Math.max(count, counts.get(group) ?? 0));
  return Array.from(counts, ([group, count]) => ({ group, count })).sort((one, other) =>
    one.group < other.group ? -1 : 1,
  );
}

/** Whether so many approvals can be asked for. */
export function isApprovalCount(count: unknown): count is number {
  return (
    Number.isSafeInteger(count) && (count as number) >= 1 && (count as number) <= MAX_APPROVAL_COUNT
  );
}

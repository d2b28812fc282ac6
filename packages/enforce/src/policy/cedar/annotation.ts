import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isGroupName } from '@taper/core';
import type { ApprovalRequirement } from '../../port/policy-engine.ts';
import { isApprovalCount, MAX_APPROVAL_COUNT } from '../requirement.ts';

/** A misspelt `@approval_count` would ask for one approval where somebody wanted more. */
const KNOWN: ReadonlySet<string> = new Set(['id', 'description', 'approval', 'approval_count']);

/** What `@approval("group")` and `@approval_count("2")` on a `forbid` ask for; `refuse` is called for whatever would be overlooked. */
export function approvalOf(
  { annotations = {}, effect }: PolicyJson,
  refuse: (problem: string, hint: string) => never,
): ApprovalRequirement | undefined {
  // Cedar gives `null` for an annotation without a value, whatever its types say.
  const group: unknown = annotations['approval'];
  const count: unknown = annotations['approval_count'];
  if (group === undefined) {
    if (count === undefined) return undefined;
    return refuse('`@approval_count` stands without `@approval`.', 'Add @approval("group").');
  }
  if (effect !== 'forbid') {
    return refuse(
      '`@approval` on a `permit` asks for nothing.',
      'Keep the `permit` plain, and add a `forbid` with `@approval` for what needs approval.',
    );
  }
  const unknown = Object.keys(annotations).find((name) => !KNOWN.has(name));
  if (unknown !== undefined)
    return refuse(
      `Nobody knows \`@${unknown}\` beside \`@approval\`.`,
      'Should it be @approval_count? Notes go into @description or a comment.',
    );
  if (!isGroupName(group))
    return refuse('`@approval` names no group.', 'Write the group: @approval("finance").');
  if (count === undefined) return { group, count: 1 };
  const asNumber = typeof count === 'string' && /^[1-9][0-9]?$/.test(count) ? Number(count) : 0;
  if (!isApprovalCount(asNumber))
    return refuse(
      `\`@approval_count\` must be "1" to "${MAX_APPROVAL_COUNT}".`,
      'Such as @approval_count("2").',
    );
  return { group, count: asNumber };
}

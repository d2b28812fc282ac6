import {
  type ApprovalAction,
  type ApprovalCount,
  approvalSubject,
  type CountedApproval,
  countApprovals,
  type Denial,
  denial,
  isPublicKey,
  type JsonObject,
  mergeRequirements,
  platform,
  readApprovalRequest,
} from '@taper/core';
import type { ApprovalSource, Approver, PendingAction } from '../port/approval-source.ts';
import type { ApprovalRequirement, PolicyDecision } from '../port/policy-engine.ts';
import { ask, membersOf, nothing, type Patience } from './ask.ts';
import type { Subject } from './subject.ts';

export interface ApprovalSettings {
  readonly source: ApprovalSource | undefined;
  /** Seconds for which an action may be approved and run. */
  readonly lifetime: number;
  /** Identifier of the enforcement point. */
  readonly name: string;
  readonly random: (length: number) => Uint8Array;
  readonly patience: Patience;
}

/** An action and who asks for it. */
export interface ApprovalQuestion {
  readonly subject: Subject;
  readonly tool: string;
  readonly args: JsonObject;
  /** Approvals that the caller brought along, unverified. */
  readonly presented: readonly string[];
  readonly now: number;
}

/** What is known of an action before policy is asked. */
export interface KnownApprovals {
  /** What has been asked for this action before, and what came in. */
  readonly pending: PendingAction | undefined;
  readonly valid: readonly CountedApproval[];
}

/** Approvals of an action, or why they are not enough. */
export type ApprovalOutcome =
  | {
      readonly verdict: 'approved';
      readonly pending: PendingAction;
      readonly valid: ApprovalCount['valid'];
    }
  | {
      readonly verdict: 'missing';
      readonly missing: readonly ApprovalRequirement[];
    };

/** What a source says where there is nothing; a failure is something else. */
const NOTHING = Symbol('nothing');

const NOTHING_REQUIRED: readonly ApprovalRequirement[] = Object.freeze([]);

/** Where nothing has been asked for. */
export const NONE_KNOWN: KnownApprovals = Object.freeze({
  pending: undefined,
  valid: Object.freeze([]),
});

/** Looks for approvals of this action that have been given already, so that a policy can see them. */
export async function knownApprovals(
  question: ApprovalQuestion,
  settings: ApprovalSettings,
): Promise<KnownApprovals | Denial> {
  const { source, patience } = settings;
  if (source === undefined) return NONE_KNOWN;
  const key = approvalSubject(actionOf(question, settings));
  const found = await ask(
    async () => (await source.find(key, question.now)) ?? NOTHING,
    (value) => (value === NOTHING ? NOTHING : readApprovalRequest(value)),
    patience,
  );
  if (found === undefined) return denial('approval_source_unavailable');
  if (found === NOTHING) return NONE_KNOWN;
  const fits = approvalSubject(found.action) === key && found.action.expiresAt > question.now;
  if (!fits) return denial('approval_source_unavailable');
  const counted = await count(question, found, found.requirements, settings);
  if ('code' in counted) return counted;
  return { pending: found, valid: Object.freeze([...counted.valid]) };
}

/** The approvals that caveats and policy ask for together; `undefined` when one of them is no requirement. */
export function requiredApprovals(
  { subject, tool }: ApprovalQuestion,
  policy: PolicyDecision | undefined,
): readonly ApprovalRequirement[] | undefined {
  const counts = subject.caveats.approvals(tool);
  if (counts.size === 0 && (policy?.approvals.length ?? 0) === 0) return NOTHING_REQUIRED;
  const asked = [...counts].map(([group, count]) => ({ group, count }));
  return mergeRequirements(asked, policy?.approvals ?? []);
}

/** Counts the approvals that are required, at least one. */
export async function checkApprovals(
  question: ApprovalQuestion,
  known: KnownApprovals,
  requirements: readonly ApprovalRequirement[],
  settings: ApprovalSettings,
): Promise<ApprovalOutcome | Denial> {
  const { tool, presented } = question;
  if (settings.source === undefined)
    return denial('approval_source_unavailable', {}, { reason: 'not_configured' });
  if (known.pending !== undefined) {
    const counted = await count(question, known.pending, requirements, settings);
    if ('code' in counted) return counted;
    if (counted.missing.length === 0)
      return { verdict: 'approved', pending: known.pending, valid: counted.valid };
    return { verdict: 'missing', missing: counted.missing };
  }
  // Nothing is open that they could have been given for.
  if (presented.length > 0)
    return denial('approval_action_mismatch', {}, { tool, reason: 'no_open_request' });
  const approvers = await approversOf(requirements, settings);
  return 'code' in approvers ? approvers : { verdict: 'missing', missing: requirements };
}

/** Tells the source that the action has been used. Best effort: its approvals serve once in any case. */
export async function closeApproval(
  { action }: PendingAction,
  { source, patience }: ApprovalSettings,
): Promise<void> {
  await ask(() => source?.close(approvalSubject(action)), nothing, patience);
}

/** Asks the source to hold the action until it is approved; gives what it holds. Asked again, it is with what is required now: policies change. */
export async function openAction(
  question: ApprovalQuestion,
  requirements: readonly ApprovalRequirement[],
  settings: ApprovalSettings,
): Promise<PendingAction | Denial> {
  const { source, patience } = settings;
  const draft: PendingAction = Object.freeze({
    action: actionOf(question, settings),
    requirements,
    chains: question.subject.chains.map(({ tokens }) => tokens.map(({ compact }) => compact)),
    approvals: [],
  });
  const opened = await ask(() => source?.open(draft, question.now), readApprovalRequest, patience);
  const fits =
    opened !== undefined &&
    opened.action.expiresAt > question.now &&
    approvalSubject(opened.action) === approvalSubject(draft.action);
  return fits ? opened : denial('approval_source_unavailable');
}

async function count(
  { subject, presented, now }: ApprovalQuestion,
  { action, approvals }: PendingAction,
  requirements: readonly ApprovalRequirement[],
  settings: ApprovalSettings,
): Promise<ApprovalCount | Denial> {
  const approvers = await approversOf(requirements, settings);
  if ('code' in approvers) return approvers;
  const options = {
    action,
    requirements,
    approversOf: (group: string) => approvers.get(group),
    holders: [...subject.holders],
    now,
  };
  // What came in was good then; who has left the group since, or was asked for no more, is not counted now.
  const standing = approvals.filter((each) => !('code' in countApprovals([each], options)));
  return countApprovals([...new Set([...standing, ...presented])], options);
}

async function approversOf(
  requirements: readonly ApprovalRequirement[],
  { source, patience }: ApprovalSettings,
): Promise<ReadonlyMap<string, readonly Approver[]> | Denial> {
  const groups = new Map<string, readonly Approver[]>();
  for (const { group } of requirements) {
    const approvers = await ask(
      async () => (await source?.approvers(group)) ?? NOTHING,
      readApprovers,
      patience,
    );
    if (approvers === undefined) return denial('approval_source_unavailable');
    if (approvers === NOTHING || approvers.length === 0)
      return denial('approval_group_unknown', {}, { reason: group });
    groups.set(group, approvers);
  }
  return groups;
}

function actionOf(
  { subject, tool, args, now }: ApprovalQuestion,
  { name, lifetime, random }: ApprovalSettings,
): ApprovalAction {
  return Object.freeze({
    tool,
    arguments: args,
    tokens: subject.leaves,
    enforcementPoint: name,
    nonce: platform.encodeBase64url(random(16)),
    issuedAt: now,
    expiresAt: now + lifetime,
  });
}

function readApprovers(value: unknown): readonly Approver[] | typeof NOTHING | undefined {
  if (value === NOTHING) return NOTHING;
  if (!Array.isArray(value)) return undefined;
  const approvers: Approver[] = [];
  for (const each of Array.from(value as readonly unknown[])) {
    const { name, key } = membersOf(each);
    if (typeof name !== 'string' || name === '' || !isPublicKey(key)) return undefined;
    approvers.push({ name, key });
  }
  return approvers;
}

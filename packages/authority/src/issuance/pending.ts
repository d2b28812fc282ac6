import {
  type ApprovalAction,
  type ApprovalRequest,
  type Approver,
  approvalActionHash,
  type CountedApproval,
  canonicalize,
  countApprovals,
  issue,
  type JsonObject,
  type JsonValue,
  mergeRequirements,
  parseApprovalRequest,
  platform,
  type RequiredApproval,
  unsafeApprover,
  uuidV7,
} from '@taper/core';
import { logChange, subjectOf } from '../identity/change.ts';
import type { AgentRecord, AuthorityTransaction, PendingIssuanceRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import type { IssuanceContext } from './context.ts';

/** `tool` of the action that is approved: to issue a root. No enforcement point has a tool of that name. */
export const ISSUE_ROOT_TOOL = 'taper:root/issue';

/** Issuances of one agent that wait at the same time: who floods approvers with questions tires them. */
const MAX_OPEN_PER_AGENT = 16;
const MAX_OPEN_PER_TENANT = 512;
const PAGE = 1000;

/** An issuance that waits for approvals. */
export interface PendingIssuance {
  readonly record: PendingIssuanceRecord;
  /** As an approver gets it, with the approvals that have come in (spec/approval.md section 6). */
  readonly request: ApprovalRequest;
}

/** @throws {AuthorityRefusal} `unavailable` for a record that is damaged. */
export function readPending(record: PendingIssuanceRecord): PendingIssuance {
  const request = parseApprovalRequest(record.request);
  if (request === undefined)
    throw new AuthorityRefusal('unavailable', 'An issuance in the store cannot be read.');
  return { record, request: { ...request, approvals: record.approvals } };
}

/** One that can still be approved, or issued. @throws {AuthorityRefusal} `pending_unknown` for every other one, all alike. */
export async function requirePending(
  tx: AuthorityTransaction,
  id: string,
  now: number,
): Promise<PendingIssuance> {
  const record = await tx.findPending(id);
  if (record === undefined || record.state !== 'open' || now >= record.expiresAt)
    throw unknownPending();
  return readPending(record);
}

export function unknownPending(): AuthorityRefusal {
  return new AuthorityRefusal('pending_unknown', 'No such issuance waits for approval.', {
    hint: 'It was issued or closed, or has expired: ask again.',
  });
}

/** What would be issued, to whom, on whose approval. */
export interface Question {
  readonly agent: AgentRecord;
  readonly grant: string;
  readonly requirements: readonly RequiredApproval[];
  /** All that the root will say but for its times: the arguments of the action. */
  readonly content: JsonObject;
  readonly holder: Parameters<typeof issue>[0]['holder'];
}

/** The same question, asked by the same agent, that is open already: nobody is asked twice. */
export async function findSame(
  tx: AuthorityTransaction,
  { agent, content }: Question,
  now: number,
): Promise<PendingIssuance | undefined> {
  const text = canonicalize(content);
  let [ofAgent, ofTenant] = [0, 0];
  for (let after: string | undefined; ; ) {
    const page = await tx.listPending({
      tenant: agent.tenant,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const record of page) {
      if (record.state !== 'open' || now >= record.expiresAt) continue;
      ofTenant += 1;
      if (record.agent !== agent.id) continue;
      ofAgent += 1;
      const pending = readPending(record);
      if (canonicalize(pending.request.action.arguments) === text) return pending;
    }
    after = page.at(-1)?.id;
    if (page.length < PAGE) break;
  }
  if (ofAgent < MAX_OPEN_PER_AGENT && ofTenant < MAX_OPEN_PER_TENANT) return undefined;
  throw new AuthorityRefusal('too_many_requests', 'Too many issuances wait for approval.', {
    facts: { reason: ofAgent < MAX_OPEN_PER_AGENT ? 'tenant' : 'agent' },
    hint: 'Have those that wait approved, or wait until they expire.',
  });
}

/**
 * Makes the record of a question. What an approver checks before signing is a chain, so the authority issues one: a root for this one
 * action, bound to the agent's key, that cannot be handed on and opens nothing.
 */
export async function makePending(
  { agent, grant, requirements, content, holder }: Question,
  context: IssuanceContext,
  now: number,
): Promise<PendingIssuanceRecord> {
  const { issuer, root, hybrid, random, approvalLifetime } = context;
  const nonce = platform.encodeBase64url(random(16));
  const chain = await issue({
    issuer,
    signer: root,
    ...(hybrid === undefined ? {} : { hybrid }),
    holder,
    tools: { [ISSUE_ROOT_TOOL]: pinned(content) },
    audience: issuer,
    now,
    id: uuidV7(now * 1000, random(10)),
    lifetime: approvalLifetime,
    maxDepth: 0,
  });
  const expiresAt = now + approvalLifetime;
  const action: ApprovalAction = {
    tool: ISSUE_ROOT_TOOL,
    arguments: content,
    tokens: [chain.leaf.hash],
    enforcementPoint: issuer,
    nonce,
    issuedAt: now,
    expiresAt,
  };
  const request: ApprovalRequest = {
    action,
    requirements,
    chains: [[chain.leaf.compact]],
    approvals: [],
  };
  return {
    id: nonce,
    tenant: agent.tenant,
    agent: agent.id,
    grant,
    request: canonicalize(request as unknown as JsonValue),
    approvals: [],
    state: 'open',
    createdAt: now,
    expiresAt,
    version: 1,
  };
}

/** Exactly these arguments, and no others. */
function pinned(content: JsonObject): { readonly [argument: string]: JsonObject } {
  const constraints = Object.entries(content).map(([argument, value]) => {
    const isScalar = typeof value !== 'object' || value === null;
    const constraint: JsonObject = isScalar
      ? { constraint_type: 'exact', value }
      : { constraint_type: 'one_of', values: [value] };
    return [argument, constraint] as const;
  });
  return Object.fromEntries(constraints);
}

/** Records the question. */
export async function openPending(
  tx: AuthorityTransaction,
  record: PendingIssuanceRecord,
  agent: AgentRecord,
  now: number,
): Promise<void> {
  const { action, requirements } = readPending(record).request;
  await tx.insertPending(record);
  await logChange(tx, {
    time: now,
    event: 'issuance.pending',
    tenant: record.tenant,
    by: { kind: 'agent', id: agent.spiffeId },
    subject: subjectOf(agent),
    details: {
      grant: record.grant,
      action: approvalActionHash(action),
      expires_at: record.expiresAt,
      requirements: requirements.map(({ group, count }) => ({ group, count })),
    },
  });
}

export interface Counting {
  readonly approversOf: (group: string) => readonly Approver[] | undefined;
  /** Thumbprints of all keys of the agent: it does not approve for itself. */
  readonly holders: readonly string[];
  readonly now: number;
}

/** The requirements that count now: those of the grant as it stands, and never fewer than were asked for. */
export function requirementsOf(
  pending: PendingIssuance,
  current: readonly RequiredApproval[],
): readonly RequiredApproval[] {
  return mergeRequirements(pending.request.requirements, current) ?? current;
}

/**
 * Counts what has come in (spec/approval.md section 7). What does not count any more, because its approver left the group or it
 * expired, is passed over.
 * @throws {AuthorityRefusal} `approval_refused`.
 */
export function countStanding(
  { request, record }: PendingIssuance,
  requirements: readonly RequiredApproval[],
  counting: Counting,
): { readonly valid: readonly CountedApproval[]; readonly missing: readonly RequiredApproval[] } {
  const options = { action: request.action, requirements, ...counting };
  const standing = record.approvals.filter((each) => !('code' in countApprovals([each], options)));
  const counted = countApprovals(standing, options);
  if (!('code' in counted)) return counted;
  throw approvalRefused(counted.code);
}

/**
 * Judges an approval that comes in, beside those that stand.
 * @throws {AuthorityRefusal} `approval_refused` with the denial.
 */
export function judgeApproval(
  approval: string,
  pending: PendingIssuance,
  requirements: readonly RequiredApproval[],
  counting: Counting,
): {
  readonly counted: CountedApproval;
  readonly missing: readonly RequiredApproval[];
  /** Those that stand, and this one. */
  readonly kept: readonly string[];
} {
  const { action } = pending.request;
  const claimed = unsafeApprover(approval);
  if ('code' in claimed) throw approvalRefused(claimed.code);
  if (claimed.actionHash !== approvalActionHash(action))
    throw approvalRefused('approval_action_mismatch');
  const options = { action, requirements, ...counting };
  const standing = pending.record.approvals.filter(
    (each) => !('code' in countApprovals([each], options)),
  );
  const kept = [...standing, approval];
  const counted = countApprovals(kept, options);
  if ('code' in counted) throw approvalRefused(counted.code);
  return { counted: counted.valid.at(-1) as CountedApproval, missing: counted.missing, kept };
}

export function approvalRefused(reason: string): AuthorityRefusal {
  return new AuthorityRefusal('approval_refused', 'The approval does not count.', {
    facts: { reason },
  });
}

/** The answer to whoever asked: come again when the approvals are there. */
export function approvalRequired(
  { record, request }: PendingIssuance,
  missing: readonly RequiredApproval[],
): AuthorityRefusal {
  return new AuthorityRefusal('approval_required', 'The root waits for approvals.', {
    facts: {
      pending: record.id,
      expires_at: record.expiresAt,
      action: approvalActionHash(request.action),
      missing: missing.map(({ group, count }) => ({ group, count })),
    },
    hint: 'Ask again with `pending` once it is approved.',
  });
}

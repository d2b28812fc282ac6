import { canonicalize, type JsonObject } from '@taper/core';
import type { AgentRecord } from '../port/store.ts';
import type { AuthorityRefusal } from '../refusal.ts';
import type { IssuanceContext } from './context.ts';
import { writeDetails } from './details.ts';
import type { Entitlement } from './entitlement.ts';
import {
  approvalRefused,
  approvalRequired,
  countStanding,
  findSame,
  makePending,
  openPending,
  type PendingIssuance,
  type Question,
  readPending,
  requirementsOf,
  requirePending,
  unknownPending,
} from './pending.ts';
import type { RootRequest } from './request.ts';

/**
 * Where the grant asks for approvals: those that are there, or the refusal that says what is missing.
 * @throws {AuthorityRefusal} `approval_required`, `approval_refused`, `pending_unknown`.
 */
export async function requireApproved(
  entitlement: Entitlement,
  request: RootRequest,
  agent: AgentRecord,
  context: IssuanceContext,
  now: number,
): Promise<PendingIssuance | undefined> {
  const { approvals } = entitlement.grant;
  const { pending: id, holder } = request;
  if (approvals.length === 0) {
    if (id !== undefined) throw unknownPending();
    return undefined;
  }
  const content = contentOf(entitlement, request, agent);
  const question: Question = {
    agent,
    grant: entitlement.grant.name,
    requirements: approvals,
    content,
    holder,
  };
  const { store, approvers } = context;
  for (const { group } of approvals) {
    if (!approvers.has(group)) throw approvalRefused('approval_group_unknown');
  }
  if (id === undefined) throw await ask(question, context, now);
  return store.read(async (tx) => {
    const pending = await requirePending(tx, id, now);
    if (pending.record.agent !== agent.id) throw unknownPending();
    if (!sameContent(pending, content)) throw approvalRefused('approval_action_mismatch');
    const keys = await tx.listKeys('agent', agent.id);
    const { missing } = countStanding(pending, requirementsOf(pending, approvals), {
      approversOf: (group) => approvers.get(group),
      holders: keys.map(({ thumbprint }) => thumbprint),
      now,
    });
    if (missing.length > 0) throw approvalRequired(pending, missing);
    return pending;
  });
}

/** Opens the question, or finds it open. */
async function ask(
  question: Question,
  context: IssuanceContext,
  now: number,
): Promise<AuthorityRefusal> {
  const { store } = context;
  const known = await store.read((tx) => findSame(tx, question, now));
  if (known !== undefined) return approvalRequired(known, known.request.requirements);
  // Signed before it counts, so that no signer is waited for within the transaction.
  const record = await makePending(question, context, now);
  const pending = await store.transaction(async (tx) => {
    const meanwhile = await findSame(tx, question, now);
    if (meanwhile !== undefined) return meanwhile;
    await openPending(tx, record, question.agent, now);
    return readPending(record);
  });
  return approvalRequired(pending, question.requirements);
}

/** All that the root says but for its times. An approval is of this, so it holds whatever a changed grant would change. */
function contentOf(
  { grant, tools, audience, maxDepth, lifetime, caveats }: Entitlement,
  { holder, subject }: RootRequest,
  agent: AgentRecord,
): JsonObject {
  return {
    agent: agent.spiffeId,
    grant: grant.name,
    holder: holder.thumbprint,
    authorization_details: writeDetails(tools),
    ...(audience === undefined ? {} : { audience }),
    caveats: caveats as unknown as JsonObject,
    max_depth: maxDepth,
    lifetime,
    grant_ends: grant.ends,
    ...(subject === undefined ? {} : { subject: subject.hash }),
  };
}

function sameContent({ request }: PendingIssuance, content: JsonObject): boolean {
  return canonicalize(request.action.arguments) === canonicalize(content);
}

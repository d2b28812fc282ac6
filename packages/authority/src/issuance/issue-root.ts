import type { VerifiedChain } from '@taper/core';
import { reopenGrantSet } from '../grant/read-grant-set.ts';
import { requireAgentOfKey, unknownAgent } from '../identity/agent-key.ts';
import { logChange, subjectOf } from '../identity/change.ts';
import type { AgentRecord, AuthorityTransaction, KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { StoreError } from '../store-error.ts';
import { narrowedByPolicy } from './apply-policy.ts';
import type { IssuanceContext } from './context.ts';
import { writeDetails } from './details.ts';
import { type Entitlement, entitle } from './entitlement.ts';
import { type PendingIssuance, requirePending } from './pending.ts';
import type { IssuedRoot, RootRequest } from './request.ts';
import { requireApproved } from './require-approved.ts';
import { signRoot } from './sign-root.ts';

/** Who asks, and under which grants: as read together. */
interface Standing {
  readonly agent: AgentRecord;
  readonly key: KeyRecord;
  /** 0 where nothing was ever applied. */
  readonly grantVersion: number;
  readonly document: string | undefined;
}

/** What changes while a root is signed is looked at again; after so many changes the client has to ask again. */
const MAX_ATTEMPTS = 4;

/** As `Issuance.issueRoot`. */
export async function issueRoot(
  request: RootRequest,
  context: IssuanceContext,
): Promise<IssuedRoot> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const issued = await attemptToIssue(request, context);
    if (issued !== undefined) return issued;
  }
  throw new AuthorityRefusal('unavailable', 'The grants change faster than roots are signed.');
}

/** `undefined` where the grants, or the time of the key, changed meanwhile. */
async function attemptToIssue(
  request: RootRequest,
  context: IssuanceContext,
): Promise<IssuedRoot | undefined> {
  const now = context.clock();
  const standing = await context.store.read((tx) => readStanding(tx, request, now));
  const { agent, key, document } = standing;
  if (document === undefined)
    throw new AuthorityRefusal('grant_none', 'No grants were applied.', {
      facts: { reason: 'no_grant' },
    });
  const entitlement = await narrowedByPolicy(
    entitle(request, agent, reopenGrantSet(document), now),
    request,
    agent,
    context,
    now,
  );
  const pending = await requireApproved(entitlement, request, agent, context, now);
  const chain = await signRoot(entitlement, request, key, context, now);
  const isIssued = await recordIssuance(
    { request, standing, entitlement, pending, chain },
    context,
  );
  if (!isIssued) return undefined;
  const { tools, grant } = entitlement;
  return Object.freeze({
    chain,
    compact: chain.leaf.compact,
    details: writeDetails(tools),
    expiresIn: chain.leaf.claims.exp - now,
    grant: grant.name,
  });
}

async function readStanding(
  tx: AuthorityTransaction,
  { agent: id, holder }: RootRequest,
  now: number,
): Promise<Standing> {
  const { agent, key } = await requireAgentOfKey(tx, holder.thumbprint, now);
  if (agent.id !== id) throw unknownAgent();
  const set = await tx.currentGrantSet();
  return { agent, key, grantVersion: set?.version ?? 0, document: set?.document };
}

interface Issued {
  readonly request: RootRequest;
  readonly standing: Standing;
  readonly entitlement: Entitlement;
  readonly pending: PendingIssuance | undefined;
  readonly chain: VerifiedChain;
}

/**
 * Records the root, if all that it rests on still stands: the agent and its key, the grants, the approvals, which serve once. Until then
 * nobody has it.
 */
async function recordIssuance(
  { request, standing, entitlement, pending, chain }: Issued,
  { store, clock }: IssuanceContext,
): Promise<boolean> {
  const { leaf } = chain;
  const { jti, iat, exp, holder } = leaf.claims;
  const { subject } = request;
  const grant = entitlement.grant.name;
  try {
    return await store.transaction(async (tx) => {
      const now = clock();
      const { agent, key, grantVersion } = await readStanding(tx, request, now);
      if (grantVersion !== standing.grantVersion) return false;
      // The root ends with its key: one whose end was set meanwhile would have a root that outlives it.
      if (key.endsAt !== standing.key.endsAt) return false;
      await subject?.requireStanding?.(tx);
      if (pending !== undefined) {
        const { record } = await requirePending(tx, pending.record.id, now);
        await tx.updatePending({ ...record, state: 'issued', version: record.version + 1 });
      }
      const kind = subject === undefined ? 'client_credentials' : 'token_exchange';
      await tx.insertIssuance({
        jti,
        tokenHash: leaf.hash,
        agent: agent.id,
        tenant: agent.tenant,
        grant,
        grantVersion,
        kind,
        issuedAt: iat,
        expiresAt: exp,
        holder: holder.thumbprint,
        subjectHash: subject?.hash,
      });
      await logChange(tx, {
        time: now,
        event: 'root.issued',
        tenant: agent.tenant,
        by: { kind: 'agent', id: agent.spiffeId },
        subject: subjectOf(agent),
        details: {
          jti,
          token_hash: leaf.hash,
          grant,
          grant_version: grantVersion,
          kind,
          exp,
          key: holder.thumbprint,
          ...(subject === undefined ? {} : { subject_hash: subject.hash }),
        },
      });
      return true;
    });
  } catch (cause) {
    if (cause instanceof StoreError && cause.conflict !== undefined) return false;
    throw cause;
  }
}

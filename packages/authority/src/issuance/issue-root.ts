import type { VerifiedChain } from '@taper/core';
import { type Change, logChange, subjectOf } from '../identity/change.ts';
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
import { isSameStanding, readStanding, type Standing } from './standing.ts';

/** What changes while a root is signed is looked at again; after so many changes the client has to ask again. */
const MAX_ATTEMPTS = 4;

/** As `Issuance.issueRoot`. */
export async function issueRoot(
  request: RootRequest,
  context: IssuanceContext,
): Promise<IssuedRoot> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const issued = await attemptToIssue(
      attempt === 1 ? request : { ...request, standing: undefined },
      context,
    );
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
  const standing =
    request.standing ?? (await context.store.read((tx) => readStanding(tx, request, now)));
  const { agent, key, grants } = standing;
  if (grants === undefined)
    throw new AuthorityRefusal('grant_none', 'No grants were applied.', {
      facts: { reason: 'no_grant' },
    });
  const entitlement = await narrowedByPolicy(
    entitle(request, agent, await context.grantsOf(grants), now),
    request,
    agent,
    context,
    now,
  );
  const pending = await requireApproved(entitlement, request, agent, context, now);
  const chain = await signRoot(entitlement, request, key, context, now);
  const isIssued = await recordIssuance(
    { request, standing, grantVersion: grants.version, entitlement, pending, chain },
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

interface Issued {
  readonly request: RootRequest;
  readonly standing: Standing;
  readonly grantVersion: number;
  readonly entitlement: Entitlement;
  readonly pending: PendingIssuance | undefined;
  readonly chain: VerifiedChain;
}

/** What the root rests on changed while it was signed. */
class Changed extends Error {}

/**
 * Records the root, if all that it rests on still stands: the agent and its key, the grants, the approvals, which serve once. Until then
 * nobody has it.
 */
async function recordIssuance(
  { request, standing, grantVersion, entitlement, pending, chain }: Issued,
  { store, clock }: IssuanceContext,
): Promise<boolean> {
  const { leaf } = chain;
  const { jti, iat, exp, holder } = leaf.claims;
  const { subject, alongside } = request;
  const grant = entitlement.grant.name;
  try {
    return await store.transaction(async (tx) => {
      const now = clock();
      const { agent } = standing;
      if (pending !== undefined) {
        const { record } = await requirePending(tx, pending.record.id, now);
        await tx.updatePending({ ...record, state: 'issued', version: record.version + 1 });
      }
      const kind = subject === undefined ? 'client_credentials' : 'token_exchange';
      const issuance = {
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
      } as const;
      const change: Change = {
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
      };
      // All is asked for at one time, since everybody waits for it, and nothing of it is done unless every answer is as it has to be.
      const [current] = await Promise.all([
        readStanding(tx, request, now),
        subject?.requireStanding?.(tx),
        alongside?.(tx),
        tx.insertIssuance(issuance),
        logChange(tx, change),
      ]);
      if (!isSameStanding(standing, current)) throw new Changed();
      return true;
    });
  } catch (cause) {
    if (cause instanceof Changed) return false;
    if (cause instanceof StoreError && cause.conflict !== undefined) return false;
    throw cause;
  }
}

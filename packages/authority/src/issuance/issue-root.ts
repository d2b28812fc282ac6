import {
  canonicalize,
  issue,
  type JsonObject,
  RefusedError,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
} from '@taper/core';
import { reopenGrantSet } from '../grant/read-grant-set.ts';
import { requireAgentOfKey, unknownAgent } from '../identity/agent-key.ts';
import { logChange, subjectOf } from '../identity/change.ts';
import type { AgentRecord, AuthorityTransaction, KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { StoreError } from '../store-error.ts';
import type { IssuanceContext } from './context.ts';
import { writeDetails } from './details.ts';
import { type Entitlement, entitle, meet, requireWithin } from './entitlement.ts';
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
import type { IssuedRoot, RootRequest } from './request.ts';

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

/** `undefined` where the grants changed meanwhile. */
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

/** Asks the policy, and meets what it answers with what there is. @throws {AuthorityRefusal} `grant_none`, `unavailable`. */
async function narrowedByPolicy(
  entitlement: Entitlement,
  { subject }: RootRequest,
  agent: AgentRecord,
  { policy }: IssuanceContext,
  now: number,
): Promise<Entitlement> {
  if (policy === undefined) return entitlement;
  const { id, tenant, name, spiffeId } = agent;
  const { tools, lifetime, maxDepth, grant } = entitlement;
  const decision = await Promise.resolve()
    .then(() =>
      policy({
        agent: { id, tenant, name, spiffeId },
        kind: subject === undefined ? 'client_credentials' : 'token_exchange',
        grant: grant.name,
        tools,
        lifetime,
        maxDepth,
        now,
      }),
    )
    .catch((cause: unknown) => {
      throw new AuthorityRefusal('unavailable', 'The policy could not be asked.', { cause });
    });
  switch (decision?.verdict) {
    case 'permit':
      return entitlement;
    case 'deny':
      throw new AuthorityRefusal('grant_none', 'The policy refuses.', {
        facts: { reason: 'policy', policy: String(decision.reason).slice(0, 256) },
      });
    case 'narrow': {
      const narrowed = narrowedTo(tools, decision.tools);
      requireWithin(tools, narrowed);
      return { ...entitlement, tools: narrowed };
    }
    default:
      throw new AuthorityRefusal('unavailable', 'The policy gave no answer.');
  }
}

function narrowedTo(tools: ToolMap, policy: ToolMap): ToolMap {
  let narrowed: ToolMap;
  try {
    narrowed = meet(tools, policy).tools;
  } catch (cause) {
    throw new AuthorityRefusal('unavailable', 'The policy gave tools that cannot be read.', {
      cause,
    });
  }
  if (Object.keys(narrowed).length > 0) return narrowed;
  throw new AuthorityRefusal('grant_none', 'The policy leaves nothing.', {
    facts: { reason: 'policy' },
  });
}

/**
 * Where the grant asks for approvals: those that are there, or the refusal that says what is missing.
 * @throws {AuthorityRefusal} `approval_required`, `approval_refused`, `pending_unknown`.
 */
async function requireApproved(
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

async function signRoot(
  { tools, audience, maxDepth, lifetime, ends, caveats }: Entitlement,
  { holder, subject }: RootRequest,
  key: KeyRecord,
  { issuer, root, hybrid, random, epoch }: IssuanceContext,
  now: number,
): Promise<VerifiedChain> {
  const exp = Math.min(now + lifetime, ends, key.endsAt ?? ends);
  if (exp <= now) {
    throw new AuthorityRefusal('subject_refused', 'The subject has expired.', {
      facts: { reason: 'expired' },
    });
  }
  const { revocation } = caveats;
  const reached = revocation === undefined ? 0 : await reachedEpoch(epoch, revocation.log);
  try {
    return await issue({
      issuer,
      signer: root,
      ...(hybrid === undefined ? {} : { hybrid }),
      holder,
      tools,
      ...(audience === undefined ? {} : { audience }),
      caveats:
        revocation === undefined
          ? caveats
          : {
              ...caveats,
              revocation: { ...revocation, epoch: Math.max(revocation.epoch, reached) },
            },
      ...(subject === undefined ? {} : { information: subject.claims }),
      now,
      id: uuidV7(now * 1000, random(10)),
      lifetime: exp - now,
      maxDepth,
    });
  } catch (cause) {
    if (!(cause instanceof RefusedError)) throw cause;
    throw new AuthorityRefusal('grant_none', 'No verifier would accept the root.', {
      facts: { reason: cause.denial.code },
      cause,
    });
  }
}

async function reachedEpoch(epoch: IssuanceContext['epoch'], log: string): Promise<number> {
  const reached = await Promise.resolve()
    .then(() => epoch(log))
    .catch((cause: unknown) => {
      throw new AuthorityRefusal('unavailable', 'The revocation log could not be asked.', {
        cause,
      });
    });
  if (Number.isSafeInteger(reached) && reached >= 0) return reached;
  throw new AuthorityRefusal('unavailable', 'The revocation log gave no epoch.');
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
      const { agent, grantVersion } = await readStanding(tx, request, now);
      if (grantVersion !== standing.grantVersion) return false;
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

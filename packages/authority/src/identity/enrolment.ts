import { platform } from '@taper/core';
import type { AgentRecord, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { hashText } from '../token/jwt.ts';
import { addKey, agentExists, type Possession, requireFreshKey } from './agent-key.ts';
import { type Actor, changeStore, freshId, keyDetails, logChange, subjectOf } from './change.ts';
import type { IdentityContext } from './context.ts';
import { returnWorkload } from './returning.ts';
import { type AgentName, agentSpiffeId } from './spiffe-id.ts';
import {
  recordWorkload,
  useWorkloadToken,
  type WorkloadIdentity,
  workloadDetails,
} from './workload.ts';

/** By what right a key becomes an agent's. */
export type Admission =
  /** Somebody who may enrol agents, as the caller has found out, does so. */
  | ({ readonly kind: 'operator'; readonly by: Actor } & AgentName)
  /** A one-time enrolment token, which says whose it is. */
  | { readonly kind: 'enrolment'; readonly token: string }
  /** A token of a workload identity that it has already. */
  | { readonly kind: 'workload'; readonly token: string };

export interface EnrolRequest {
  readonly possession: Possession;
  readonly admission: Admission;
}

export interface EnrolmentRequest extends AgentName {
  readonly by: Actor;
  /** Seconds, 1 to 604800 (a week). Default 3600. */
  readonly lifetime?: number;
}

/** A one-time admission. The token is a secret, and is nowhere else. */
export interface CreatedEnrolment extends AgentName {
  readonly token: string;
  /** base64url SHA-256 of the token: what it is called in the log. */
  readonly hash: string;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

/** So that scanners for secrets find it. */
const TOKEN_PREFIX = 'taper_enrol_';
const TOKEN = /^taper_enrol_[A-Za-z0-9_-]{43}$/;
const DEFAULT_LIFETIME = 3600;
const MAX_LIFETIME = 7 * 86_400;

/**
 * Makes a one-time enrolment token for an agent that is not there yet.
 * @throws {AuthorityRefusal} `agent_name_invalid`, `agent_exists`, `request_malformed`.
 */
export async function createEnrolment(
  context: IdentityContext,
  { tenant, name, by, lifetime = DEFAULT_LIFETIME }: EnrolmentRequest,
): Promise<CreatedEnrolment> {
  const spiffeId = agentSpiffeId(context.trustDomain, { tenant, name });
  if (!Number.isSafeInteger(lifetime) || lifetime < 1 || lifetime > MAX_LIFETIME) {
    throw new AuthorityRefusal('request_malformed', 'This is no lifetime of an enrolment.', {
      facts: { member: 'lifetime', max: MAX_LIFETIME },
    });
  }
  const token = TOKEN_PREFIX + platform.encodeBase64url(context.random(32));
  const hash = hashText(token);
  const now = context.clock();
  const expiresAt = now + lifetime;
  await changeStore(context.store, async (tx) => {
    if ((await tx.findAgentByName(tenant, name)) !== undefined) throw agentExists();
    const record = { hash, tenant, name, expiresAt, createdBy: `${by.kind}:${by.id}` };
    await tx.insertEnrolment({ ...record, agent: undefined });
    await logChange(tx, {
      time: now,
      event: 'enrolment.created',
      tenant,
      by,
      subject: { enrolment: hash },
      details: { name, spiffe_id: spiffeId, expires_at: expiresAt },
    });
  });
  return { token, hash, tenant, name, expiresAt };
}

/**
 * Makes whoever proved the key an agent, in one transaction with what admits it: of several at the same time one succeeds. A workload that comes
 * back with a new key, to the agent that it became, gives it that key where the operator lets it.
 * @throws {AuthorityRefusal} `key_invalid`, `key_weak`, `key_in_use`, `agent_exists`, `agent_name_invalid`, `enrolment_refused`, `replayed`; for
 * a workload that comes back `agent_suspended`, `agent_retired`, `key_not_current`, `agent_state_invalid`; and those of `WorkloadIdentifier`.
 */
export async function enrol(
  context: IdentityContext,
  { possession, admission }: EnrolRequest,
): Promise<AgentRecord> {
  const key = requireFreshKey(possession.key, context.reserved);
  const admit = await admissionOf(context, admission);
  const now = context.clock();
  const id = freshId(now, context.random);
  return await changeStore(context.store, async (tx) => {
    const { tenant, name, by, workload } = await admit(tx, id, now);
    const spiffeId = agentSpiffeId(context.trustDomain, { tenant, name });
    const before = await tx.findAgentByName(tenant, name);
    if (before !== undefined) {
      if (workload === undefined) throw agentExists();
      return await returnWorkload(tx, before, workload, key, now);
    }
    const agent: AgentRecord = {
      id,
      tenant,
      name,
      spiffeId,
      state: 'active',
      createdAt: now,
      version: 1,
    };
    await tx.insertAgent(agent);
    await addKey(tx, agent, key, now, undefined);
    if (workload !== undefined) await recordWorkload(tx, id, workload);
    await logChange(tx, {
      time: now,
      event: 'agent.enrolled',
      tenant,
      by,
      subject: subjectOf(agent),
      details: {
        ...(workload === undefined ? {} : workloadDetails(workload)),
        ...keyDetails(key),
      },
    });
    return agent;
  });
}

interface Admitted extends AgentName {
  readonly by: Actor;
  /** Where it is the token of a workload that admits. */
  readonly workload?: WorkloadIdentity;
}

/** What admits, to be used up within the transaction. */
type Admit = (tx: AuthorityTransaction, agent: string, now: number) => Promise<Admitted>;

async function admissionOf(context: IdentityContext, admission: Admission): Promise<Admit> {
  switch (admission.kind) {
    case 'operator': {
      const { tenant, name, by } = admission;
      return async () => ({ tenant, name, by });
    }
    case 'enrolment': {
      if (typeof admission.token !== 'string' || !TOKEN.test(admission.token))
        throw enrolmentRefused();
      const hash = hashText(admission.token);
      return (tx, agent, now) => useEnrolment(tx, hash, agent, now);
    }
    case 'workload': {
      if (context.workloads === undefined)
        throw new AuthorityRefusal('issuer_untrusted', 'No issuer is trusted for workloads.');
      const workload = await context.workloads.identifyWorkload(admission.token);
      const { tenant, name, subject } = workload;
      return async (tx, _, now) => {
        await useWorkloadToken(tx, workload, now);
        return { tenant, name, by: { kind: 'workload', id: subject }, workload };
      };
    }
    default:
      throw new AuthorityRefusal('request_malformed', 'There is no such admission.');
  }
}

/** Unknown, used and expired are one refusal: who guesses learns nothing. */
async function useEnrolment(
  tx: AuthorityTransaction,
  hash: string,
  agent: string,
  now: number,
): Promise<Admitted> {
  const record = await tx.findEnrolment(hash);
  if (record === undefined || record.agent !== undefined || !(now < record.expiresAt))
    throw enrolmentRefused();
  await tx.updateEnrolment({ ...record, agent });
  const { tenant, name } = record;
  const by: Actor = { kind: 'enrolment', id: hash };
  await logChange(tx, {
    time: now,
    event: 'enrolment.used',
    tenant,
    by,
    subject: { enrolment: hash },
    details: { agent },
  });
  return { tenant, name, by };
}

function enrolmentRefused(): AuthorityRefusal {
  return new AuthorityRefusal('enrolment_refused', 'The enrolment is refused.', {
    hint: 'A token admits one agent, once, until it expires: ask for a new one.',
  });
}

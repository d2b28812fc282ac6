import { canonicalize } from '@taper/core';
import type { AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { hashText } from '../token/jwt.ts';
import type { AgentName } from './spiffe-id.ts';

/** What an issuer says of a workload, for good. */
export interface WorkloadSubject {
  readonly issuer: string;
  readonly subject: string;
}

/** A workload that an issuer which is trusted for it has named. */
export interface WorkloadIdentity extends AgentName, WorkloadSubject {
  /** base64url SHA-256 of the token's JWS signing input: a signature can be written in more than one way. */
  readonly hash: string;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
  /** The operator lets the workload give the agent that it became a new key. Without it, it becomes one once. */
  readonly returning?: Returning;
}

/** What becomes of the agent's current key when its workload comes back with another. */
export interface Returning {
  /** Seconds for which it goes on, 0 to 2592000 (30 days). */
  readonly overlap: number;
}

/** Finds out which agent a workload may become. A port; `createTrustedIssuers` is one. */
export interface WorkloadIdentifier {
  /** @throws {AuthorityRefusal} `identity_refused`, `issuer_untrusted`, `issuer_unavailable`. */
  identifyWorkload(token: string): Promise<WorkloadIdentity>;
}

/**
 * Uses up the token of a workload: it is a bearer's, so that it admits once.
 * @throws {AuthorityRefusal} `identity_refused`, `replayed`.
 */
export async function useWorkloadToken(
  tx: AuthorityTransaction,
  { hash, expiresAt }: Pick<WorkloadIdentity, 'hash' | 'expiresAt'>,
  now: number,
): Promise<void> {
  if (!(now < expiresAt)) {
    throw new AuthorityRefusal('identity_refused', 'The token of the workload has expired.', {
      facts: { reason: 'expired' },
    });
  }
  if (!(await rememberWorkloadToken(tx, { hash, expiresAt }, now)))
    throw new AuthorityRefusal('replayed', 'The token of the workload was used before.', {
      hint: 'Get a new token from the issuer.',
    });
}

/** Remembers that the token of a workload was used. @returns whether it was good still. */
export async function rememberWorkloadToken(
  tx: AuthorityTransaction,
  { hash, expiresAt }: Pick<WorkloadIdentity, 'hash' | 'expiresAt'>,
  now: number,
): Promise<boolean> {
  return await tx.useOnce(hashText(`workload\n${hash}`), expiresAt, now);
}

/** The members of an entry's details that say which issuer named the workload, and which token was used. */
export function workloadDetails({
  issuer,
  hash,
  expiresAt,
}: WorkloadIdentity): Readonly<Record<string, string | number>> {
  return { issuer, token_hash: hash, token_expires_at: expiresAt };
}

/** Says for good which workload the agent was admitted as. */
export async function recordWorkload(
  tx: AuthorityTransaction,
  agent: string,
  workload: WorkloadSubject,
): Promise<void> {
  await tx.putSetting(settingOf(agent), textOf(workload));
}

/** Whether the agent was admitted as this workload, by its issuer. One that came in another way, or before that was recorded, was not. */
export async function isAgentOfWorkload(
  tx: AuthorityTransaction,
  agent: string,
  workload: WorkloadSubject,
): Promise<boolean> {
  return (await tx.findSetting(settingOf(agent))) === textOf(workload);
}

function settingOf(agent: string): string {
  return `agent_workload/${agent}`;
}

function textOf({ issuer, subject }: WorkloadSubject): string {
  return canonicalize({ issuer, subject });
}

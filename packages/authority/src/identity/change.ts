import {
  type AuthorityActor,
  type JsonObject,
  type PublicKey,
  uuidV7,
  writeAuthorityEntryBody,
} from '@taper/core';
import type { AgentRecord, AuthorityStore, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal, type RefusalCode } from '../refusal.ts';
import { type StoreConflict, StoreError } from '../store-error.ts';

/** Who made a change, for the authority's log. */
export type Actor = AuthorityActor;

/** One change of an agent, of its keys, or of who may become one: the body of an entry (spec/authority-log.md). */
export type Change = Parameters<typeof writeAuthorityEntryBody>[0] & { readonly tenant: string };

/** Hands over the entry of a change for the authority's log, in the transaction that makes it. */
export async function logChange(tx: AuthorityTransaction, change: Change): Promise<void> {
  await tx.appendEntry(writeAuthorityEntryBody(change));
}

/** An agent as the subject of an entry. */
export function subjectOf({ id, spiffeId, name }: AgentRecord): JsonObject {
  return { agent: id, spiffe_id: spiffeId, name };
}

/** A key in the details of an entry. */
export function keyDetails({ thumbprint, jwk }: PublicKey): JsonObject {
  return { key: thumbprint, jwk: { ...jwk } };
}

const CONFLICTS: Readonly<Partial<Record<StoreConflict, readonly [RefusalCode, string]>>> = {
  agent: ['agent_exists', 'There is an agent of this name already.'],
  key: ['key_in_use', 'The key is in use, or was.'],
  enrolment: ['enrolment_refused', 'The enrolment is refused.'],
  version: ['agent_state_invalid', 'The agent was changed at the same time.'],
};

/** Runs a change in one transaction; what it conflicts with is refused as if it had been read. @throws {AuthorityRefusal} */
export async function changeStore<T>(
  store: AuthorityStore,
  work: (tx: AuthorityTransaction) => Promise<T>,
): Promise<T> {
  try {
    return await store.transaction(work);
  } catch (error) {
    const conflict = error instanceof StoreError && error.conflict && CONFLICTS[error.conflict];
    if (!conflict) throw error;
    throw new AuthorityRefusal(...conflict);
  }
}

/** A fresh UUIDv7. */
export function freshId(now: number, random: (length: number) => Uint8Array): string {
  return uuidV7(now * 1000, random(10));
}

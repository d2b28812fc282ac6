import { isPublicKey, isWellKnownTestKey, type PublicKey } from '@taper/core';
import type { AgentRecord, AuthorityTransaction, KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { recordKeyOrigin } from './key-origin.ts';

/** A key that the caller has proved to hold, for this request (DPoP). */
export interface Possession {
  readonly key: PublicKey;
}

/** An agent, and one of its keys that is accepted. */
export interface KnownAgent {
  readonly agent: AgentRecord;
  readonly key: KeyRecord;
}

/** Whether a key is accepted: the current one is, and a replaced one to the second before its overlap ends. */
export function isAccepted({ state, endsAt }: KeyRecord, now: number): boolean {
  if (state === 'current') return true;
  return state === 'overlapping' && endsAt !== undefined && now < endsAt;
}

/**
 * The active agent that signs with this key.
 * @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`; `key_not_current` for one that was replaced or compromised.
 */
export async function requireAgentOfKey(
  tx: AuthorityTransaction,
  thumbprint: string,
  now: number,
): Promise<KnownAgent> {
  const { key, agent } = (await tx.findHeldKey(thumbprint)) ?? {};
  if (key === undefined || agent === undefined) throw unknownAgent();
  requireActive(agent);
  if (!isAccepted(key, now)) {
    throw new AuthorityRefusal('key_not_current', 'The key of the agent is no longer accepted.', {
      facts: { state: key.state === 'overlapping' ? 'former' : key.state },
      hint: 'Use the key that replaced it.',
    });
  }
  return { agent, key };
}

/** @throws {AuthorityRefusal} `agent_suspended`, `agent_retired`. */
export function requireActive({ state }: AgentRecord): void {
  if (state === 'suspended')
    throw new AuthorityRefusal('agent_suspended', 'The agent is suspended.');
  if (state === 'retired') throw new AuthorityRefusal('agent_retired', 'The agent is retired.');
}

/**
 * A key that may become an agent's, as far as that can be told without the store.
 * @param reserved thumbprints of the authority's own keys.
 * @throws {AuthorityRefusal} `key_invalid`, `key_weak`, `key_in_use`.
 */
export function requireFreshKey(key: PublicKey, reserved: ReadonlySet<string>): PublicKey {
  if (!isPublicKey(key)) throw new AuthorityRefusal('key_invalid', 'This is no checked key.');
  if (isWellKnownTestKey(key)) {
    throw new AuthorityRefusal('key_weak', 'The private half of this key is in print.', {
      hint: 'Make a key of your own.',
    });
  }
  if (reserved.has(key.thumbprint)) throw keyInUse();
  return key;
}

/**
 * Adds the key as the agent's current one.
 * @param provedBy thumbprint of the key that proved the rotation to it; `undefined` where it came by another right.
 * @throws {AuthorityRefusal} `key_in_use`, whoever has or had it, for whatever purpose.
 */
export async function addKey(
  tx: AuthorityTransaction,
  agent: AgentRecord,
  { thumbprint, jwk }: PublicKey,
  now: number,
  provedBy: string | undefined,
): Promise<void> {
  if ((await tx.findKey(thumbprint)) !== undefined) throw keyInUse();
  await tx.insertKey({
    thumbprint,
    jwk,
    purpose: 'agent',
    holder: agent.id,
    state: 'current',
    addedAt: now,
    endsAt: undefined,
  });
  await recordKeyOrigin(tx, thumbprint, provedBy);
}

/** Ends a key that another one has replaced at `now`: at once, or at `until`. */
export async function replaceKey(
  tx: AuthorityTransaction,
  old: KeyRecord,
  now: number,
  until: number,
): Promise<void> {
  await tx.updateKey({ ...old, state: until > now ? 'overlapping' : 'former', endsAt: until });
}

/** Seconds that the clock of another node may be ahead. */
const MAX_SKEW = 30;

/** Of two keys that follow each other the later is not older, though another node with another clock added the first. */
export function timeAfter({ addedAt }: KeyRecord, now: number): number {
  return addedAt - now <= MAX_SKEW ? Math.max(addedAt, now) : now;
}

/** Keys that an agent can have in its life. All of them are marked as compromised in one transaction, at worst, and that must end in time. */
const MAX_KEYS = 1024;

/** @throws {AuthorityRefusal} `agent_state_invalid` for an agent that can have no further key. */
export function requireRoomForKey(keys: readonly KeyRecord[]): void {
  if (keys.length < MAX_KEYS) return;
  throw new AuthorityRefusal('agent_state_invalid', 'The agent has had too many keys.', {
    facts: { max: MAX_KEYS },
    hint: 'Retire it and enrol another.',
  });
}

export function unknownAgent(): AuthorityRefusal {
  return new AuthorityRefusal('agent_unknown', 'There is no such agent.');
}

export function agentExists(): AuthorityRefusal {
  return new AuthorityRefusal('agent_exists', 'There is an agent of this name already.', {
    hint: 'A name is given once. The agent renews its identity with its key, or its key is rotated.',
  });
}

function keyInUse(): AuthorityRefusal {
  return new AuthorityRefusal('key_in_use', 'The key is in use, or was.', {
    hint: 'A key serves one holder and one purpose, for good: make a new one.',
  });
}

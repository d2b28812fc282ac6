import {
  importPublicKey,
  rotateKey as makeRotation,
  type PublicKey,
  TaperError,
} from '@taper/core';
import type { AgentRecord, AuthorityTransaction, KeyRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import {
  addKey,
  type Possession,
  replaceKey,
  requireActive,
  requireFreshKey,
  requireRoomForKey,
  timeAfter,
  unknownAgent,
} from './agent-key.ts';
import { changeOf, requireAgent, updateAgent } from './agent-life.ts';
import { type Actor, changeStore, freshId, keyDetails, logChange } from './change.ts';
import type { IdentityContext } from './context.ts';

/** Who replaces a key: its holder, with the consent of the old key; or an operator, without it. */
export type RotationAuthority =
  | {
      readonly kind: 'holder';
      /** Thumbprint of the old key. */
      readonly oldKey: string;
      /** `consentToRotation` by the old key. */
      readonly consent: string;
    }
  | {
      readonly kind: 'operator';
      /** SPIFFE ID of the agent. */
      readonly agent: string;
      readonly by: Actor;
    };

export interface RotationRequest {
  /** Of the new key. */
  readonly possession: Possession;
  /** `consentToRotation` by the new key. */
  readonly acceptance: string;
  readonly authority: RotationAuthority;
  /**
   * Seconds for which the old key goes on, 0 for none. A holder may ask for no more than the authority's `rotationOverlap`, which is the default;
   * an operator for up to 2592000 (30 days).
   */
  readonly overlap?: number;
}

export interface Rotated {
  readonly agent: AgentRecord;
  /** The rotation statement (spec/rotation.md), which travels with what the new key signs; `undefined` where a compromised key was replaced. */
  readonly statement: string | undefined;
  /** Seconds since the epoch: the first at which the old key is no longer accepted. */
  readonly oldUntil: number;
}

const MAX_OVERLAP = 30 * 86_400;

interface Replaced {
  readonly agent: AgentRecord;
  readonly old: KeyRecord;
}

/**
 * Replaces the current key of an agent. The new key acts once this is done; the old one for as long as `overlap` says. What a compromised key held
 * is lost: the operator gives the agent a new key, and nothing leads from the old one to it.
 * @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`, `agent_state_invalid`, `key_not_current`, `key_invalid`,
 * `key_weak`, `key_in_use`, `possession_unproved` for a consent that is stale, of another rotation or not by the key it should be by,
 * `request_malformed`.
 */
export async function rotateAgentKey(
  context: IdentityContext,
  request: RotationRequest,
): Promise<Rotated> {
  const { possession, authority } = request;
  const newKey = requireFreshKey(possession.key, context.reserved);
  const overlap = overlapOf(context, request);
  // The signer may be slow, and no transaction waits for it: what was read is read again in the one that writes.
  const { agent, old } = await context.store.read((tx) => replacedKey(tx, authority));
  const now = timeAfter(old, context.clock());
  const isLost = old.state === 'compromised';
  // Also where nobody gets it: it is what finds out whether the new key agrees, and so whether somebody holds it.
  const made = await signStatement(context, request, agent, old, newKey, isLost ? 0 : overlap, now);
  const statement = isLost ? undefined : made;
  const oldUntil = isLost ? (old.endsAt ?? now) : now + overlap;
  const by: Actor = authority.kind === 'operator' ? authority.by : { kind: 'agent', id: agent.id };
  return await changeStore(context.store, async (tx) => {
    const again = await replacedKey(tx, authority);
    if (again.agent.version !== agent.version || again.old.thumbprint !== old.thumbprint)
      throw changedMeanwhile();
    await addKey(tx, agent, newKey, now, authority.kind === 'holder' ? old.thumbprint : undefined);
    if (!isLost) await replaceKey(tx, old, now, oldUntil);
    const changed = await updateAgent(tx, agent, agent.state);
    await logChange(tx, {
      ...changeOf(now, 'agent.key_rotated', changed, by),
      details: {
        ...keyDetails(newKey),
        old: old.thumbprint,
        old_until: oldUntil,
        ...(statement === undefined ? {} : { statement }),
      },
    });
    return { agent: changed, statement, oldUntil };
  });
}

/** The key that is replaced: the current one; for an operator also one that was compromised while it was current. */
async function replacedKey(
  tx: AuthorityTransaction,
  authority: RotationAuthority,
): Promise<Replaced> {
  const agent = await agentToRotate(tx, authority);
  const keys = await tx.listKeys('agent', agent.id);
  requireRoomForKey(keys);
  const current = keys.find(({ state }) => state === 'current');
  if (authority.kind === 'operator') {
    const old = current ?? keys.findLast(({ state }) => state === 'compromised');
    if (old === undefined) throw changedMeanwhile();
    return { agent, old };
  }
  if (current?.thumbprint !== authority.oldKey) {
    throw new AuthorityRefusal('key_not_current', 'This is not the current key of the agent.', {
      hint: 'Only the current key can be replaced by its holder.',
    });
  }
  return { agent, old: current };
}

async function agentToRotate(
  tx: AuthorityTransaction,
  authority: RotationAuthority,
): Promise<AgentRecord> {
  if (authority.kind === 'operator') {
    const agent = await requireAgent(tx, authority.agent);
    // A suspended agent is given a new key before it is resumed.
    if (agent.state === 'retired') requireActive(agent);
    return agent;
  }
  const key = await tx.findKey(authority.oldKey);
  const agent = key?.purpose === 'agent' ? await tx.findAgent(key.holder) : undefined;
  if (agent === undefined) throw unknownAgent();
  requireActive(agent);
  return agent;
}

async function signStatement(
  context: IdentityContext,
  { acceptance, authority }: RotationRequest,
  { spiffeId }: AgentRecord,
  old: KeyRecord,
  newKey: PublicKey,
  overlap: number,
  now: number,
): Promise<string> {
  try {
    return await makeRotation({
      issuer: context.issuer,
      signer: context.root,
      subject: spiffeId,
      oldKey: importPublicKey(old.jwk),
      newKey,
      ...(authority.kind === 'holder' ? { consent: authority.consent } : {}),
      acceptance,
      now,
      overlap,
      id: freshId(now, context.random),
    });
  } catch (cause) {
    if (!(cause instanceof TaperError) || cause.code !== 'option_invalid') throw cause;
    throw new AuthorityRefusal('possession_unproved', 'The keys do not agree to this rotation.', {
      facts: { reason: 'consent' },
      hint: 'Both keys sign the same: issuer, agent, old and new key, within 300 seconds of now.',
      cause,
    });
  }
}

function overlapOf(context: IdentityContext, { authority, overlap }: RotationRequest): number {
  const max = authority.kind === 'operator' ? MAX_OVERLAP : context.rotationOverlap;
  const seconds = overlap ?? context.rotationOverlap;
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > max) {
    throw new AuthorityRefusal('request_malformed', 'The overlap is not possible.', {
      facts: { member: 'overlap', max },
    });
  }
  return seconds;
}

function changedMeanwhile(): AuthorityRefusal {
  return new AuthorityRefusal('agent_state_invalid', 'The agent was changed at the same time.', {
    hint: 'Look at the agent, and ask again.',
  });
}

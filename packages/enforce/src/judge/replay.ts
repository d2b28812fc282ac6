import { type Denial, denial } from '@taper/core';
import type { ReplayStore, UsedKey } from '../port/replay-store.ts';
import type { SessionAuthenticator } from '../session/authenticator.ts';
import { ask, nothing, oneOf, type Patience } from './ask.ts';
import type { AuthenticatedCall } from './call.ts';

export interface ReplaySettings {
  readonly store: ReplayStore;
  readonly sessions: SessionAuthenticator | undefined;
  readonly patience: Patience;
}

/** Step 7i, late: marks everything that serves once as used. A refused call has used nothing. */
export async function useUp(
  { session }: AuthenticatedCall,
  uses: readonly UsedKey[],
  approved: boolean,
  now: number,
  replay: ReplaySettings,
): Promise<Denial | undefined> {
  const refusal = uses.length === 0 ? undefined : await acceptUses(uses, now, replay);
  if (refusal?.code === 'proof_replayed' && approved) return denial('approval_replayed');
  if (refusal !== undefined) return refusal;
  if (session === undefined) return undefined;
  const code = replay.sessions?.commit(session.session, session.sequence, now) ?? 'session_unknown';
  if (code === 'accepted') return undefined;
  if (uses.length > 0) await giveBackUses(uses, replay);
  return denial(code);
}

/** Marks as used; a denial where nothing has changed, or nobody knows. */
export async function acceptUses(
  uses: readonly UsedKey[],
  now: number,
  { store, patience }: ReplaySettings,
): Promise<Denial | undefined> {
  const verdict = await ask(() => store.accept(uses, now), readVerdict, patience);
  if (verdict === 'accepted') return undefined;
  if (verdict === 'replayed') return denial('proof_replayed', { step: '7i' });
  if (verdict === 'full') return denial('replay_store_full', { step: '7i' });
  // Never forgotten then: somebody else may have been the one who used them.
  return denial('replay_store_unavailable', { step: '7i' });
}

/** Best effort: what cannot be forgotten stays used. */
export async function giveBackUses(
  uses: readonly UsedKey[],
  { store, patience }: ReplaySettings,
): Promise<void> {
  if (uses.length === 0) return;
  await ask(() => store.forget(uses), nothing, patience);
}

const readVerdict = oneOf('accepted', 'replayed', 'full');

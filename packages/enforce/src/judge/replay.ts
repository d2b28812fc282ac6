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
  { store, sessions, patience }: ReplaySettings,
): Promise<Denial | undefined> {
  if (uses.length > 0) {
    const verdict = await ask(() => store.accept(uses, now), readVerdict, patience);
    if (verdict === 'replayed')
      return approved ? denial('approval_replayed') : denial('proof_replayed', { step: '7i' });
    if (verdict === 'full') return denial('replay_store_full', { step: '7i' });
    // Never forgotten then: somebody else may have been the one who used them.
    if (verdict !== 'accepted') return denial('replay_store_unavailable', { step: '7i' });
  }
  if (session === undefined) return undefined;
  const code = sessions?.commit(session.session, session.sequence, now) ?? 'session_unknown';
  if (code === 'accepted') return undefined;
  if (uses.length > 0) await giveBackUses(uses, { store, sessions, patience });
  return denial(code);
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

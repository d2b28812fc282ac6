import { type Denial, denial } from '@taper/core';
import type { PendingAction } from '../port/approval-source.ts';
import type { ApprovalRequirement } from '../port/policy-engine.ts';
import type { UsedKey } from '../port/replay-store.ts';
import {
  type ApprovalQuestion,
  type ApprovalSettings,
  type KnownApprovals,
  openAction,
} from './approval.ts';
import { type AuthenticatedCall, useOf } from './call.ts';
import { acceptUses, giveBackUses, type ReplaySettings } from './replay.ts';

/**
 * Puts a call before its approvers. Whoever has overheard a call could do that, too: so a question is opened only by what has neither
 * run nor asked before (docs/decisions/0022). A proof that comes back while its question is open gets it again, and may still run
 * it once: clients of MCP send a call again as it was.
 */
export async function askForApproval(
  question: ApprovalQuestion,
  { authenticated, known, requirements }: AskedCall,
  approval: ApprovalSettings,
  replay: ReplaySettings,
): Promise<PendingAction | Denial> {
  const { now } = question;
  const { uses } = authenticated;
  // Held while it asks, since no store can say that something was not used without using it.
  const used = uses.length === 0 ? undefined : await acceptUses(uses, now, replay);
  if (used !== undefined) return used;
  const asked: UsedKey[] = [];
  const answer = await askOnce();
  await giveBackUses('code' in answer ? [...uses, ...asked] : uses, replay);
  return answer;

  async function askOnce(): Promise<PendingAction | Denial> {
    let isAgain = false;
    for (const each of askingOf(authenticated)) {
      const refusal = await acceptUses([each], now, replay);
      if (refusal === undefined) asked.push(each);
      else if (refusal.code === 'proof_replayed') isAgain = true;
      else return refusal;
    }
    if (!isAgain) return openAction(question, requirements, approval);
    if (known.pending !== undefined) return known.pending;
    return authenticated.session === undefined
      ? denial('proof_replayed', { step: '7i' })
      : denial('session_sequence_replayed');
  }
}

/** A call that lacks approvals. */
export interface AskedCall {
  readonly authenticated: AuthenticatedCall;
  readonly known: KnownApprovals;
  readonly requirements: readonly ApprovalRequirement[];
}

/** What is remembered of whoever asks: that its proofs, or its request in a session, have had their question. */
function askingOf({ uses, session }: AuthenticatedCall): readonly UsedKey[] {
  if (session === undefined)
    return uses.map(({ key, expiresAt }) => ({ key: useOf(`question ${key}`), expiresAt }));
  const { id, expiresAt } = session.session;
  return [{ key: useOf(`question in ${id} ${session.sequence}`), expiresAt }];
}

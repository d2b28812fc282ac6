import {
  type JsonObject,
  type RevocationReason,
  type RevocationTarget,
  writeAuthorityEntryBody,
} from '@taper/core';
import type { Authority } from '../authority.ts';
import type { EntryAuthor } from './administrators.ts';

/** A revocation that an administrator asked for. */
export interface RevocationOrder {
  readonly target: RevocationTarget;
  /** The tenant whose it is; `undefined` where it is nobody's, or everybody's. */
  readonly tenant: string | undefined;
  readonly reason: RevocationReason | undefined;
  /** Until when a token is held revoked, seconds since the epoch: its `exp`, or later. */
  readonly expiresAt?: number | undefined;
  readonly by: EntryAuthor;
}

/**
 * Revokes by the authority's own right, and says in its log who asked: the `revocation` entry itself names nobody. It comes first, since
 * it is what takes effect; whoever asks again after a failure gets the same one, and is named.
 * @throws {TaperError} `log_unavailable`, `revocation_refused`, `store_unavailable`.
 */
export async function revokeFor(
  { revocations, store, clock }: Pick<Authority, 'revocations' | 'store' | 'clock'>,
  { target, tenant, reason, expiresAt, by }: RevocationOrder,
): Promise<{ readonly index: number; readonly entry: string }> {
  const { index, entry } = await revocations.revoke(target, {
    ...(reason === undefined ? {} : { reason }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
  const body = writeAuthorityEntryBody({
    time: clock(),
    event: 'revocation.added',
    ...(tenant === undefined ? {} : { tenant }),
    by,
    subject: { ...target } as JsonObject,
    details: { index, reason: reason ?? 'unspecified' },
  });
  await store.transaction((tx) => tx.appendEntry(body));
  return { index, entry };
}

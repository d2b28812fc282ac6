import { importPublicKey, parseNoteKey } from '@taper/core';
import { openRevocationFollower, type RevocationFollower } from '@taper/log';
import { openSqliteViewStore } from '@taper/log/sqlite';
import type { RevocationLogAddress } from './revocation-log.ts';

/** Follows a revocation log; what was learned is kept in a file. Resolves when it is known what is revoked. */
export async function follow(
  { url, origin, logKey, authorityKey }: RevocationLogAddress,
  file: string,
): Promise<RevocationFollower> {
  const key = parseNoteKey(logKey);
  if (key === undefined) throw new Error('That is no key of a log.');
  const follower = await openRevocationFollower({
    source: `${url}/revocation`,
    trust: { origin, keys: [key], witnesses: [], quorum: 0 },
    authority: [importPublicKey(authorityKey)],
    store: openSqliteViewStore(file),
  });
  await follower.ready;
  return follower;
}

/** Resolves when something is known to be revoked: from then on the enforcement point refuses it. */
export function untilRevoked(follower: RevocationFollower | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  follower?.onRevoked?.(resolve);
  if ((follower?.status().revoked ?? 0) > 0) resolve();
  return promise;
}

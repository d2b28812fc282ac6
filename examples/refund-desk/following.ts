import { setTimeout as sleep } from 'node:timers/promises';
import type { EnforcementPointOptions } from '@taper/enforce';
import { openRevocationFollower, type RevocationFollower } from '@taper/log';
import { openSqliteViewStore } from '@taper/log/sqlite';
import { type AuthorityAddress, trustOf } from './trust.ts';

/**
 * Follows the authority's log: what is revoked, and which agent holds which key. What was learned is kept in a file.
 * Resolves when it is known.
 */
export async function follow(address: AuthorityAddress, file: string): Promise<RevocationFollower> {
  const { log: trust, authority } = trustOf(address);
  const follower = await openRevocationFollower({
    source: `${address.url}/log`,
    trust,
    authority,
    agents: true,
    store: openSqliteViewStore(file),
  });
  await follower.ready;
  return follower;
}

/** Nobody else calls but agents that were enrolled, and stand as such in the log. */
export function onlyEnrolled({
  agents,
}: RevocationFollower): Pick<EnforcementPointOptions, 'agents'> {
  if (agents === undefined) throw new Error('The agents are not followed.');
  return { agents: { directory: agents, callers: 'enrolled' } };
}

/** What is new at the authority. */
export interface News {
  /** Of agents, as thumbprints. */
  readonly keys: readonly string[];
  /** The one at which a root was issued. */
  readonly epoch: number;
}

/** Resolves when the log has been read as far as the news: until then agents and roots are too new. */
export async function untilKnown(
  follower: RevocationFollower | undefined,
  { keys, epoch }: News,
): Promise<void> {
  const isKnown = (): boolean =>
    keys.every((key) => follower?.agents?.agentOf(key) !== undefined) &&
    (follower?.status().epoch ?? 0) >= epoch;
  while (!isKnown()) await sleep(20);
}

/** Resolves when something is known to be revoked: from then on the enforcement point refuses it. */
export function untilRevoked(follower: RevocationFollower | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  follower?.onRevoked?.(resolve);
  if ((follower?.status().revoked ?? 0) > 0) resolve();
  return promise;
}

import { chainCaveats, compareTools, type JsonObject, type PublicKey } from '@taper/core';
import type { IssuedRoot, SubjectBounds } from '../issuance/request.ts';
import type { AgentRecord } from '../port/store.ts';
import { toolsOf } from './carried.ts';

/**
 * Whether a root that was issued is at most what its subject is: looked at once more, whoever made it, before anybody gets it. Tools of
 * a foreign chain and scopes have other names, which only the grant translates.
 */
export function isWithinSubject(
  { chain }: IssuedRoot,
  bounds: SubjectBounds,
  agent: AgentRecord,
  key: PublicKey,
): boolean {
  const { exp, delMaxDepth, aud, holder } = chain.leaf.claims;
  const { audience, tools } = bounds;
  return (
    chain.tokens.length === 1 &&
    holder.thumbprint === key.thumbprint &&
    chainCaveats(chain).tenant === agent.tenant &&
    exp <= bounds.expiresAt &&
    (bounds.maxDepth === undefined || delMaxDepth <= bounds.maxDepth) &&
    (audience === undefined || aud?.every((place) => audience.includes(place)) === true) &&
    (bounds.subject !== 'chain' ||
      (tools !== undefined &&
        compareTools(tools as unknown as JsonObject, toolsOf(chain) as unknown as JsonObject) ===
          undefined))
  );
}

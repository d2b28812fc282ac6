import { chainCaveats, type VerifiedChain } from './chain.ts';
import type { VerifiedProof } from './proof.ts';
import type { RevokedQueryChain } from './revoked-set/query.ts';
import type { StapleSubject } from './revoked-set/verify-staple.ts';
import { placedKeys } from './rotation/keys.ts';

/**
 * Everything that must not be revoked for a chain to count: its own tokens and keys first, with those of a proof under it where that
 * carries rotation statements; then those of the chains that were exchanged for its root (spec/revocation.md section 6.2).
 */
export function restsOn(chain: VerifiedChain, proof?: VerifiedProof): readonly RevokedQueryChain[] {
  const own = Object.freeze({
    tokens: Object.freeze(chain.tokens.map(({ hash }) => hash)),
    keys: Object.freeze(placedKeys(chain, proof).map(({ thumbprint }) => thumbprint)),
  });
  return Object.freeze([own, ...(chain.tokens[0]?.claims.subject?.chains ?? [])]);
}

/** `iat` of the oldest token that a chain rests on, seconds since the epoch: what a tenant had been given before can be revoked together. */
export function oldestIssuedAt({ tokens }: VerifiedChain): number {
  const before = tokens[0]?.claims.subject?.oldestIssuedAt ?? Number.POSITIVE_INFINITY;
  return Math.min(before, ...tokens.map(({ claims }) => claims.iat));
}

/**
 * What a staple for one chain is asked about, and what the log's service is sent for one: all that {@link restsOn} gives, and the tenant.
 * @throws {TaperError} `not_verified`.
 */
export function revocationSubject(chain: VerifiedChain): StapleSubject {
  const { tenant } = chainCaveats(chain);
  return { chains: restsOn(chain), tenant, oldestIssuedAt: oldestIssuedAt(chain) };
}

import type { JsonObject, VerifiedChain } from '@taper/core';

/** What an authority signs into a root that it gives for a chain (spec/profile.md section 3.7), as `information` of `issue`. */
export function exchangedFor(chain: VerifiedChain, changes: JsonObject = {}): JsonObject {
  const { anchor, tokens, leaf } = chain;
  return {
    taper_subject: {
      kind: 'chain',
      iss: anchor.issuer,
      hash: leaf.hash,
      iat: Math.min(...tokens.map(({ claims }) => claims.iat)),
      tokens: tokens.map(({ hash }) => hash),
      keys: [anchor.key.thumbprint, ...tokens.map(({ claims }) => claims.holder.thumbprint)],
      ...changes,
    },
  };
}

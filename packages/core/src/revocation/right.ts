import type { ChainPolicy, VerifiedChain } from '../chain.ts';
import type { PublicKey } from '../key.ts';
import type { RevocationTarget } from './target.ts';

/** By what right somebody revokes (spec/revocation.md section 3). */
export type RevocationRole = 'holder' | 'issuer' | 'ancestor' | 'authority';

/** Who asks, under a key that does not come from the request. */
export interface Requester {
  readonly key: PublicKey;
  readonly role: RevocationRole;
  /** The hop nearest to the root that the key holds; `undefined` where no quota binds it. */
  readonly hop: number | undefined;
}

/** The key with this thumbprint that may revoke the target, given the verified chain down to it; `undefined` where none may. */
export function findRequester(
  thumbprint: string,
  target: RevocationTarget,
  chain: VerifiedChain | undefined,
  { authority, chain: { anchors } }: { authority: readonly PublicKey[]; chain: ChainPolicy },
): Requester | undefined {
  const own = authority.find((key) => key.thumbprint === thumbprint);
  if (own !== undefined) return { key: own, role: 'authority', hop: undefined };
  if (target.kind === 'agent' || target.kind === 'tenant') return undefined;
  if (target.kind === 'key' && thumbprint !== target.key) return undefined;
  if (chain === undefined) {
    if (target.kind !== 'key') return undefined;
    const anchor = anchors.find(({ key }) => key.thumbprint === thumbprint);
    return anchor && { key: anchor.key, role: 'holder', hop: undefined };
  }
  const { tokens, anchor } = chain;
  const isAnchor = anchor.key.thumbprint === thumbprint;
  if (target.kind === 'key') {
    const hop = tokens.findIndex(({ claims }) => claims.holder.thumbprint === thumbprint);
    const holder = tokens[hop]?.claims.holder;
    return holder && { key: holder, role: 'holder', hop: isAnchor ? undefined : hop };
  }
  if (isAnchor)
    return {
      key: anchor.key,
      role: tokens.length === 1 ? 'issuer' : roleOf(thumbprint, chain, true),
      hop: undefined,
    };
  for (const hop of tokens.keys()) {
    const key = actsAt(tokens, hop, thumbprint);
    if (key !== undefined) return { key, role: roleOf(thumbprint, chain, false), hop };
  }
  return undefined;
}

/**
 * The key with this thumbprint, where it is the holder of the token at this hop, or took the holder's place and signed the next token (spec/rotation.md
 * section 4): the chain shows that it did.
 */
function actsAt(
  tokens: VerifiedChain['tokens'],
  hop: number,
  thumbprint: string,
): PublicKey | undefined {
  const holder = tokens[hop]?.claims.holder;
  if (holder?.thumbprint === thumbprint) return holder;
  const acting = tokens[hop + 1]?.rotations?.at(-1)?.newKey;
  return acting?.thumbprint === thumbprint ? acting : undefined;
}

/** The first role that applies: issuer, ancestor, holder. */
function roleOf(thumbprint: string, { tokens }: VerifiedChain, isAnchor: boolean): RevocationRole {
  const last = tokens.length - 1;
  if (last > 0 && actsAt(tokens, last - 1, thumbprint) !== undefined) return 'issuer';
  const isAbove = tokens
    .slice(0, Math.max(last - 1, 0))
    .some((_, at) => actsAt(tokens, at, thumbprint) !== undefined);
  return isAnchor || isAbove ? 'ancestor' : 'holder';
}

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
  const hop = tokens.findIndex(({ claims }) => claims.holder.thumbprint === thumbprint);
  const isAnchor = anchor.key.thumbprint === thumbprint;
  const holder = tokens[hop]?.claims.holder;
  if (target.kind === 'key')
    return holder && { key: holder, role: 'holder', hop: isAnchor ? undefined : hop };
  if (isAnchor)
    return {
      key: anchor.key,
      role: tokens.length === 1 ? 'issuer' : roleOf(thumbprint, chain, true),
      hop: undefined,
    };
  return holder && { key: holder, role: roleOf(thumbprint, chain, false), hop };
}

/** The first role that applies: issuer, ancestor, holder. */
function roleOf(thumbprint: string, { tokens }: VerifiedChain, isAnchor: boolean): RevocationRole {
  const holders = tokens.map(({ claims }) => claims.holder.thumbprint);
  const last = holders.length - 1;
  if (last > 0 && holders[last - 1] === thumbprint) return 'issuer';
  return isAnchor || holders.slice(0, Math.max(last - 1, 0)).includes(thumbprint)
    ? 'ancestor'
    : 'holder';
}

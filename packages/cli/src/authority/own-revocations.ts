import type { StapleSubject } from '@taper/core';
import type { RevocationView } from '@taper/enforce';
import type { RevocationAuthority, RevocationState } from '@taper/log';

/**
 * What the authority itself has revoked, for its own gate: known from the moment at which an entry is durable, without a log between.
 */
export function ownRevocations(authority: RevocationAuthority): RevocationView {
  const { state } = authority;
  return {
    check({ tokens, keys, chains, tenant, oldestIssuedAt, logs, epochs }, now) {
      if (logs.some((log) => log !== authority.log)) return { verdict: 'unknown_log' };
      if ((epochs.get(authority.log) ?? 0) > (state.epoch?.record.epoch ?? 0))
        return { verdict: 'behind' };
      const found = findRevoked(state, { chains, tenant, oldestIssuedAt });
      if (found !== undefined)
        return {
          verdict: 'revoked',
          what: found.what,
          index: { token: tokens, key: keys, tenant: [found.id] }[found.what].indexOf(found.id),
        };
      return { verdict: 'good', asOf: now };
    },
  };
}

/** The first that is revoked of what a presentation rests on; `undefined` where nothing is. */
export function findRevoked(
  state: RevocationState,
  {
    chains,
    tenant,
    oldestIssuedAt,
  }: Pick<StapleSubject, 'chains' | 'oldestIssuedAt'> & { readonly tenant?: string | undefined },
): { readonly what: 'token' | 'key' | 'tenant'; readonly id: string } | undefined {
  for (const chain of chains)
    for (const token of chain.tokens)
      if (state.tokens.get(token)?.root === chain.tokens[0]) return { what: 'token', id: token };
  for (const chain of chains)
    for (const key of chain.keys) if (state.keys.has(key)) return { what: 'key', id: key };
  const before = tenant === undefined ? undefined : state.tenants.get(tenant)?.issuedBefore;
  if (tenant !== undefined && before !== undefined && oldestIssuedAt < before)
    return { what: 'tenant', id: tenant };
  return undefined;
}

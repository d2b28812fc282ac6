import type { RevocationView } from '@taper/enforce';
import type { RevocationAuthority } from '@taper/log';

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
      for (const chain of chains)
        for (const token of chain.tokens)
          if (state.tokens.get(token)?.root === chain.tokens[0])
            return { verdict: 'revoked', what: 'token', index: tokens.indexOf(token) };
      const key = keys.findIndex((each) => state.keys.has(each));
      if (key !== -1) return { verdict: 'revoked', what: 'key', index: key };
      const before = tenant === undefined ? undefined : state.tenants.get(tenant)?.issuedBefore;
      if (before !== undefined && oldestIssuedAt < before)
        return { verdict: 'revoked', what: 'tenant', index: 0 };
      return { verdict: 'good', asOf: now };
    },
  };
}

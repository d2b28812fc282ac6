import { IdentifierTable } from './identifier-table.ts';

/** Seconds for which a revocation is kept beyond its end, since clocks differ and step back (spec/revocation.md). */
export const REVOCATION_RETENTION = 86_400;

/** Something that holds no longer, as a view keeps it. */
export type KnownRevocation =
  /** Hash of a token: it, and all that was derived from it. `expiresAt`: its `exp`, seconds since the epoch. */
  | { readonly kind: 'token'; readonly token: string; readonly expiresAt: number }
  /** Thumbprint of a key, for good. */
  | { readonly kind: 'key'; readonly key: string }
  /** Chains of a tenant with a token older than this, seconds since the epoch. */
  | { readonly kind: 'tenant'; readonly tenant: string; readonly issuedBefore: number }
  /** A key that was replaced, for good: it may not act from this time on, seconds since the epoch. What it signed before holds. */
  | { readonly kind: 'replaced'; readonly key: string; readonly oldUntil: number };

/** What a chain rests on: the part of a query that a table answers. */
export interface TableQuery {
  readonly tokens: readonly string[];
  readonly keys: readonly string[];
  readonly tenant: string | undefined;
  readonly oldestIssuedAt: number;
}

/** What of a query is revoked. */
export interface Found {
  readonly verdict: 'revoked';
  readonly what: 'token' | 'key' | 'tenant';
  readonly index: number;
}

/** Everything that is revoked, in memory: about 50 MB for a million, well under a microsecond for a chain. */
export interface RevokedTable {
  readonly size: number;
  /** Keys that were replaced; they are in {@link size}, too. */
  readonly replaced: number;
  /** What is revoked twice holds as long, and reaches as far, as the stronger of the two. @returns whether anything changed. */
  add(revoked: KnownRevocation): boolean;
  /** Forgets tokens that expired more than {@link REVOCATION_RETENTION} before. @param time seconds since the epoch. */
  prune(time: number): number;
  entries(): Iterable<KnownRevocation>;
  /** The first entry of the query that is revoked: tokens, then keys, then the tenant. */
  find(query: TableQuery): Found | undefined;
  /** From when on a key may not act, seconds since the epoch; `undefined` where it was not replaced. */
  replacedFrom(key: string): number | undefined;
}

/** @param seed 32 random bytes, so that nobody knows where an identifier is put. */
export function createRevokedTable(
  seed: Uint8Array = crypto.getRandomValues(new Uint8Array(32)),
): RevokedTable {
  const tokens = new IdentifierTable(seed.subarray(0, 16));
  const keys = new IdentifierTable(seed.subarray(16, 32));
  const tenants = new Map<string, number>();
  const replaced = new Map<string, number>();
  return Object.freeze<RevokedTable>({
    get size() {
      return tokens.size + keys.size + tenants.size + replaced.size;
    },
    get replaced() {
      return replaced.size;
    },
    add(revoked) {
      switch (revoked.kind) {
        case 'token':
          return tokens.add(revoked.token, revoked.expiresAt);
        case 'key':
          return keys.add(revoked.key, Infinity);
        case 'tenant': {
          const { tenant, issuedBefore } = revoked;
          if ((tenants.get(tenant) ?? -Infinity) >= issuedBefore) return false;
          tenants.set(tenant, issuedBefore);
          return true;
        }
        case 'replaced': {
          const { key, oldUntil } = revoked;
          if ((replaced.get(key) ?? Infinity) <= oldUntil) return false;
          replaced.set(key, oldUntil);
          return true;
        }
      }
    },
    prune: (time) => tokens.prune(time - REVOCATION_RETENTION),
    *entries() {
      for (const { identifier, time } of tokens.entries())
        yield { kind: 'token', token: identifier, expiresAt: time };
      for (const { identifier } of keys.entries()) yield { kind: 'key', key: identifier };
      for (const [tenant, issuedBefore] of tenants) yield { kind: 'tenant', tenant, issuedBefore };
      for (const [key, oldUntil] of replaced) yield { kind: 'replaced', key, oldUntil };
    },
    replacedFrom: (key) => replaced.get(key),
    find(query) {
      const token = tokens.firstOf(query.tokens);
      if (token !== -1) return { verdict: 'revoked', what: 'token', index: token };
      const key = keys.firstOf(query.keys);
      if (key !== -1) return { verdict: 'revoked', what: 'key', index: key };
      const before = query.tenant === undefined ? undefined : tenants.get(query.tenant);
      // Whatever cannot be compared is not newer.
      if (before === undefined || query.oldestIssuedAt >= before) return undefined;
      return { verdict: 'revoked', what: 'tenant', index: 0 };
    },
  });
}

import { isTenantName } from './entry.ts';
import { compareIds, readHash, tenantId } from './hash.ts';

/** What a presentation rests on: everything that must not be revoked. */
export interface RevokedQuery {
  /** One for each chain presented, at least one. */
  readonly chains: readonly RevokedQueryChain[];
  /** The tenant that the chains name. */
  readonly tenant?: string | undefined;
}

/** What one chain rests on. */
export interface RevokedQueryChain {
  /** Hashes of its tokens, root first: base64url SHA-256 of each signing input. */
  readonly tokens: readonly string[];
  /** RFC 7638 thumbprints: its anchor's key, then its holders', root first, then those that rotation statements name. */
  readonly keys: readonly string[];
}

/** Tokens and keys of one query; the largest presentation has fewer than a hundred. */
export const MAX_QUERY_IDS = 256;

/** An id to be looked for. */
export interface Sought {
  readonly id: Uint8Array;
}

/** A root, and the tokens of its chains. */
export interface SoughtFamily extends Sought {
  readonly tokens: readonly Sought[];
}

/** A {@link RevokedQuery} as the trees are asked: in each tree different ids, ascending as bytes. */
export interface SoughtIds {
  readonly families: readonly SoughtFamily[];
  readonly keys: readonly Sought[];
  /** One, or none where no tenant is asked for. */
  readonly tenants: readonly Sought[];
}

/**
 * The ids of a query; `undefined` when it is none: no chain, a chain without tokens or with fewer keys than an anchor's and one for each token, a text that is not the one spelling of 32
 * bytes, a tenant without a name, more than {@link MAX_QUERY_IDS}.
 */
export function soughtIds(query: RevokedQuery): SoughtIds | undefined {
  const { chains, tenant } = query;
  if (!Array.isArray(chains) || chains.length === 0 || chains.length > MAX_QUERY_IDS)
    return undefined;
  const families = new Map<string, Set<string>>();
  const keys = new Set<string>();
  let count = 0;
  for (const chain of chains as RevokedQuery['chains']) {
    const root = chain.tokens[0];
    if (root === undefined || chain.keys.length < chain.tokens.length + 1) return undefined;
    count += chain.tokens.length + chain.keys.length;
    if (count > MAX_QUERY_IDS) return undefined;
    const family = families.get(root) ?? new Set();
    families.set(root, family);
    for (const token of chain.tokens) family.add(token);
    for (const key of chain.keys) keys.add(key);
  }
  const soughtFamilies: SoughtFamily[] = [];
  for (const [root, tokens] of families) {
    const [family] = sought([root]) ?? [];
    const within = sought(tokens);
    if (family === undefined || within === undefined) return undefined;
    soughtFamilies.push({ ...family, tokens: within });
  }
  const soughtKeys = sought(keys);
  if (soughtKeys === undefined || (tenant !== undefined && !isTenantName(tenant))) return undefined;
  return {
    families: soughtFamilies.sort(byId),
    keys: soughtKeys,
    tenants: tenant === undefined ? [] : [{ id: tenantId(tenant) }],
  };
}

function sought(texts: Iterable<string>): Sought[] | undefined {
  const ids: Sought[] = [];
  for (const text of texts) {
    const id = readHash(text);
    if (id === undefined) return undefined;
    ids.push({ id });
  }
  return ids.sort(byId);
}

function byId(one: Sought, other: Sought): number {
  return compareIds(one.id, other.id);
}

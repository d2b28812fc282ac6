import {
  isEntryTime,
  isRetained,
  isTenantName,
  KEY_VALUE,
  platform,
  REVOKED_TOKEN_RETENTION,
  type RevokedEntry,
  type RevokedQuery,
  readHash,
  revokedSetRoot,
  soughtIds,
  TaperError,
  tenantId,
  timeValue,
} from '@taper/core';
import { createExpiryQueue } from './expiry-queue.ts';
import { Forest, type Leaves, NOTHING, type Subtree } from './forest.ts';
import { ProofWriter, proveTree } from './prove.ts';

/**
 * What is revoked, as the Merkle trees of spec/revocation.md, "Revoked set". The root depends on what is in it and on nothing
 * else: not on the order in which it came, nor on what was pruned.
 */
export interface RevokedSet {
  /** Revoked tokens, keys and tenants. */
  readonly size: number;
  /**
   * Adds an entry. `false` when it changes nothing, since the set holds as strong a one already; of two entries for one token or
   * tenant the later time counts.
   *
   * @throws {TaperError} `option_invalid` for what is no entry.
   */
  add(entry: RevokedEntry): boolean;
  /** Drops the tokens that are no longer in the set of an epoch of this time (seconds since the epoch), and says how many. */
  prune(time: number): number;
  /** `revoked_root`, 32 bytes. Hashes what has changed since it was last asked for. */
  root(): Uint8Array;
  /** Every entry, in the order that `createRevokedRoot` of core asks for. Do not change the set meanwhile. */
  entries(): Iterable<RevokedEntry>;
  /** The same entries, which go on to be those that are in the set now, whatever it becomes. Costs a copy of memory, and nothing for each entry. */
  copyEntries(): Iterable<RevokedEntry>;
  /**
   * The proof of which of the ids of the query are in the set and which are not, for `openRevokedProof` of core. It is one of the set as it is now,
   * which is that of an epoch only until the next change.
   *
   * @throws {TaperError} `option_invalid` for what is no query.
   */
  prove(query: RevokedQuery): Uint8Array;
}

export function createRevokedSet(): RevokedSet {
  return new TreeRevokedSet();
}

class TreeRevokedSet implements RevokedSet {
  /** Roots of tokens' families; the value of a leaf is the family's tree in `#tokens`. */
  readonly #families = new Forest((leaf) => this.#tokens.hash(this.#families.value(leaf)));
  readonly #tokens = new Forest((leaf) => timeValue(this.#tokens.value(leaf)));
  readonly #keys = new Forest(() => KEY_VALUE);
  readonly #tenants = new Forest((leaf) => timeValue(this.#tenants.value(leaf)));
  #familyRoot: Subtree = NOTHING;
  #keyRoot: Subtree = NOTHING;
  #tenantRoot: Subtree = NOTHING;
  readonly #tenantNames = new Map<Subtree, string>();
  /** Leaves of tokens, due when they are pruned. One whose time was put off is due again then. */
  readonly #expiry = createExpiryQueue();
  /** By the number of a token's leaf, the leaf of its family. */
  readonly #familyOf: Subtree[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: RevokedEntry): boolean {
    switch (entry.kind) {
      case 'token':
        if (!isEntryTime(entry.expiresAt)) throw invalid('expiresAt');
        return this.#addToken(
          idOf(entry.root, 'root'),
          idOf(entry.token, 'token'),
          entry.expiresAt,
        );
      case 'key': {
        const id = idOf(entry.key, 'key');
        if (this.#keys.find(this.#keyRoot, id) !== NOTHING) return false;
        this.#keyRoot = this.#keys.insert(this.#keyRoot, this.#keys.leaf(id, 0));
        this.#size += 1;
        return true;
      }
      case 'tenant':
        if (!isTenantName(entry.tenant)) throw invalid('tenant');
        if (!isEntryTime(entry.issuedBefore)) throw invalid('issuedBefore');
        return this.#addTenant(entry.tenant, entry.issuedBefore);
      default:
        throw invalid('kind');
    }
  }

  prune(time: number): number {
    let pruned = 0;
    for (
      let number = this.#expiry.take(time);
      number !== undefined;
      number = this.#expiry.take(time)
    ) {
      const leaf: Subtree = -number;
      const expiresAt = this.#tokens.value(leaf);
      if (isRetained(expiresAt, time)) {
        this.#expiry.add(number, expiresAt + REVOKED_TOKEN_RETENTION);
        continue;
      }
      this.#removeToken(leaf);
      pruned += 1;
    }
    return pruned;
  }

  root(): Uint8Array {
    return revokedSetRoot(
      this.#families.hash(this.#familyRoot),
      this.#keys.hash(this.#keyRoot),
      this.#tenants.hash(this.#tenantRoot),
    );
  }

  entries(): Iterable<RevokedEntry> {
    return entriesIn({
      families: [this.#families, this.#familyRoot],
      tokens: this.#tokens,
      keys: [this.#keys, this.#keyRoot],
      tenants: [this.#tenants, this.#tenantRoot],
      tenantNames: this.#tenantNames,
    });
  }

  copyEntries(): Iterable<RevokedEntry> {
    const copied: Members = {
      families: [this.#families.copyLeaves(), this.#familyRoot],
      tokens: this.#tokens.copyLeaves(),
      keys: [this.#keys.copyLeaves(), this.#keyRoot],
      tenants: [this.#tenants.copyLeaves(), this.#tenantRoot],
      tenantNames: new Map(this.#tenantNames),
    };
    return { [Symbol.iterator]: () => entriesIn(copied) };
  }

  prove(query: RevokedQuery): Uint8Array {
    const ids = soughtIds(query);
    if (ids === undefined) throw invalid('query');
    const writer = new ProofWriter();
    proveTree(writer, this.#families, this.#familyRoot, ids.families, (family, match) => {
      const tree = this.#families.value(family);
      if (match === undefined) return writer.bytes(this.#tokens.hash(tree));
      proveTree(writer, this.#tokens, tree, match.tokens, (leaf) =>
        writer.bytes(timeValue(this.#tokens.value(leaf)).subarray(-8)),
      );
    });
    proveTree(writer, this.#keys, this.#keyRoot, ids.keys, () => undefined);
    proveTree(writer, this.#tenants, this.#tenantRoot, ids.tenants, (leaf) =>
      writer.bytes(timeValue(this.#tenants.value(leaf)).subarray(-8)),
    );
    return writer.finish();
  }

  #addToken(root: Uint8Array, token: Uint8Array, expiresAt: number): boolean {
    const family = this.#families.find(this.#familyRoot, root);
    const tree: Subtree = family === NOTHING ? NOTHING : this.#families.value(family);
    const known = this.#tokens.find(tree, token);
    if (known !== NOTHING) {
      if (this.#tokens.value(known) >= expiresAt) return false;
      this.#tokens.change(tree, known, expiresAt);
      this.#families.change(this.#familyRoot, family, tree);
      return true;
    }
    const leaf = this.#tokens.leaf(token, expiresAt);
    if (family === NOTHING) {
      const added = this.#families.leaf(root, leaf);
      this.#familyRoot = this.#families.insert(this.#familyRoot, added);
      this.#familyOf[-leaf] = added;
    } else {
      this.#families.change(this.#familyRoot, family, this.#tokens.insert(tree, leaf));
      this.#familyOf[-leaf] = family;
    }
    this.#expiry.add(-leaf, expiresAt + REVOKED_TOKEN_RETENTION);
    this.#size += 1;
    return true;
  }

  #removeToken(leaf: Subtree): void {
    const family = this.#familyOf[-leaf] as Subtree;
    const left = this.#tokens.remove(this.#families.value(family), leaf);
    if (left === NOTHING) this.#familyRoot = this.#families.remove(this.#familyRoot, family);
    else this.#families.change(this.#familyRoot, family, left);
    this.#size -= 1;
  }

  #addTenant(tenant: string, issuedBefore: number): boolean {
    const id = tenantId(tenant);
    const known = this.#tenants.find(this.#tenantRoot, id);
    if (known !== NOTHING) {
      if (this.#tenants.value(known) >= issuedBefore) return false;
      this.#tenants.change(this.#tenantRoot, known, issuedBefore);
      return true;
    }
    const leaf = this.#tenants.leaf(id, issuedBefore);
    this.#tenantRoot = this.#tenants.insert(this.#tenantRoot, leaf);
    this.#tenantNames.set(leaf, tenant);
    this.#size += 1;
    return true;
  }
}

/** What is in a set: trees with their roots. */
interface Members {
  readonly families: readonly [Leaves, Subtree];
  /** The value of a family is the root of its tree in here. */
  readonly tokens: Leaves;
  readonly keys: readonly [Leaves, Subtree];
  readonly tenants: readonly [Leaves, Subtree];
  readonly tenantNames: ReadonlyMap<Subtree, string>;
}

function* entriesIn({
  families: [families, familyRoot],
  tokens,
  keys: [keys, keyRoot],
  tenants: [tenants, tenantRoot],
  tenantNames,
}: Members): Generator<RevokedEntry, void, undefined> {
  for (const family of families.leavesOf(familyRoot)) {
    const root = platform.encodeBase64url(families.id(family));
    for (const leaf of tokens.leavesOf(families.value(family))) {
      const token = platform.encodeBase64url(tokens.id(leaf));
      yield { kind: 'token', root, token, expiresAt: tokens.value(leaf) };
    }
  }
  for (const leaf of keys.leavesOf(keyRoot))
    yield { kind: 'key', key: platform.encodeBase64url(keys.id(leaf)) };
  for (const leaf of tenants.leavesOf(tenantRoot)) {
    const tenant = tenantNames.get(leaf) as string;
    yield { kind: 'tenant', tenant, issuedBefore: tenants.value(leaf) };
  }
}

function idOf(text: string, member: string): Uint8Array {
  const id = readHash(text);
  if (id === undefined) throw invalid(member);
  return id;
}

function invalid(member: string): TaperError {
  return new TaperError('option_invalid', `\`${member}\` is not one that an entry can have.`);
}

import { HASH_LENGTH } from '../log-proof/merkle.ts';
import { isEntryTime, isTenantName, type RevokedEntry } from './entry.ts';
import {
  bitAt,
  compareIds,
  EMPTY_SUBTREE,
  KEY_VALUE,
  readHash,
  revokedLeafHash,
  revokedNodeHash,
  revokedSetRoot,
  sharedBits,
  tenantId,
  timeValue,
} from './hash.ts';

/** Works out `revoked_root` from entries as they come, in memory that does not grow with their number. */
export interface RevokedRootBuilder {
  /**
   * Takes the next entry. The order is that of the set itself: tokens by root and then by hash, keys, tenants by the hash of
   * their name; each as bytes. `false` for an entry that is out of order, stands twice or is malformed: there is no root then.
   */
  add(entry: RevokedEntry): boolean;
  /** The root, 32 bytes; `undefined` when an entry was refused. Nothing can be added afterwards. */
  finish(): Uint8Array | undefined;
}

/** Makes a {@link RevokedRootBuilder}: what whoever is sent a whole set, sorted, compares with the epoch record. */
export function createRevokedRoot(): RevokedRootBuilder {
  const roots: Uint8Array[] = [];
  let tree = new SortedTree();
  let family: { readonly id: Uint8Array; readonly tokens: SortedTree } | undefined;
  let failed = false;

  const closeFamily = (): void => {
    if (family !== undefined) tree.add(family.id, family.tokens.root());
    family = undefined;
  };
  const advanceTo = (kind: number): void => {
    while (roots.length < kind) {
      closeFamily();
      roots.push(tree.root());
      tree = new SortedTree();
    }
  };
  const take = (entry: RevokedEntry): boolean => {
    const kind = KINDS.indexOf(entry.kind);
    if (kind < roots.length) return false;
    advanceTo(kind);
    switch (entry.kind) {
      case 'token': {
        const root = readHash(entry.root);
        const token = readHash(entry.token);
        if (root === undefined || token === undefined || !isEntryTime(entry.expiresAt))
          return false;
        if (family === undefined || compareIds(family.id, root) !== 0) {
          if (family !== undefined && compareIds(family.id, root) > 0) return false;
          closeFamily();
          family = { id: root, tokens: new SortedTree() };
        }
        return family.tokens.add(token, timeValue(entry.expiresAt));
      }
      case 'key': {
        const key = readHash(entry.key);
        return key !== undefined && tree.add(key, KEY_VALUE);
      }
      case 'tenant':
        return (
          isTenantName(entry.tenant) &&
          isEntryTime(entry.issuedBefore) &&
          tree.add(tenantId(entry.tenant), timeValue(entry.issuedBefore))
        );
    }
  };
  return {
    add(entry) {
      if (!failed && !take(entry)) failed = true;
      return !failed;
    },
    finish() {
      if (failed) return undefined;
      failed = true;
      advanceTo(KINDS.length);
      const [tokens, keys, tenants] = roots as [Uint8Array, Uint8Array, Uint8Array];
      return revokedSetRoot(tokens, keys, tenants);
    },
  };
}

/** As {@link createRevokedRoot}, of entries that are all there. `undefined` when they are out of order, repeated or malformed. */
export function revokedRootOf(entries: Iterable<RevokedEntry>): Uint8Array | undefined {
  const builder = createRevokedRoot();
  for (const entry of entries) if (!builder.add(entry)) return undefined;
  return builder.finish();
}

const KINDS: readonly RevokedEntry['kind'][] = ['token', 'key', 'tenant'];

/** A finished subtree that waits for what stands to its right. */
interface Subtree {
  readonly id: Uint8Array;
  hash: Uint8Array;
  /** Bits of the ids that all its entries share by their place. */
  depth: number;
}

/** The tree of leaves that come from left to right; holds the path to the last one and nothing else. */
class SortedTree {
  /** Of strictly growing depth, each the left sibling of what is still to come at that depth. */
  readonly #waiting: Subtree[] = [];
  #last: { readonly id: Uint8Array; readonly hash: Uint8Array } | undefined;
  /** Bits that the last leaf shares with the one before it, −1 when it is the first. */
  #shared = -1;

  add(id: Uint8Array, value: Uint8Array): boolean {
    const hash = revokedLeafHash(id, value);
    if (this.#last !== undefined) {
      if (compareIds(this.#last.id, id) >= 0) return false;
      const shared = sharedBits(this.#last.id, id);
      this.#place(Math.max(this.#shared, shared) + 1);
      this.#fold(shared + 1);
      this.#shared = shared;
    }
    this.#last = { id: id.slice(0, HASH_LENGTH), hash };
    return true;
  }

  root(): Uint8Array {
    if (this.#last === undefined) return EMPTY_SUBTREE;
    this.#place(this.#shared + 1);
    this.#fold(0);
    return (this.#waiting[0] as Subtree).hash;
  }

  /** The last leaf stands where its neighbours no longer share its path. */
  #place(depth: number): void {
    const { id, hash } = this.#last as { id: Uint8Array; hash: Uint8Array };
    this.#waiting.push({ id, hash, depth });
  }

  /** Nothing more comes below `depth`: what is deeper is joined with its sibling, or with an empty one. */
  #fold(depth: number): void {
    for (;;) {
      const top = this.#waiting.at(-1) as Subtree;
      if (top.depth <= depth) return;
      const under = this.#waiting.at(-2);
      if (under?.depth === top.depth) {
        this.#waiting.pop();
        under.hash = revokedNodeHash(under.hash, top.hash);
        under.depth -= 1;
      } else {
        top.hash =
          bitAt(top.id, top.depth - 1) === 0
            ? revokedNodeHash(top.hash, EMPTY_SUBTREE)
            : revokedNodeHash(EMPTY_SUBTREE, top.hash);
        top.depth -= 1;
      }
    }
  }
}

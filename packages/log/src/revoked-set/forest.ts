import {
  bitAt,
  EMPTY_SUBTREE,
  HASH_LENGTH,
  revokedLeafHash,
  revokedNodeHash,
  sharedBits,
} from '@taper/core';

/** A subtree of a {@link Forest}: 0 nothing, above 0 a node, below 0 a leaf. */
export type Subtree = number;

export const NOTHING: Subtree = 0;

const FIRST_CAPACITY = 1024;

/** The leaves of trees, without their hashes. */
export interface Leaves {
  /** The id of a leaf: a view that the next change of a forest may take away. */
  id(leaf: Subtree): Uint8Array;
  value(leaf: Subtree): number;
  /** The leaves below, from left to right. */
  leavesOf(subtree: Subtree): Iterable<Subtree>;
}

/**
 * Compact sparse Merkle trees (spec/revocation.md, "Revoked set") in flat memory: 41 bytes a node and 40 a leaf, as many trees as
 * one likes. What a change touches is hashed when a hash is asked for. A leaf keeps its number for as long as it is in a tree.
 */
export class Forest implements Leaves {
  #children = new Int32Array(2 * FIRST_CAPACITY);
  #hashes = new Uint8Array(HASH_LENGTH * FIRST_CAPACITY);
  #stale = new Uint8Array(FIRST_CAPACITY);
  /** Numbers of nodes in use, free ones included; 0 stands for nothing. */
  #nodes = 1;
  readonly #freeNodes: number[] = [];

  #ids = new Uint8Array(HASH_LENGTH * FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #leaves = 1;
  readonly #freeLeaves: number[] = [];

  /** The bytes of the value that the number of a leaf stands for. */
  readonly #valueBytes: (leaf: Subtree) => Uint8Array;

  constructor(valueBytes: (leaf: Subtree) => Uint8Array) {
    this.#valueBytes = valueBytes;
  }

  id(leaf: Subtree): Uint8Array {
    return idIn(this.#ids, leaf);
  }

  value(leaf: Subtree): number {
    return this.#values[-leaf] as number;
  }

  left(node: Subtree): Subtree {
    return this.#children[2 * node] as number;
  }

  right(node: Subtree): Subtree {
    return this.#children[2 * node + 1] as number;
  }

  /** The leaf of an id, or {@link NOTHING}. */
  find(root: Subtree, id: Uint8Array): Subtree {
    let at = root;
    for (let depth = 0; at > 0; depth++) at = this.#children[2 * at + bitAt(id, depth)] as number;
    return at < 0 && sharedBits(this.id(at), id) === 256 ? at : NOTHING;
  }

  /** A leaf that is a tree of its own. */
  leaf(id: Uint8Array, value: number): Subtree {
    const leaf = this.#freeLeaves.pop() ?? this.#newLeaf();
    this.#ids.set(id, leaf * HASH_LENGTH);
    this.#values[leaf] = value;
    return -leaf;
  }

  /** Puts a leaf, whose id is not in the tree, into the tree, and returns its root. */
  insert(root: Subtree, leaf: Subtree): Subtree {
    return this.#insert(root, leaf, 0);
  }

  /** Sets the value of a leaf of the tree. */
  change(root: Subtree, leaf: Subtree, value: number): void {
    this.#values[-leaf] = value;
    const id = this.id(leaf);
    let at = root;
    for (let depth = 0; at > 0; depth++) {
      this.#stale[at] = 1;
      at = this.#children[2 * at + bitAt(id, depth)] as number;
    }
  }

  /** Takes a leaf out of the tree, and returns the root of what is left. */
  remove(root: Subtree, leaf: Subtree): Subtree {
    const left = this.#remove(root, leaf, 0);
    this.#freeLeaves.push(-leaf);
    return left;
  }

  /** The hash of a subtree: a view that the next change may take away. */
  hash(subtree: Subtree): Uint8Array {
    if (subtree === NOTHING) return EMPTY_SUBTREE;
    if (subtree < 0) return revokedLeafHash(this.id(subtree), this.#valueBytes(subtree));
    const start = subtree * HASH_LENGTH;
    if (this.#stale[subtree] === 1) {
      const left = this.hash(this.left(subtree));
      const right = this.hash(this.right(subtree));
      this.#hashes.set(revokedNodeHash(left, right), start);
      this.#stale[subtree] = 0;
    }
    return this.#hashes.subarray(start, start + HASH_LENGTH);
  }

  leavesOf(subtree: Subtree): Iterable<Subtree> {
    return leavesBelow(this.#children, subtree);
  }

  /** The leaves of all trees as they are now, 48 bytes for each. */
  copyLeaves(): Leaves {
    const children = this.#children.slice(0, 2 * this.#nodes);
    const ids = this.#ids.slice(0, HASH_LENGTH * this.#leaves);
    const values = this.#values.slice(0, this.#leaves);
    return {
      id: (leaf) => idIn(ids, leaf),
      value: (leaf) => values[-leaf] as number,
      leavesOf: (subtree) => leavesBelow(children, subtree),
    };
  }

  #insert(at: Subtree, leaf: Subtree, depth: number): Subtree {
    if (at === NOTHING) return leaf;
    if (at < 0) return this.#part(at, leaf, depth);
    const child = 2 * at + bitAt(this.id(leaf), depth);
    const below = this.#insert(this.#children[child] as number, leaf, depth + 1);
    this.#children[child] = below;
    this.#stale[at] = 1;
    return at;
  }

  /** The subtree at a depth of two leaves that share more bits than that, or just as many. */
  #part(first: Subtree, second: Subtree, depth: number): Subtree {
    const one = this.id(first);
    let at = this.#newNode();
    const shared = sharedBits(one, this.id(second));
    const side = bitAt(one, shared);
    this.#children[2 * at + side] = first;
    this.#children[2 * at + 1 - side] = second;
    for (let above = shared - 1; above >= depth; above--) {
      const below = at;
      at = this.#newNode();
      const turn = bitAt(this.id(first), above);
      this.#children[2 * at + turn] = below;
      this.#children[2 * at + 1 - turn] = NOTHING;
    }
    return at;
  }

  #remove(at: Subtree, leaf: Subtree, depth: number): Subtree {
    if (at === leaf) return NOTHING;
    const child = 2 * at + bitAt(this.id(leaf), depth);
    const below = this.#remove(this.#children[child] as number, leaf, depth + 1);
    const sibling = this.#children[child ^ 1] as number;
    // A subtree of one entry is a leaf, however deep it stood.
    const alone =
      below === NOTHING && sibling < 0 ? sibling : below < 0 && sibling === NOTHING ? below : 0;
    if (alone < 0) {
      this.#freeNodes.push(at);
      return alone;
    }
    this.#children[child] = below;
    this.#stale[at] = 1;
    return at;
  }

  #newNode(): Subtree {
    const node = this.#freeNodes.pop() ?? this.#nodes++;
    if (node >= this.#stale.length) {
      const capacity = grown(node);
      this.#children = enlarged(this.#children, new Int32Array(2 * capacity));
      this.#hashes = enlarged(this.#hashes, new Uint8Array(HASH_LENGTH * capacity));
      this.#stale = enlarged(this.#stale, new Uint8Array(capacity));
    }
    this.#stale[node] = 1;
    return node;
  }

  #newLeaf(): number {
    const leaf = this.#leaves++;
    if (leaf >= this.#values.length) {
      const capacity = grown(leaf);
      this.#ids = enlarged(this.#ids, new Uint8Array(HASH_LENGTH * capacity));
      this.#values = enlarged(this.#values, new Float64Array(capacity));
    }
    return leaf;
  }
}

function idIn(ids: Uint8Array, leaf: Subtree): Uint8Array {
  return ids.subarray(-leaf * HASH_LENGTH, (1 - leaf) * HASH_LENGTH);
}

function* leavesBelow(children: Int32Array, subtree: Subtree): Generator<Subtree, void, undefined> {
  const waiting = [subtree];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at < 0) yield at;
    else if (at > 0) waiting.push(children[2 * at + 1] as number, children[2 * at] as number);
  }
}

/** Half as much again: a doubling would leave a set of a million with twice the memory that it needs. */
function grown(capacity: number): number {
  return Math.ceil(capacity * 1.5);
}

function enlarged<Elements extends { set(elements: Elements): void }>(
  old: Elements,
  larger: Elements,
): Elements {
  larger.set(old);
  return larger;
}

import type { TrustAnchor, VerifiedChain, VerifiedToken } from './chain.ts';
import { createRotationMemory } from './rotation/memory.ts';
import type { RotationMemory } from './rotation/succession.ts';

/** The verified beginning of a chain, as it stood under one verifier's configuration. */
export interface VerifiedPrefix {
  readonly anchor: TrustAnchor;
  readonly tokens: readonly VerifiedToken[];
  /** Set when the prefix has been presented as a whole chain. */
  chain: VerifiedChain | undefined;
}

interface Node extends VerifiedPrefix {
  readonly compact: string;
  /** The table this node stands in: that of its parent, or of the roots. */
  readonly siblings: Siblings;
  readonly children: Siblings;
}

/** Nodes by the end of their last token. */
type Siblings = Map<string, Node>;

/**
 * Where a token stands among its siblings: the end of its signature. To hash a whole token would cost as much as all
 * other work on a known one; a longer end would be no safer, since the whole text is compared, and slower.
 */
function placeOf(compact: string): string {
  return compact.slice(-12);
}

/**
 * Remembers verified prefixes of chains, so that a new last hop costs one signature and a known chain none.
 *
 * A tree: each node is found from its parent by the end of its token's signature, and taken only if the token's whole
 * text is the same; no hash stands in for it.
 * It never holds a denial, belongs to one verifier (one set of anchors and limits), and says nothing about time:
 * whoever takes a prefix out checks `exp` and `iat` again. Least recently used nodes leave first, and take along what
 * hangs below them.
 */
export class ChainCache {
  readonly #roots: Siblings = new Map();
  /** Every node, least recently used first. */
  readonly #nodes = new Set<Node>();
  readonly #maxCharacters: number;
  /** Statements that were verified; at most a quarter as much text again. */
  readonly rotations: RotationMemory;
  #characters = 0;

  /** @param maxCharacters bound on the token text that the cache keeps alive, in characters. */
  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
    this.rotations = createRotationMemory(Math.floor(maxCharacters / 8));
  }

  /** Prefixes held. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The longest beginning of this chain that was verified before. */
  longestPrefix(compacts: readonly string[]): VerifiedPrefix | undefined {
    let found: Node | undefined;
    for (const compact of compacts) {
      const next = (found?.children ?? this.#roots).get(placeOf(compact));
      if (next?.compact !== compact) break;
      this.#nodes.delete(next);
      this.#nodes.add(next);
      found = next;
    }
    return found;
  }

  /**
   * Adds the prefix that `token` makes after `before`, which this cache gave out; without it, a root.
   * Another text with the same end loses its place, and that is all it loses.
   */
  add(
    before: VerifiedPrefix | undefined,
    token: VerifiedToken,
    anchor: TrustAnchor,
  ): VerifiedPrefix {
    const { compact } = token;
    const parent = before as Node | undefined;
    const siblings = parent?.children ?? this.#roots;
    const known = siblings.get(placeOf(compact));
    if (known?.compact === compact) return known;
    const tokens = parent === undefined ? [token] : [...parent.tokens, token];
    const children: Siblings = new Map();
    const node: Node = { compact, anchor, tokens, chain: undefined, siblings, children };
    // A parent that left while this chain was being verified takes no more children.
    if (parent !== undefined && !this.#nodes.has(parent)) return node;
    if (known !== undefined) this.#remove(known);
    siblings.set(placeOf(compact), node);
    this.#nodes.add(node);
    this.#characters += compact.length;
    for (const oldest of this.#nodes) {
      if (this.#characters <= this.#maxCharacters) break;
      this.#remove(oldest);
    }
    return node;
  }

  /** Removes a node with all below it, so that nothing that was evicted stays alive through its descendants. */
  #remove(node: Node): void {
    node.siblings.delete(placeOf(node.compact));
    this.#nodes.delete(node);
    this.#characters -= node.compact.length;
    for (const child of node.children.values()) this.#remove(child);
  }
}

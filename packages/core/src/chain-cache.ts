import type { TrustAnchor, VerifiedChain, VerifiedToken } from './chain.ts';

/** The verified beginning of a chain, as it stood under one verifier's configuration. */
export interface VerifiedPrefix {
  readonly anchor: TrustAnchor;
  readonly tokens: readonly VerifiedToken[];
  /** Distinguishes this prefix from every other that the cache ever held. */
  readonly serial: number;
  readonly key: string;
  /** Set when the prefix has been presented as a whole chain. */
  chain: VerifiedChain | undefined;
}

/**
 * Remembers verified prefixes of chains, so that a new last hop costs one signature and a known chain none.
 *
 * A prefix is found by the serial of the prefix before it and the exact text of its last token: exact bytes, no hash.
 * It never holds a denial, belongs to one verifier (one set of anchors and limits), and says nothing about time:
 * whoever takes a prefix out checks `exp` and `iat` again. Least recently used prefixes leave first;
 * a child whose parent has left is unreachable and leaves in its turn.
 */
export class ChainCache {
  readonly #entries = new Map<string, VerifiedPrefix>();
  readonly #maxCharacters: number;
  #characters = 0;
  #nextSerial = 1;

  /** @param maxCharacters bound on the token text that the cache keeps alive, in characters. */
  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /** Prefixes held. */
  get size(): number {
    return this.#entries.size;
  }

  /** The longest beginning of this chain that was verified before. */
  longestPrefix(compacts: readonly string[]): VerifiedPrefix | undefined {
    let found: VerifiedPrefix | undefined;
    for (const compact of compacts) {
      const next = this.#entries.get(keyOf(found, compact));
      if (next === undefined) break;
      this.#entries.delete(next.key);
      this.#entries.set(next.key, next);
      found = next;
    }
    return found;
  }

  /** Adds the prefix that `token` makes after `before`. */
  add(
    before: VerifiedPrefix | undefined,
    token: VerifiedToken,
    anchor: TrustAnchor,
  ): VerifiedPrefix {
    const key = keyOf(before, token.compact);
    const tokens = before === undefined ? [token] : [...before.tokens, token];
    const entry: VerifiedPrefix = {
      anchor,
      tokens,
      serial: this.#nextSerial,
      key,
      chain: undefined,
    };
    this.#nextSerial += 1;
    if (!this.#entries.delete(key)) this.#characters += key.length;
    this.#entries.set(key, entry);
    for (const [oldest] of this.#entries) {
      if (this.#characters <= this.#maxCharacters) break;
      this.#entries.delete(oldest);
      this.#characters -= oldest.length;
    }
    return entry;
  }
}

function keyOf(before: VerifiedPrefix | undefined, compact: string): string {
  return `${before?.serial ?? 0} ${compact}`;
}

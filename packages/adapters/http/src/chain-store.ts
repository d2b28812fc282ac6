import { canonicalize, platform, type VerifiedChain } from '@taper/core';

/** The member of a presentation that names a chain by its hash, in the place of `aat_chain`. */
export const CHAIN_HASH = 'taper_chain_hash';

const NAME = /^[A-Za-z0-9_-]{43}$/;

/** Names a chain: base64url SHA-256 of the canonical JSON (RFC 8785) of the array of its tokens. */
export function chainHash(tokens: readonly string[]): string {
  return platform.sha256(new TextEncoder().encode(canonicalize(tokens)));
}

interface Entry {
  readonly tokens: readonly string[];
  readonly expiresAt: number;
  readonly root: string;
  readonly size: number;
}

/** What one root token may take of the store: its holder can derive chains without end, others must keep their place. */
const SHARE = 8;

/**
 * Chains that were presented once and are named by their hash. It holds verified chains only and gives out the same
 * tokens that came in, which are then judged as any: it saves bytes, never a check. Bounded; least recently used chains
 * leave first, those of a root that holds more than an eighth before all others; none outlives its leaf.
 */
export class ChainStore {
  readonly #maxCharacters: number;
  readonly #entries = new Map<string, Entry>();
  /** Characters held for each root. */
  readonly #held = new Map<string, number>();
  #characters = 0;

  /** @param maxCharacters of token text. */
  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @returns its name, or `undefined` when it is larger than its share. */
  add(chain: VerifiedChain): string | undefined {
    const tokens = chain.tokens.map(({ compact }) => compact);
    const size = tokens.reduce((sum, { length }) => sum + length, 0);
    const share = this.#maxCharacters / SHARE;
    if (size > share) return undefined;
    const name = chainHash(tokens);
    this.#remove(name);
    const root = (chain.tokens[0] as VerifiedChain['leaf']).hash;
    for (const [other, entry] of this.#entries) {
      if ((this.#held.get(root) ?? 0) + size <= share) break;
      if (entry.root === root) this.#remove(other);
    }
    for (const [oldest] of this.#entries) {
      if (this.#characters + size <= this.#maxCharacters) break;
      this.#remove(oldest);
    }
    this.#entries.set(name, { tokens, expiresAt: chain.leaf.claims.exp, root, size });
    this.#held.set(root, (this.#held.get(root) ?? 0) + size);
    this.#characters += size;
    return name;
  }

  /** @param now seconds since the epoch. */
  get(name: unknown, now: number): readonly string[] | undefined {
    if (typeof name !== 'string' || !NAME.test(name)) return undefined;
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    if (!(entry.expiresAt > now)) {
      this.#remove(name);
      return undefined;
    }
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry.tokens;
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#characters -= entry.size;
    const left = (this.#held.get(entry.root) ?? 0) - entry.size;
    if (left > 0) this.#held.set(entry.root, left);
    else this.#held.delete(entry.root);
  }
}

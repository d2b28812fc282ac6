import type { VerifiedChain } from '@taper/core';
import { MAX_CHAIN_TEXT } from './message.ts';

/** What one root token may take of a table: its holder can derive leaves without end, and others must keep their place. */
const SHARE = 8;

/** UTF-16 code units of token text that a place may hold on average; what a table keeps alive is bounded with it. */
const TEXT_PER_PLACE = 8192;

/** What a taker would take of one thing that is counted, and how much of it there is. */
interface Demand {
  readonly amount: number;
  readonly limit: number;
}

/** Counts what is held in a bounded table, altogether, for each root token and for each leaf: places, and the token text in them. */
export class Places {
  readonly #most: number;
  readonly #perRoot: number;
  readonly #perLeaf: number;
  readonly #held = new Map<string, number>();

  /** @param most altogether; an eighth of it, but at least one, for each root. */
  constructor(most: number, perLeaf: number) {
    this.#most = most;
    this.#perRoot = Math.ceil(most / SHARE);
    this.#perLeaf = perLeaf;
  }

  get isFull(): boolean {
    return this.#heldOf('places') >= this.#most;
  }

  /** Takes one place under every root and leaf of the chains, or none. */
  take(chains: readonly VerifiedChain[]): boolean {
    const demands = this.#demandsOf(chains);
    const hasRoom = [...demands].every(
      ([name, { amount, limit }]) => this.#heldOf(name) + amount <= limit,
    );
    if (!hasRoom) return false;
    for (const [name, { amount }] of demands) this.#held.set(name, this.#heldOf(name) + amount);
    return true;
  }

  /** Gives back what {@link take} took for the same chains. */
  free(chains: readonly VerifiedChain[]): void {
    for (const [name, { amount }] of this.#demandsOf(chains)) {
      const left = this.#heldOf(name) - amount;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
    }
  }

  #heldOf(name: string): number {
    return this.#held.get(name) ?? 0;
  }

  #demandsOf(chains: readonly VerifiedChain[]): ReadonlyMap<string, Demand> {
    const tokens = chains.flatMap((chain) => chain.tokens);
    const text = tokens.reduce((sum, { compact }) => sum + compact.length, 0);
    const demands = new Map<string, Demand>([
      ['places', { amount: 1, limit: this.#most }],
      ['text', { amount: text, limit: textOf(this.#most) }],
    ]);
    for (const chain of chains) {
      const root = chain.tokens[0]?.hash;
      demands.set(`root ${root}`, { amount: 1, limit: this.#perRoot });
      demands.set(`root text ${root}`, { amount: text, limit: textOf(this.#perRoot) });
      demands.set(`leaf ${chain.leaf.hash}`, { amount: 1, limit: this.#perLeaf });
    }
    return demands;
  }
}

/** The text that so many places may hold: at least what one hello may carry. */
function textOf(places: number): number {
  return Math.max(places * TEXT_PER_PLACE, MAX_CHAIN_TEXT);
}

import type { VerifiedChain } from '@taper/core';

/** What one root token may take of a table: its holder can derive leaves without end, and others must keep their place. */
const SHARE = 8;

/** Counts what is held in a bounded table, altogether, for each root token and for each leaf. */
export class Places {
  readonly #most: number;
  readonly #perRoot: number;
  readonly #perLeaf: number;
  readonly #held = new Map<string, number>();
  #taken = 0;

  /** @param most altogether; an eighth of it, but at least one, for each root. */
  constructor(most: number, perLeaf: number) {
    this.#most = most;
    this.#perRoot = Math.ceil(most / SHARE);
    this.#perLeaf = perLeaf;
  }

  get isFull(): boolean {
    return this.#taken >= this.#most;
  }

  /** Takes one place under every root and leaf of the chains, or none. */
  take(chains: readonly VerifiedChain[]): boolean {
    const limits = this.#limitsOf(chains);
    const hasRoom = [...limits].every(([name, limit]) => (this.#held.get(name) ?? 0) < limit);
    if (this.isFull || !hasRoom) return false;
    for (const name of limits.keys()) this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    this.#taken += 1;
    return true;
  }

  /** Gives back what {@link take} took for the same chains. */
  free(chains: readonly VerifiedChain[]): void {
    for (const name of this.#limitsOf(chains).keys()) {
      const left = (this.#held.get(name) ?? 0) - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
    }
    this.#taken -= 1;
  }

  #limitsOf(chains: readonly VerifiedChain[]): ReadonlyMap<string, number> {
    return new Map(
      chains.flatMap(({ tokens, leaf }): [string, number][] => [
        [`root ${tokens[0]?.hash}`, this.#perRoot],
        [`leaf ${leaf.hash}`, this.#perLeaf],
      ]),
    );
  }
}

/** How far behind the greatest number a request may come. */
export const WINDOW = 1024;

/**
 * Which sequence numbers were used: each passes once, and none that lies {@link WINDOW} or more behind the greatest
 * (as RFC 4303 section 3.4.3).
 */
export class SequenceWindow {
  #greatest = 0;
  /** One bit for each of the last {@link WINDOW} numbers, at the number's remainder. */
  readonly #used = new Uint32Array(WINDOW / 32);

  /** Whether the number could be used now; changes nothing. */
  look(sequence: number): 'free' | 'used' | 'old' {
    if (sequence > this.#greatest) return 'free';
    if (this.#greatest - sequence >= WINDOW) return 'old';
    return this.#isUsed(sequence) ? 'used' : 'free';
  }

  /** Uses the number if it is free; the answer is what {@link look} said before. */
  use(sequence: number): 'free' | 'used' | 'old' {
    const state = this.look(sequence);
    if (state !== 'free') return state;
    if (sequence > this.#greatest) this.#moveTo(sequence);
    const bit = sequence % WINDOW;
    this.#used[bit >>> 5] = (this.#used[bit >>> 5] as number) | (1 << (bit & 31));
    return 'free';
  }

  #isUsed(sequence: number): boolean {
    const bit = sequence % WINDOW;
    return ((this.#used[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  #moveTo(sequence: number): void {
    if (sequence - this.#greatest >= WINDOW) {
      this.#used.fill(0);
    } else {
      for (let passed = this.#greatest + 1; passed <= sequence; passed += 1) {
        const bit = passed % WINDOW;
        this.#used[bit >>> 5] = (this.#used[bit >>> 5] as number) & ~(1 << (bit & 31));
      }
    }
    this.#greatest = sequence;
  }
}

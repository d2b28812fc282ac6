import { TaperError } from '../error.ts';
import { EMPTY_ROOT, isHash, isLogNumber, nodeHash } from './merkle.ts';

/**
 * The right edge of a log: what is needed of a tree to append to it and to know its root, about log2(size) hashes
 * (a compact range from 0). It takes every entry in order, so whoever keeps one and compares its root with a checkpoint knows
 * that no entry was left out.
 */
export interface Frontier {
  /** Entries so far. */
  readonly size: number;
  /**
   * Appends the hash of the next leaf; or, with `width`, the root of the perfect subtree over the next `width` leaves.
   *
   * @throws TaperError `option_invalid` unless the hash is 32 bytes, `width` is a power of two, and the subtree is aligned: `width` divides `size`.
   */
  append(hash: Uint8Array, width?: number): void;
  /** The root at this size (RFC 6962 section 2.1), 32 bytes. */
  root(): Uint8Array;
  /** The roots of the perfect subtrees, the largest first: what {@link createFrontier} takes. */
  hashes(): readonly Uint8Array[];
  /** A frontier that goes on from here on its own. */
  copy(): Frontier;
}

/**
 * The frontier of an empty log, or of one of `size` entries whose perfect subtrees have these roots, largest first.
 *
 * @throws TaperError `option_invalid` when the hashes are not those of a log of that size: one of 32 bytes for each binary digit 1 of `size`.
 */
export function createFrontier(size = 0, hashes: readonly Uint8Array[] = []): Frontier {
  if (!isLogNumber(size)) throw invalid('The size of a log is a whole number below 2^53.');
  if (hashes.length !== onesOf(size) || !hashes.every(isHash)) {
    throw invalid(`The frontier of a log of ${size} entries has ${onesOf(size)} hashes.`);
  }
  return new CompactRange(size, hashes.map(copyOf));
}

class CompactRange implements Frontier {
  #size: number;
  readonly #hashes: Uint8Array[];

  constructor(size: number, hashes: Uint8Array[]) {
    this.#size = size;
    this.#hashes = hashes;
  }

  get size(): number {
    return this.#size;
  }

  append(hash: Uint8Array, width = 1): void {
    if (!isHash(hash)) throw invalid('A leaf or subtree is appended as its hash, 32 bytes.');
    if (!isPowerOfTwo(width) || this.#size % width !== 0) {
      throw invalid('A subtree has 2^n leaves and begins at a multiple of its width.');
    }
    const size = this.#size + width;
    if (!isLogNumber(size)) throw invalid('A log has fewer than 2^53 entries.');
    let node: Uint8Array = copyOf(hash);
    // Each binary digit 1 of the old size, from `width` up, is a subtree as wide as the one that came: the two are joined.
    for (let rest = this.#size / width; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      node = nodeHash(this.#hashes.pop() as Uint8Array, node);
    }
    this.#hashes.push(node);
    this.#size = size;
  }

  root(): Uint8Array {
    const root = this.#hashes.reduceRight<Uint8Array | undefined>(
      (right, left) => (right === undefined ? left : nodeHash(left, right)),
      undefined,
    );
    return copyOf(root ?? EMPTY_ROOT);
  }

  hashes(): readonly Uint8Array[] {
    return this.#hashes.map(copyOf);
  }

  copy(): Frontier {
    return new CompactRange(this.#size, [...this.#hashes]);
  }
}

/**
 * The widths of the maximal aligned perfect subtrees that cover the entries `from` (included) to `to` (not included), in order: at
 * most about 2 × log2(`to`) of them. `Frontier.append(hash, width)` takes one root for each.
 *
 * @throws TaperError `option_invalid` unless 0 ≤ `from` ≤ `to` < 2^53.
 */
export function subtreeWidths(from: number, to: number): readonly number[] {
  if (!isLogNumber(from) || !isLogNumber(to) || from > to) {
    throw invalid('A range of entries is given by two indexes in order.');
  }
  const widths: number[] = [];
  for (let at = from; at < to; ) {
    let width = 1;
    while (at % (2 * width) === 0 && 2 * width <= to - at) width *= 2;
    widths.push(width);
    at += width;
  }
  return widths;
}

/** The `slice` of a Buffer of Node would be no copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

function isPowerOfTwo(value: number): boolean {
  return isLogNumber(value) && onesOf(value) === 1;
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}

import { platform, TaperError } from '@taper/core';

/** UTF-16 code -> 6 bits, 255 for whatever is not in the alphabet of base64url. */
const BITS = new Uint8Array(65_536).fill(255);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
for (let bits = 0; bits < ALPHABET.length; bits += 1) BITS[ALPHABET.charCodeAt(bits)] = bits;

/** Characters of an identifier, and 32-bit words that it spells. */
const LENGTH = 43;
const WORDS = 8;

/** Rows in one piece of the table: it grows by pieces, so that nothing has to be there twice while it does. */
const PIECE_BITS = 14;
const PIECE = 1 << PIECE_BITS;

/** Identifiers that are looked up side by side, and what is known of them meanwhile. */
const AT_ONCE = 32;
const places: Uint32Array = new Uint32Array(AT_ONCE);
const seconds: Uint8Array = new Uint8Array(AT_ONCE);
const passed: Uint8Array = new Uint8Array(AT_ONCE);

/** The filter knows at most as many bits as the first four characters spell. */
const PREFIX_BITS = 24;
const LEAST_SLOTS = 1_024;

/**
 * Identifiers (base64url SHA-256, 43 characters), each with a time. Exact: what a small filter cannot rule out is looked up in
 * full. About 50 bytes for each identifier, and nanoseconds for one that is not there, however many there are.
 *
 * Whoever chooses identifiers cannot make them meet in one place: where they go depends on `seed`, which nobody knows.
 */
export class IdentifierTable {
  readonly #seed: Uint32Array;
  readonly #sought: Uint32Array = new Uint32Array(WORDS);
  #pieces: Uint32Array[] = [];
  #times: Float64Array[] = [];
  /** Row + 1 by place; 0 is free. A power of two of them, at most half of them taken. */
  #slots: Uint32Array = new Uint32Array(LEAST_SLOTS);
  #filter: Uint32Array = new Uint32Array(0);
  #filterShift = 0;
  #size = 0;
  /** Identifiers removed since the filter was made: it still lets them through. */
  #left = 0;

  /** @param seed 16 random bytes. */
  constructor(seed: Uint8Array) {
    this.#seed = new Uint32Array(Uint8Array.from(seed).buffer, 0, 4);
    this.#makeFilter();
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Index of the first of the identifiers that is there, -1 for none.
   * @throws {TaperError} `option_invalid` for what is no identifier.
   */
  firstOf(identifiers: readonly string[]): number {
    if (this.#size === 0) return -1;
    for (let start = 0; start < identifiers.length; start += AT_ONCE) {
      const end = Math.min(start + AT_ONCE, identifiers.length);
      if (!this.#mayHold(identifiers, start, end)) continue;
      for (let index = start; index < end; index += 1) {
        if (passed[index - start] === 0) continue;
        if (this.#find(identifiers[index] as string) !== -1) return index;
      }
    }
    return -1;
  }

  /** The time of an identifier; `undefined` when it is not there. */
  timeOf(identifier: string): number | undefined {
    const slot = this.#find(identifier);
    return slot === -1 ? undefined : this.#timeOf((this.#slots[slot] as number) - 1);
  }

  /**
   * Adds an identifier, or gives it a later time.
   * @returns whether anything changed.
   * @throws {TaperError} `option_invalid` for what is no identifier.
   */
  add(identifier: string, time: number): boolean {
    const known = this.#find(identifier);
    if (known !== -1) {
      const row = (this.#slots[known] as number) - 1;
      if (this.#timeOf(row) >= time) return false;
      this.#setTime(row, time);
      return true;
    }
    if (2 * (this.#size + 1) > this.#slots.length) this.#rehash(2 * this.#slots.length);
    const row = this.#size;
    if (row >> PIECE_BITS === this.#pieces.length) {
      this.#pieces.push(new Uint32Array(PIECE * WORDS));
      this.#times.push(new Float64Array(PIECE));
    }
    decode(identifier, this.#sought);
    this.#pieceOf(row).set(this.#sought, offsetOf(row));
    this.#setTime(row, time);
    this.#size += 1;
    this.#place(row);
    this.#mark(row);
    return true;
  }

  /** Removes what has a time up to and including this one. @returns how many those were. */
  prune(time: number): number {
    let pruned = 0;
    // Downwards: the row that takes the place of a removed one has been looked at.
    for (let row = this.#size - 1; row >= 0; row -= 1) {
      if (this.#timeOf(row) > time) continue;
      this.#remove(row);
      pruned += 1;
    }
    this.#left += pruned;
    if (this.#left > 1_024 && 4 * this.#left > this.#size) this.#shrink();
    return pruned;
  }

  *entries(): Iterable<{ readonly identifier: string; readonly time: number }> {
    for (let row = 0; row < this.#size; row += 1) {
      const at = offsetOf(row);
      const words = this.#pieceOf(row).subarray(at, at + WORDS);
      yield { identifier: encode(words), time: this.#timeOf(row) };
    }
  }

  /** The slot that holds an identifier, -1 for none. */
  #find(identifier: string): number {
    const sought = this.#sought;
    decode(identifier, sought);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = this.#home(sought, 0); ; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (row === -1) return -1;
      if (this.#isSought(row)) return slot;
    }
  }

  /**
   * Whether the filter lets any of them through; sets `passed`. All places are found before any is read: memory, which is what this waits for,
   * then reads them side by side.
   */
  #mayHold(identifiers: readonly string[], start: number, end: number): boolean {
    const shift = this.#filterShift;
    const count = end - start;
    for (let at = 0; at < count; at += 1) {
      const text = identifiers[start + at] as string;
      places[at] = prefixOf(text) >>> shift;
      seconds[at] = secondOf(text);
    }
    const filter = this.#filter;
    let any = 0;
    for (let at = 0; at < count; at += 1) {
      const place = places[at] as number;
      const word = place >>> 5;
      const first = (filter[word] as number) >>> (place & 31);
      const second = (filter[word ^ 1] as number) >>> (seconds[at] as number);
      any |= passed[at] = first & second & 1;
    }
    return any !== 0;
  }

  #isSought(row: number): boolean {
    const piece = this.#pieceOf(row);
    const at = offsetOf(row);
    const sought = this.#sought;
    for (let word = 0; word < WORDS; word += 1) if (piece[at + word] !== sought[word]) return false;
    return true;
  }

  /** Where an identifier belongs; it stands there or right behind. */
  #home(words: Uint32Array, at: number): number {
    const seed = this.#seed;
    let hash = 0;
    for (let each = 0; each < 4; each += 1) {
      hash = Math.imul(
        hash ^ (words[at + 2 + each] as number) ^ (seed[each] as number),
        0x9e3779b1,
      );
      hash ^= hash >>> 15;
    }
    return hash & (this.#slots.length - 1);
  }

  #place(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#home(this.#pieceOf(row), offsetOf(row));
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  }

  #slotOf(row: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#home(this.#pieceOf(row), offsetOf(row));
    while (slots[slot] !== row + 1) slot = (slot + 1) & mask;
    return slot;
  }

  #remove(row: number): void {
    this.#free(this.#slotOf(row));
    const last = this.#size - 1;
    if (last !== row) {
      const slot = this.#slotOf(last);
      const from = offsetOf(last);
      this.#pieceOf(row).set(this.#pieceOf(last).subarray(from, from + WORDS), offsetOf(row));
      this.#setTime(row, this.#timeOf(last));
      this.#slots[slot] = row + 1;
    }
    this.#size = last;
  }

  /** Empties a slot, and moves up what had to go past it. */
  #free(slot: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const row = (slots[next] as number) - 1;
      const home = this.#home(this.#pieceOf(row), offsetOf(row));
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = slots[next] as number;
      hole = next;
    }
    slots[hole] = 0;
  }

  #rehash(length: number): void {
    this.#slots = new Uint32Array(length);
    for (let row = 0; row < this.#size; row += 1) this.#place(row);
    this.#makeFilter();
  }

  /** Gives back what removed identifiers have taken. */
  #shrink(): void {
    const pieces = (this.#size + PIECE - 1) >> PIECE_BITS;
    this.#pieces.length = Math.min(this.#pieces.length, pieces);
    this.#times.length = this.#pieces.length;
    let length = this.#slots.length;
    while (length > LEAST_SLOTS && 8 * this.#size < length) length /= 2;
    if (length === this.#slots.length) this.#makeFilter();
    else this.#rehash(length);
  }

  /**
   * Eight bits for each slot, of which at most one in eight is set, as far as the prefix reaches. An identifier sets two, in words side by
   * side: memory is asked once for both, and one in sixty-four of those that are not there comes through.
   */
  #makeFilter(): void {
    const bits = Math.min(PREFIX_BITS, Math.log2(this.#slots.length) + 3);
    this.#filterShift = PREFIX_BITS - bits;
    this.#filter = new Uint32Array(2 ** bits / 32);
    this.#left = 0;
    for (let row = 0; row < this.#size; row += 1) this.#mark(row);
  }

  #mark(row: number): void {
    const first = this.#pieceOf(row)[offsetOf(row)] as number;
    const place = (first >>> 8) >>> this.#filterShift;
    const word = place >>> 5;
    this.#set(word, place & 31);
    this.#set(word ^ 1, (first >>> 3) & 31);
  }

  #set(word: number, bit: number): void {
    this.#filter[word] = (this.#filter[word] as number) | (1 << bit);
  }

  #pieceOf(row: number): Uint32Array {
    return this.#pieces[row >> PIECE_BITS] as Uint32Array;
  }

  #timeOf(row: number): number {
    return (this.#times[row >> PIECE_BITS] as Float64Array)[row & (PIECE - 1)] as number;
  }

  #setTime(row: number, time: number): void {
    (this.#times[row >> PIECE_BITS] as Float64Array)[row & (PIECE - 1)] = time;
  }
}

function offsetOf(row: number): number {
  return (row & (PIECE - 1)) * WORDS;
}

/** The first 24 bits. */
function prefixOf(text: string): number {
  if (text.length !== LENGTH) throw notAnIdentifier();
  const first = BITS[text.charCodeAt(0)] as number;
  const second = BITS[text.charCodeAt(1)] as number;
  const third = BITS[text.charCodeAt(2)] as number;
  const fourth = BITS[text.charCodeAt(3)] as number;
  if ((first | second | third | fourth) > 63) throw notAnIdentifier();
  return (first << 18) | (second << 12) | (third << 6) | fourth;
}

/** The five bits behind those. */
function secondOf(text: string): number {
  const bits = BITS[text.charCodeAt(4)] as number;
  if (bits > 63) throw notAnIdentifier();
  return bits >>> 1;
}

/** The words of an identifier, most significant first. Bits that nobody reads make no other identifier. */
function decode(text: string, words: Uint32Array): void {
  if (text.length !== LENGTH) throw notAnIdentifier();
  let all = 0;
  let held = 0;
  let count = 0;
  let word = 0;
  for (let index = 0; index < LENGTH; index += 1) {
    const bits = BITS[text.charCodeAt(index)] as number;
    all |= bits;
    if (count <= 26) {
      held = (held << 6) | bits;
      count += 6;
    } else {
      const over = count + 6 - 32;
      words[word] = (held << (6 - over)) | (bits >>> over);
      word += 1;
      held = bits & ((1 << over) - 1);
      count = over;
    }
    if (count === 32) {
      words[word] = held;
      word += 1;
      held = 0;
      count = 0;
    }
  }
  if (all > 63) throw notAnIdentifier();
}

function encode(words: Uint32Array): string {
  const bytes = new Uint8Array(4 * WORDS);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < WORDS; word += 1) view.setUint32(4 * word, words[word] as number);
  return platform.encodeBase64url(bytes);
}

function notAnIdentifier(): TaperError {
  return new TaperError('option_invalid', 'An identifier is base64url of a SHA-256.');
}

/** Bytes that hold the length of the bits. */
const LENGTH_SIZE = 2;

/** Reads a proof: bits that say what stands where, then the hashes and ids that they speak of. */
export class ProofReader {
  readonly #bits: Uint8Array;
  readonly #data: Uint8Array;
  #bit = 0;
  #at = 0;

  private constructor(bits: Uint8Array, data: Uint8Array) {
    this.#bits = bits;
    this.#data = data;
  }

  /** `undefined` when the proof is shorter than its bits. */
  static open(proof: Uint8Array): ProofReader | undefined {
    const start = LENGTH_SIZE + (((proof[0] ?? 0) << 8) | (proof[1] ?? 0));
    if (proof.length < start) return undefined;
    return new ProofReader(proof.subarray(LENGTH_SIZE, start), proof.subarray(start));
  }

  /** The next bit; `undefined` when there is none. */
  bit(): 0 | 1 | undefined {
    const byte = this.#bits[this.#bit >> 3];
    if (byte === undefined) return undefined;
    const bit = ((byte >> (7 - (this.#bit & 7))) & 1) as 0 | 1;
    this.#bit += 1;
    return bit;
  }

  /** The next bytes; `undefined` when there are not as many. */
  bytes(length: number): Uint8Array | undefined {
    if (this.#at + length > this.#data.length) return undefined;
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  /** Whether all was read, and the last byte of the bits is filled with zeros: a proof has one form. */
  isAtEnd(): boolean {
    if (this.#at !== this.#data.length || (this.#bit + 7) >> 3 !== this.#bits.length) return false;
    while ((this.#bit & 7) !== 0) if (this.bit() !== 0) return false;
    return true;
  }
}

import { bitAt, compareIds, type Sought } from '@taper/core';
import { type Forest, NOTHING, type Subtree } from './forest.ts';

/** Bits of a proof are counted in two bytes. */
const MAX_BIT_BYTES = 0xffff;

/** Writes what core's `openRevokedProof` reads: bits that say what stands where, then the hashes and ids that they speak of. */
export class ProofWriter {
  readonly #bits: number[] = [];
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  bit(bit: 0 | 1): void {
    this.#bits.push(bit);
  }

  /** Copies the bytes: those of a tree change with it. */
  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
    this.#length += bytes.length;
  }

  finish(): Uint8Array {
    const bitBytes = Math.ceil(this.#bits.length / 8);
    // 256 ids of 256 bits each, with two bits to a level, and a few for what is left.
    if (bitBytes > MAX_BIT_BYTES) throw new RangeError('a proof of more bits than ids can have');
    const proof = new Uint8Array(2 + bitBytes + this.#length);
    new DataView(proof.buffer).setUint16(0, bitBytes);
    for (const [at, bit] of this.#bits.entries())
      proof[2 + (at >> 3)] = (proof[2 + (at >> 3)] as number) | (bit << (7 - (at & 7)));
    let start = 2 + bitBytes;
    for (const part of this.#parts) {
      proof.set(part, start);
      start += part.length;
    }
    return proof;
  }
}

/** Writes one tree, from its root down to where each id stands or would stand; the ids ascend. `writeValue` adds what belongs behind the id of a leaf. */
export function proveTree<Id extends Sought>(
  writer: ProofWriter,
  forest: Forest,
  root: Subtree,
  ids: readonly Id[],
  writeValue: (leaf: Subtree, match: Id | undefined) => void,
): void {
  const write = (at: Subtree, from: number, to: number, depth: number): void => {
    if (from === to) {
      writer.bit(at === NOTHING ? 0 : 1);
      if (at !== NOTHING) writer.bytes(forest.hash(at));
    } else if (at > NOTHING) {
      writer.bit(1);
      let middle = from;
      while (middle < to && bitAt((ids[middle] as Id).id, depth) === 0) middle++;
      write(forest.left(at), from, middle, depth + 1);
      write(forest.right(at), middle, to, depth + 1);
    } else {
      writer.bit(0);
      writer.bit(at === NOTHING ? 0 : 1);
      if (at !== NOTHING) writeLeaf(at, ids.slice(from, to));
    }
  };
  const writeLeaf = (leaf: Subtree, within: readonly Id[]): void => {
    const id = forest.id(leaf);
    writer.bytes(id);
    writeValue(
      leaf,
      within.find((each) => compareIds(each.id, id) === 0),
    );
  };
  write(root, 0, ids.length, 0);
}

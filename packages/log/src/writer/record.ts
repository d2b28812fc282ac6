import { readBundle, writeBundle } from '../tile/bundle.ts';
import { HASH_SIZE } from '../tile/hashes.ts';
import type { TreeHead } from '../tile/load-edge.ts';

/** Entries as they are staged before they are committed: those from `start` on, and what the tree is with them. */
export interface StagedEntries {
  readonly start: number;
  readonly entries: readonly Uint8Array[];
  /** Root of the tree of `start` entries, 32 bytes. */
  readonly before: Uint8Array;
  /** Root of the tree of `start + entries.length` entries, 32 bytes. */
  readonly root: Uint8Array;
}

const VERSION = 1;
/** Version, start in 8 bytes, number of entries in 4, both roots. */
const HEADER = 13 + 2 * HASH_SIZE;

/** Version (1 byte), start (8, big-endian), number of entries (4), the roots before (32) and after (32), and the entries as in a bundle. */
export function writeRecord({ start, entries, before, root }: StagedEntries): Uint8Array {
  const body = writeBundle(entries);
  const bytes = new Uint8Array(HEADER + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setBigUint64(1, BigInt(start));
  view.setUint32(9, entries.length);
  bytes.set(before, 13);
  bytes.set(root, 13 + HASH_SIZE);
  bytes.set(body, HEADER);
  return bytes;
}

/** `undefined` for what `writeRecord` did not write. */
export function readRecord(bytes: Uint8Array): StagedEntries | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = Number(view.getBigUint64(1));
  const { entries, rest } = readBundle(bytes.subarray(HEADER));
  const sound =
    view.getUint8(0) === VERSION &&
    Number.isSafeInteger(start) &&
    entries.length === view.getUint32(9) &&
    rest === 0;
  if (!sound) return undefined;
  const before = new Uint8Array(bytes.subarray(13, 13 + HASH_SIZE));
  const root = new Uint8Array(bytes.subarray(13 + HASH_SIZE, HEADER));
  return { start, entries, before, root };
}

/** The record with which the records of a tree begin whose entries are all in tiles. */
export function writeBase({ size, root }: TreeHead): Uint8Array {
  return writeRecord({ start: size, entries: [], before: root, root });
}

import { HASH_LENGTH } from '../log-proof/merkle.ts';
import { isEntryTime } from './entry.ts';
import {
  bitAt,
  compareIds,
  EMPTY_SUBTREE,
  KEY_VALUE,
  revokedLeafHash,
  revokedNodeHash,
  revokedSetRoot,
  sharedBits,
} from './hash.ts';
import { ProofReader } from './proof-reader.ts';
import type { Sought, SoughtFamily, SoughtIds } from './query.ts';

/** What a proof says of the ids it was made for, in the set whose root it comes to. */
export interface Opening {
  /** 32 bytes. The proof says nothing unless this is the root of a set that is believed. */
  readonly root: Uint8Array;
  /** Those of the sought ids that are in the set, with the time of their entry: 0 for a key. A family is in none. */
  readonly present: ReadonlyMap<Sought, number>;
}

/**
 * Works out the root of the set from a proof, and which of the ids are in it (spec/revocation.md, "Revoked set"). `undefined` when
 * the proof does not have the form of one for just these ids: there is one form for each set and ids. Never throws. At most 256
 * hashes for each id.
 */
export function openRevokedProof(proof: Uint8Array, sought: SoughtIds): Opening | undefined {
  const reader = ProofReader.open(proof);
  if (reader === undefined) return undefined;
  const present = new Map<Sought, number>();
  const families = openTree(reader, sought.families, familyLeaf(reader, present));
  if (families === undefined) return undefined;
  const keys = openTree(reader, sought.keys, (_id, match) => {
    if (match !== undefined) present.set(match, 0);
    return KEY_VALUE;
  });
  if (keys === undefined) return undefined;
  const tenants = openTree(reader, sought.tenants, timeLeaf(reader, present));
  if (tenants === undefined || !reader.isAtEnd()) return undefined;
  return { root: revokedSetRoot(families, keys, tenants), present };
}

/** Reads the value of the leaf of an id from the proof; `match` is the sought id that it is. `undefined` when it is none. */
type LeafReader<Id extends Sought> = (
  id: Uint8Array,
  match: Id | undefined,
) => Uint8Array | undefined;

/** The value is a time. */
function timeLeaf(reader: ProofReader, present: Map<Sought, number>): LeafReader<Sought> {
  return (_id, match) => {
    const bytes = reader.bytes(TIME_LENGTH);
    if (bytes === undefined) return undefined;
    const time = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    if (!isEntryTime(time)) return undefined;
    if (match !== undefined) present.set(match, time);
    const value = new Uint8Array(HASH_LENGTH);
    value.set(bytes, HASH_LENGTH - TIME_LENGTH);
    return value;
  };
}

/** The value is the root of the family's own tree: worked out where the family is sought, else given. */
function familyLeaf(reader: ProofReader, present: Map<Sought, number>): LeafReader<SoughtFamily> {
  const tokenLeaf = timeLeaf(reader, present);
  return (_id, match) => {
    const root =
      match === undefined ? reader.bytes(HASH_LENGTH) : openTree(reader, match.tokens, tokenLeaf);
    // A family without revoked tokens has no leaf.
    return root === undefined || isEmpty(root) ? undefined : root;
  };
}

const TIME_LENGTH = 8;

/** What a subtree was found to be. An opaque one is not opened: some hash. */
type Kind = 'empty' | 'leaf' | 'node' | 'opaque';

/** The hash of a tree, from its root down to where each sought id stands or would stand; the ids ascend. */
function openTree<Id extends Sought>(
  reader: ProofReader,
  ids: readonly Id[],
  readLeaf: LeafReader<Id>,
): Uint8Array | undefined {
  /** Of the subtree that was opened last. */
  let kind: Kind = 'empty';

  const open = (from: number, to: number, depth: number): Uint8Array | undefined => {
    if (from === to) return openSibling();
    const isNode = reader.bit();
    if (isNode === 1) return openNode(from, to, depth);
    const isLeaf = isNode === undefined ? undefined : reader.bit();
    if (isLeaf === 1) return openLeaf(from, to, depth);
    kind = 'empty';
    return isLeaf === undefined ? undefined : EMPTY_SUBTREE;
  };

  /** A subtree in which nothing is sought. */
  const openSibling = (): Uint8Array | undefined => {
    const isPresent = reader.bit();
    if (isPresent === 1) {
      kind = 'opaque';
      const hash = reader.bytes(HASH_LENGTH);
      return hash === undefined || isEmpty(hash) ? undefined : hash;
    }
    kind = 'empty';
    return isPresent === undefined ? undefined : EMPTY_SUBTREE;
  };

  const openNode = (from: number, to: number, depth: number): Uint8Array | undefined => {
    if (depth >= HASH_LENGTH * 8) return undefined;
    let middle = from;
    while (middle < to && bitAt((ids[middle] as Id).id, depth) === 0) middle++;
    const left = open(from, middle, depth + 1);
    const leftKind = kind;
    const right = left === undefined ? undefined : open(middle, to, depth + 1);
    if (left === undefined || right === undefined) return undefined;
    // A node has two entries or more: one alone would be a leaf here, none would be empty.
    if (isLoneEntry(leftKind, kind) || isLoneEntry(kind, leftKind)) return undefined;
    kind = 'node';
    return revokedNodeHash(left, right);
  };

  const openLeaf = (from: number, to: number, depth: number): Uint8Array | undefined => {
    const id = reader.bytes(HASH_LENGTH);
    if (id === undefined || sharedBits(id, (ids[from] as Id).id) < depth) return undefined;
    let match: Id | undefined;
    for (let at = from; at < to; at++)
      if (compareIds((ids[at] as Id).id, id) === 0) match = ids[at];
    const value = readLeaf(id, match);
    kind = 'leaf';
    return value === undefined ? undefined : revokedLeafHash(id, value);
  };

  return open(0, ids.length, 0);
}

function isLoneEntry(one: Kind, other: Kind): boolean {
  return one === 'empty' && (other === 'leaf' || other === 'empty');
}

function isEmpty(hash: Uint8Array): boolean {
  for (const byte of hash) if (byte !== 0) return false;
  return true;
}

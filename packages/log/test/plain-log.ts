import {
  cosign,
  EMPTY_ROOT,
  leafHash,
  type NoteKey,
  nodeHash,
  noteKey,
  signCheckpoint,
  writeCheckpoint,
  writeNote,
} from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';

/** A log as RFC 6962 writes it down, without tiles: slow, and not by the code that is tested. */
export interface PlainLog {
  readonly origin: string;
  readonly key: NoteKey;
  readonly entries: readonly Uint8Array[];
  root(size: number): Uint8Array;
  /** PATH(index, D[size]) of RFC 6962 section 2.1.1. */
  inclusion(index: number, size: number): readonly Uint8Array[];
  /** PROOF(oldSize, D[size]) of RFC 6962 section 2.1.2. */
  consistency(oldSize: number, size: number): readonly Uint8Array[];
  /** The text of the checkpoint at that size. */
  body(size: number): string;
  /** The signed checkpoint at that size; with cosignatures of these witnesses at that time. */
  note(size: number, witnesses?: readonly TestKey[], time?: number): Promise<string>;
}

export interface PlainLogOptions {
  readonly origin?: string;
  readonly key?: TestKey;
  /** Sets one history apart from another. */
  readonly history?: string;
  /** The histories part at this index. Default 0. */
  readonly from?: number;
  readonly size?: number;
  readonly entry?: (index: number) => Uint8Array;
}

export const ORIGIN = 'log.example/authority';

export function plainLog(options: PlainLogOptions = {}): PlainLog {
  const { origin = ORIGIN, key = testKey('log'), history = '', from = 0, size = 40 } = options;
  const entryAt =
    options.entry ??
    ((index) => new TextEncoder().encode(`entry ${index}${index < from ? '' : history}`));
  const entries = Array.from({ length: size }, (_, index) => entryAt(index));
  const leaves = entries.map(leafHash);

  function head(hashes: readonly Uint8Array[]): Uint8Array {
    if (hashes.length === 0) return EMPTY_ROOT;
    if (hashes.length === 1) return hashes[0] as Uint8Array;
    const k = largestPowerBelow(hashes.length);
    return nodeHash(head(hashes.slice(0, k)), head(hashes.slice(k)));
  }
  function path(index: number, hashes: readonly Uint8Array[]): Uint8Array[] {
    if (hashes.length <= 1) return [];
    const k = largestPowerBelow(hashes.length);
    return index < k
      ? [...path(index, hashes.slice(0, k)), head(hashes.slice(k))]
      : [...path(index - k, hashes.slice(k)), head(hashes.slice(0, k))];
  }
  function proof(m: number, hashes: readonly Uint8Array[], known: boolean): Uint8Array[] {
    if (m === hashes.length) return known ? [] : [head(hashes)];
    const k = largestPowerBelow(hashes.length);
    return m <= k
      ? [...proof(m, hashes.slice(0, k), known), head(hashes.slice(k))]
      : [...proof(m - k, hashes.slice(k), false), head(hashes.slice(0, k))];
  }
  const root = (at: number): Uint8Array => head(leaves.slice(0, at));
  const body = (at: number): string => writeCheckpoint({ origin, size: at, root: root(at) });
  const name = origin.replaceAll(' ', '-');

  return {
    origin,
    key: noteKey(name, key.publicKey, 1),
    entries,
    root,
    body,
    inclusion: (index, at) => path(index, leaves.slice(0, at)),
    consistency: (old, at) =>
      old === 0 || old === at ? [] : proof(old, leaves.slice(0, at), true),
    async note(at, witnesses = [], time = 1) {
      const text = body(at);
      const own = await signCheckpoint(text, name, key.signer);
      const others = witnesses.map((each) => cosign(text, witnessName(each), each.signer, time));
      return writeNote(text, [own, ...(await Promise.all(others))]);
    },
  };
}

export function witnessName({ name }: TestKey): string {
  return `witness.example/${name}`;
}

export function witnessKey(key: TestKey): NoteKey {
  return noteKey(witnessName(key), key.publicKey, 4);
}

function largestPowerBelow(count: number): number {
  let k = 1;
  while (2 * k < count) k *= 2;
  return k;
}

/** Bytes of the longest entry: its length is written in 16 bits (C2SP tlog-tiles). */
export const MAX_ENTRY = 65_535;

/** Entries, each with its length before it in two bytes, big-endian (C2SP tlog-tiles, "Log entries"). */
export function writeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, { length }) => sum + 2 + length, 0));
  let at = 0;
  for (const entry of entries) {
    bytes[at] = entry.length >>> 8;
    bytes[at + 1] = entry.length & 0xff;
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bytes;
}

/** The entries of a bundle, as views of its bytes; those before the first that is cut short, and what is left over behind the last. */
export function readBundle(bytes: Uint8Array): {
  readonly entries: readonly Uint8Array[];
  /** Bytes behind the last whole entry. */
  readonly rest: number;
} {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const end = at + 2 + ((bytes[at] as number) << 8) + (bytes[at + 1] as number);
    if (end > bytes.length) break;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return { entries, rest: bytes.length - at };
}

import type { NoteKey } from '@taper/core';

/** Who vouches that a log only grows (C2SP tlog-witness), as the log's writer sees it. A port. */
export interface Witness {
  /** The witness's name and key, of type 4: what it sends counts only when it verifies under this key. */
  readonly key: NoteKey;
  /**
   * Shows a signed checkpoint, and the consistency proof from the size that the witness is thought to have seen last (0 and no
   * proof: none). Answers the lines of its signatures (each `— <name> <base64>`, with or without line end); or, when it has
   * seen another size, that size. Any exception: no cosignature this time.
   */
  cosign(
    note: string,
    oldSize: number,
    proof: readonly Uint8Array[],
  ): Promise<readonly string[] | { readonly size: number }>;
}

/** Where the static resources of a log are read: a {@link TileStore}, or a server (C2SP tlog-tiles). */
export interface TileSource {
  /**
   * The bytes at a path of tlog-tiles without the log's prefix, such as `tile/0/x001/234` or `tile/entries/000.p/7`;
   * `undefined` where there is nothing. What comes back is not believed before it is checked against a checkpoint.
   */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** One resource of a log. */
export interface TileFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What a writer has set down of entries that are not in tiles yet. */
export interface Staged {
  /** Whole records, in the order in which they were staged. */
  readonly records: readonly Uint8Array[];
  /** Bytes behind the last whole record: of a record that a crash cut short, or of one that was damaged. */
  readonly unreadable: number;
}

/**
 * Keeps the tiles and entry bundles of one log, and beside them the records of what is not in tiles yet. A port. It has one
 * writer; anybody may read.
 *
 * - `read` answers the bytes last written at a path, whole, or `undefined`.
 * - `write` is done when all files are durable: a process killed right after, or a power cut, does not lose them. Files never
 *   change: the same bytes again are fine, other bytes are an exception with code `log_forked`.
 * - `dropPartials` may remove the partial tiles (`<path>.p/<W>`) of full tiles that are there. It may do nothing.
 * - `stage` sets a record down behind those that are there, and is done when it is durable. The first one is set down by
 *   `restage`: where there is none, `stage` is an exception with code `log_forked`.
 * - `restage` sets one record down in place of all that are there, in one step: at any time there are the old ones or the new
 *   one.
 * - `staged` answers the records. One that is not whole ends them, and nothing behind it counts.
 * - After an exception from `write`, `stage` or `restage` it is not known whether it was done; a record that failed is there
 *   whole or not at all once the next one was staged.
 */
export interface TileStore extends TileSource {
  write(files: readonly TileFile[]): Promise<void>;
  dropPartials(paths: readonly string[]): Promise<void>;
  stage(record: Uint8Array): Promise<void>;
  restage(record: Uint8Array): Promise<void>;
  staged(): Promise<Staged>;
}

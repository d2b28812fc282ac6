/**
 * The authority's log, as far as the pump needs it. A port; `RevocationAuthority` of @taper/log is one. Nobody else appends entries
 * of type `authority` to it.
 *
 * - `appendAll` appends entries that follow each other, all of them or none, and is done when they are durable.
 * - `scan` gives every entry from `from` on. What was appended before and is not among them never comes into the log, also where
 *   `appendAll` has failed; it is an exception while that is not known.
 */
export interface EntryLog {
  /** Its origin. */
  readonly log: string;
  /** @returns index of the first. */
  appendAll(texts: readonly string[]): Promise<{ readonly index: number }>;
  scan(from: number): AsyncIterable<{ readonly index: number; readonly text: string }>;
}

/** Entries from `from` on, without a hole, and the latest checkpoint. Nothing of it is verified. */
export interface TailPage {
  readonly from: number;
  readonly entries: readonly string[];
  readonly checkpoint: string;
  /** Whether there are more entries before the checkpoint. */
  readonly more: boolean;
}

/** What is pushed. */
export type PushedEvent =
  | { readonly from: number; readonly entries: readonly string[] }
  | { readonly checkpoint: string };

/**
 * Where a follower gets a revocation log from: spec/revocation.md section 9. Nothing that comes from it is believed; a source that
 * lies makes the view grow old, and nothing else.
 */
export interface RevocationSource {
  /** What there is from an index on. Rejects when it cannot be had. */
  tail(from: number, signal: AbortSignal): Promise<TailPage>;
  /** What is pushed from an index on; ends or rejects when the connection does. A source need not push. */
  events?(from: number, signal: AbortSignal): AsyncIterable<PushedEvent>;
  /** The lines of a directory of agents that covers so many entries at least (spec/agent-directory.md). A source need not have one. */
  agents?(atLeast: number, signal: AbortSignal): AsyncIterable<string>;
  /** The lines of a snapshot, for a follower that begins. A source need not have one. */
  snapshot?(signal: AbortSignal): AsyncIterable<string>;
}

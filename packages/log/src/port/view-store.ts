import type { KnownRevocation } from '../revocation-view/revoked-table.ts';

/** How far a view of revocations has come in its log: what must never go back. */
export interface ViewPosition {
  /** Origin of the log. */
  readonly log: string;
  /** Entries under the greatest verified checkpoint, and that checkpoint as it was signed. */
  readonly size: number;
  readonly note: string;
  /** The roots of the perfect subtrees of the log at that size, largest first. */
  readonly frontier: readonly Uint8Array[];
  /** The last epoch record, 0 before the first; when it says the next is due. Times are seconds since the epoch. */
  readonly epoch: number;
  readonly nextUpdate: number;
  /** The greatest time that an entry had. */
  readonly time: number;
  /** Up to when every revocation is known: the time of an epoch record, or of this machine when its checkpoint came, whichever is less. */
  readonly asOf: number;
}

/** What a store has kept. */
export interface StoredView {
  readonly position: ViewPosition;
  readonly revoked: Iterable<KnownRevocation>;
}

/** What has changed since the last time. */
export interface ViewChange {
  readonly position: ViewPosition;
  /** What has been revoked since; some of it may be known to the store. */
  readonly revoked: readonly KnownRevocation[];
  /** Tokens whose `expiresAt` is this or less are forgotten. */
  readonly forgetUntil: number;
}

/**
 * Keeps what a view of one revocation log knows, for the next start. A port. One process writes to it.
 *
 * - `save` is done when everything is durable: a process killed right after, or a power cut, loses nothing. All of it is kept or
 *   nothing.
 * - A position of another log, of a smaller size or a lower epoch than is kept, and one of the same size with another frontier, is
 *   refused by an exception with the code `log_rolled_back`; nothing is changed.
 * - What is revoked twice holds as long, and reaches as far, as the stronger of the two; of a key that was replaced twice, the earlier end. Nothing else takes it away but `forgetUntil`.
 * - `load` gives what was last saved; `undefined` for a store that is new.
 */
export interface ViewStore {
  load(): StoredView | undefined | Promise<StoredView | undefined>;
  save(change: ViewChange): void | Promise<void>;
}

import { sameBytes } from '../tile/hashes.ts';
import { LogError } from './log-error.ts';

/** How far a log has come: what must never be forgotten and never go back. */
export interface StoredCheckpoint {
  /** The log's origin (C2SP tlog-checkpoint). */
  readonly origin: string;
  /** Entries that are durable and acknowledged. */
  readonly size: number;
  /** RFC 6962 root of the tree of these entries, 32 bytes. */
  readonly root: Uint8Array;
  /** The checkpoint that was published last, signed: of this size or a smaller one. `undefined` while there is none. */
  readonly note: string | undefined;
}

/**
 * Keeps the {@link StoredCheckpoint} of one log: a few hundred bytes on which all trust in the log rests. A port. Keep it apart
 * from the tiles, on a disk that no backup is ever restored to: with an old one, a log would sign a second history.
 *
 * - `read` answers what was last stored, `undefined` where nothing ever was.
 * - `replace` stores `next` when what is there equals `expected` in every member (`undefined`: nothing is there), and answers
 *   `replaced` once it is durable; otherwise it answers `conflict` and changes nothing. It is one step: of two that race with
 *   the same `expected`, one gets `conflict`; at any time the old one or the new one is there, whole.
 * - A `next` of another origin, of a smaller size, or of the same size with another root, is an exception with code
 *   `log_rolled_back`.
 * - After an exception it is not known whether `next` is there; the writer reads before it goes on.
 */
export interface CheckpointStore {
  read(): Promise<StoredCheckpoint | undefined>;
  replace(
    expected: StoredCheckpoint | undefined,
    next: StoredCheckpoint,
  ): Promise<'replaced' | 'conflict'>;
}

/** Whether two are the same in every member, or both are not there. For drivers. */
export function isSameCheckpoint(
  one: StoredCheckpoint | undefined,
  other: StoredCheckpoint | undefined,
): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.origin === other.origin &&
    one.size === other.size &&
    one.note === other.note &&
    sameBytes(one.root, other.root)
  );
}

/**
 * Refuses what would take a log back. For drivers.
 * @throws {LogError} `log_rolled_back`.
 */
export function requireForward(stored: StoredCheckpoint | undefined, next: StoredCheckpoint): void {
  if (stored === undefined) return;
  if (next.origin === stored.origin && next.size > stored.size) return;
  if (isSameCheckpoint({ ...stored, note: undefined }, { ...next, note: undefined })) return;
  throw new LogError(
    'log_rolled_back',
    'checkpoint',
    `A log of ${stored.size} entries cannot become one of ${next.size} entries, or another one.`,
    { hint: 'Its first history may have been seen. Begin a log with a new origin and a new key.' },
  );
}

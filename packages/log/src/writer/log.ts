import type { NoteKey } from '@taper/core';
import type { LogReader } from '../reader/log-reader.ts';
import type { Published } from './published.ts';

/**
 * A log that is being written. One process writes to a log at a time.
 *
 * `append`, `appendAll` and `publish` reject with {@link TaperError}s: `log_closed` after `close`; `log_unavailable` when a store
 * fails, or too much is waiting to be written: the log goes on as soon as the store does; `log_forked` when another writer was
 * at work, and `log_corrupt` when what is stored is damaged: from then on nothing is written or signed.
 */
export interface Log {
  readonly origin: string;
  /** The key that checkpoints are signed with, of type 1, under the origin as its name. */
  readonly key: NoteKey;
  /** Entries that are durable. */
  readonly size: number;
  /**
   * Appends an entry of at most 65,535 bytes, and is done when it is durable. Many at the same time share one write. After
   * `log_unavailable` it is not known whether the entry is in the log: it is only if `size` has come to include it.
   * @throws {TaperError} `entry_too_large`.
   */
  append(entry: Uint8Array): Promise<{ readonly index: number }>;
  /** Appends entries that follow each other, all of them or none. At least one. `index` is that of the first. */
  appendAll(entries: readonly Uint8Array[]): Promise<{ readonly index: number }>;
  /**
   * Signs a checkpoint of all that is durable, has it cosigned where there are witnesses, and stores it. Where nothing was
   * appended since the last one and there are no witnesses, the answer is the last one. Rejects with `log_unavailable` when too
   * few witnesses cosign, and with `log_rolled_back` when a witness has seen more of this log than is here: then nothing is
   * written any more.
   */
  publish(): Promise<Published>;
  /** The note that was published last. */
  checkpoint(): string | undefined;
  /** Reads what was published. */
  readonly reader: LogReader;
  /** Waits for what is being written. The stores are the caller's to close. */
  close(): Promise<void>;
}

/** What a witness remembers of one log: the latest checkpoint that it cosigned. */
export interface WitnessedCheckpoint {
  /** The log's identity, as in the first line of its checkpoints. */
  readonly origin: string;
  /** Number of entries, 0 to 2^53 − 1. */
  readonly size: number;
  /** Root hash of the tree of that size, 32 bytes. */
  readonly root: Uint8Array;
  /** The signed checkpoint: the signatures of the log that were verified, then those of the witness. */
  readonly note: string;
}

/** `replaced`: `next` is on the disk. `conflict`: the size on record is another one, and nothing was changed. */
export type WitnessWrite = 'replaced' | 'conflict';

/**
 * The latest cosigned checkpoint of each log (C2SP tlog-witness, `add-checkpoint`). A port: all processes of one witness share
 * one store, and it is what keeps the witness from ever cosigning two histories.
 *
 * - Comparing and writing are one step, also between processes: of two writers that expect the same size and write different
 *   ones, exactly one succeeds.
 * - `replaced` means that the record survives a crash of the machine.
 * - A record never gets smaller, and never changes its root at the same size: where the expected size is the one on record,
 *   such a write is refused by an exception.
 * - A store that cannot tell throws or rejects; the witness then signs nothing.
 */
export interface WitnessStore {
  /** The record of a log; `undefined` when none of its checkpoints was ever cosigned. */
  read(origin: string): WitnessedCheckpoint | undefined | Promise<WitnessedCheckpoint | undefined>;
  /** @param expectedSize of the record as it was read; 0 also where there was none. */
  replace(expectedSize: number, next: WitnessedCheckpoint): WitnessWrite | Promise<WitnessWrite>;
}

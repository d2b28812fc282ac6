/** A kind of store that is a SQLite file: how its files are known, and what an operator is told when something is wrong with one. */
export interface StoreFileKind {
  /** In messages: `store`, `view`. */
  readonly noun: string;
  /** Four letters as a number: what marks a SQLite file as one of this kind (`PRAGMA application_id`). */
  readonly applicationId: number;
  /** Of its tables (`PRAGMA user_version`); `undefined` where the tables say themselves which they are. */
  readonly version?: number;
  /** What somebody can do who may write to it; ends "Whoever can write to it can …". */
  readonly danger: string;
  /** What to do where it is damaged, or cannot be relied upon: sentences. */
  readonly remedy: string;
  /** What goes on while the disk is full: a sentence. */
  readonly whenFull: string;
}

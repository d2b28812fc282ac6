import { type Frontier, leafHash, TaperError } from '@taper/core';
import {
  type CheckpointStore,
  isSameCheckpoint,
  type StoredCheckpoint,
} from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import { writeRecord } from './record.ts';
import { type LogStores, otherWriter, type Recovered } from './recover.ts';

/** A step whose end is not known, because the checkpoint store failed. */
interface Step {
  readonly next: StoredCheckpoint;
  readonly frontier: Frontier;
  readonly entries: readonly Uint8Array[];
}

/** What is committed of a log, and the one way to commit more. Its methods are called one after the other. */
export class Committed {
  readonly #stores: LogStores;
  #stored: StoredCheckpoint;
  #frontier: Frontier;
  #doubt: Step | undefined;
  /** Committed entries that are not in tiles yet. */
  pending: Uint8Array[];
  pendingBytes: number;

  constructor(stores: LogStores, { stored, frontier, pending }: Recovered) {
    this.#stores = stores;
    this.#stored = stored;
    this.#frontier = frontier;
    this.pending = [...pending];
    this.pendingBytes = bytesOf(pending);
  }

  get stored(): StoredCheckpoint {
    return this.#stored;
  }

  /**
   * Commits entries; answers the index of the first. They are set down in the tile store, then the checkpoint store is brought
   * to them: that is when they count.
   * @throws {TaperError} `log_unavailable`, `log_forked`.
   */
  async commit(entries: readonly Uint8Array[]): Promise<number> {
    await this.settle();
    const frontier = this.#frontier.copy();
    const start = frontier.size;
    for (const entry of entries) frontier.append(leafHash(entry));
    const root = frontier.root();
    const record = writeRecord({ start, entries, before: this.#stored.root, root });
    await guard('journal', () => this.#stores.tiles.stage(record));
    const next = { ...this.#stored, size: frontier.size, root };
    await this.#replace({ next, frontier, entries });
    return start;
  }

  /** Keeps a checkpoint that is about to be shown. */
  async keepNote(note: string): Promise<void> {
    await this.settle();
    const next = { ...this.#stored, note };
    await this.#replace({ next, frontier: this.#frontier, entries: [] });
  }

  /** Finds out how a step ended that failed. What is there is written again, so that it is durable. */
  async settle(): Promise<void> {
    const step = this.#doubt;
    if (step === undefined) return;
    const { checkpoints } = this.#stores;
    const found = await guard('checkpoint', () => checkpoints.read());
    const done = isSameCheckpoint(found, step.next);
    if (found === undefined || !(done || isSameCheckpoint(found, this.#stored)))
      throw otherWriter();
    await guard('checkpoint', () => put(checkpoints, found, found));
    this.#doubt = undefined;
    if (done) this.#become(step);
  }

  async #replace(step: Step): Promise<void> {
    try {
      await put(this.#stores.checkpoints, this.#stored, step.next);
    } catch (cause) {
      if (isFinal(cause)) throw cause;
      this.#doubt = step;
      await this.settle();
      if (this.#stored !== step.next) throw unavailable('checkpoint', cause);
      return;
    }
    this.#become(step);
  }

  #become({ next, frontier, entries }: Step): void {
    this.#stored = next;
    this.#frontier = frontier;
    for (const entry of entries) this.pending.push(entry);
    this.pendingBytes += bytesOf(entries);
  }
}

async function put(
  checkpoints: CheckpointStore,
  expected: StoredCheckpoint,
  next: StoredCheckpoint,
): Promise<void> {
  if ((await checkpoints.replace(expected, next)) !== 'replaced') throw otherWriter();
}

/** Does what a store is asked; whatever it throws comes out as a {@link TaperError} of a log. */
export async function guard<Result>(item: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    throw isFinal(cause) || isUnavailable(cause) ? cause : unavailable(item, cause);
  }
}

const FINAL: ReadonlySet<string> = new Set(['log_corrupt', 'log_forked', 'log_rolled_back']);

/** Whether nothing may be written to the log any more. */
export function isFinal(error: unknown): boolean {
  return error instanceof TaperError && FINAL.has(error.code);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof TaperError && error.code === 'log_unavailable';
}

function unavailable(item: string, cause: unknown): TaperError {
  if (isUnavailable(cause)) return cause as TaperError;
  return new LogError(
    'log_unavailable',
    item,
    `The ${item} of the log cannot be written or read.`,
    {
      hint: 'Nothing that was acknowledged is lost. The log goes on when its store does.',
      cause,
    },
  );
}

function bytesOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, { length }) => sum + length, 0);
}

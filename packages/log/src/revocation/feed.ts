import { TaperError } from '@taper/core';
import type { Log } from '../writer/log.ts';

/** A run of entries as text, and a checkpoint. */
export interface FeedBatch {
  /** Index of the first. */
  readonly from: number;
  readonly entries: readonly string[];
}

/** A checkpoint that was published. */
export interface FeedCheckpoint {
  readonly note: string;
  readonly size: number;
}

/**
 * The end of a revocation log for who follows it: every entry as soon as it is durable, in order and without a hole; what is older
 * comes from the log's reader.
 */
export interface RevocationFeed {
  /** The index after the last durable entry. */
  readonly end: number;
  readonly checkpoint: FeedCheckpoint | undefined;
  /**
   * Entries from `from` to `to` (not included; at most {@link end}, or one entry that is durable before those in front of it): at
   * most 1,000, and at most `bytes` (default and most: 1 MB) unless the first alone is longer.
   * @throws {TaperError} `log_unavailable` when too many ask for what is no longer in memory; whatever the log's reader throws.
   */
  read(from: number, to: number, bytes?: number): Promise<FeedBatch>;
  /** Is called when something has come. @returns what ends that. */
  watch(listener: () => void): () => void;
}

/** The side of the feed that the authority fills. */
export interface FeedWriter {
  readonly feed: RevocationFeed;
  /** An entry that is durable; in whatever order they come, the feed ends before the first that has not. */
  entry(index: number, text: string): void;
  published(checkpoint: FeedCheckpoint): void;
}

const MAX_BATCH = 1000;
const MAX_BATCH_BYTES = 1_000_000;

/** Entries that are kept in memory when they are published already. */
const KEPT = 4096;

/** Who may wait for runs of older entries. */
const MAX_WAITING = 64;

const ENCODER = new TextEncoder();
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param start index of the first entry that is not in what was published. */
export function createFeed(log: Log, start: number): FeedWriter {
  /** `texts[i]` is entry `first + i`. */
  let texts: string[] = [];
  let first = start;
  const early = new Map<number, string>();
  const listeners = new Set<() => void>();
  let checkpoint: FeedCheckpoint | undefined;
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: whoever reads the log from its beginning holds up nobody who asks for what is new. */
  async function inTurn(read: () => Promise<FeedBatch>): Promise<FeedBatch> {
    if (waiting >= MAX_WAITING)
      throw new TaperError('log_unavailable', 'Too many ask for old entries of the log.');
    waiting += 1;
    const batch = turn.then(read);
    turn = batch.catch(() => undefined);
    try {
      return await batch;
    } finally {
      waiting -= 1;
    }
  }

  /** What is no longer in memory. */
  async function past(from: number, to: number, most: number): Promise<FeedBatch> {
    const entries: string[] = [];
    let bytes = 0;
    for await (const { entry } of log.reader.entries(from, Math.min(to, log.reader.head().size))) {
      bytes += entry.length;
      if (bytes > most && entries.length > 0) break;
      entries.push(UTF8.decode(entry));
    }
    return { from, entries };
  }

  const feed: RevocationFeed = {
    get end() {
      return first + texts.length;
    },
    get checkpoint() {
      return checkpoint;
    },
    async read(from, to, bytes = MAX_BATCH_BYTES) {
      const ahead = early.get(from);
      if (ahead !== undefined) return { from, entries: [ahead] };
      const last = Math.min(to, first + texts.length, from + MAX_BATCH);
      const most = Math.min(bytes, MAX_BATCH_BYTES);
      if (from >= first)
        return cut(from, texts.slice(from - first, Math.max(last - first, 0)), most);
      return last - from > 1 ? inTurn(() => past(from, last, most)) : past(from, last, most);
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    feed,
    entry(index, text) {
      const end = first + texts.length;
      if (index < end) return;
      early.set(index, text);
      for (let next = end; early.has(next); next++) {
        texts.push(early.get(next) as string);
        early.delete(next);
      }
      if (first + texts.length > end) tell();
    },
    published(next) {
      if (checkpoint !== undefined && next.size < checkpoint.size)
        throw new TaperError('log_rolled_back', 'A checkpoint is smaller than the one before it.');
      checkpoint = next;
      const surplus = Math.min(next.size - first, texts.length - KEPT);
      // In steps, so that the array is not copied for every entry.
      if (surplus >= KEPT) {
        texts = texts.slice(surplus);
        first += surplus;
      }
      tell();
    },
  };
}

/** As many of the entries as fit. Their text is mostly ASCII; three bytes at most for each code unit. */
function cut(from: number, entries: readonly string[], most: number): FeedBatch {
  let bytes = 0;
  let count = 0;
  for (const text of entries) {
    bytes += ENCODER.encode(text).length;
    if (bytes > most && count > 0) break;
    count += 1;
  }
  return { from, entries: count === entries.length ? entries : entries.slice(0, count) };
}

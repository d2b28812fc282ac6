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
  /** Entries from `from` to `to` (not included; at most {@link end}, or one entry that is durable before those in front of it): at most 1,000, and at most 1 MB unless the first alone is longer. */
  read(from: number, to: number): Promise<FeedBatch>;
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

export const MAX_BATCH = 1000;
export const MAX_BATCH_BYTES = 1_000_000;

/** Entries that are kept in memory when they are published already. */
const KEPT = 4096;

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
  const feed: RevocationFeed = {
    get end() {
      return first + texts.length;
    },
    get checkpoint() {
      return checkpoint;
    },
    async read(from, to) {
      const ahead = early.get(from);
      if (ahead !== undefined) return { from, entries: [ahead] };
      const last = Math.min(to, first + texts.length, from + MAX_BATCH);
      if (from >= first) return cut(from, texts.slice(from - first, Math.max(last - first, 0)));
      const read: string[] = [];
      const published = Math.min(last, log.reader.head().size);
      let bytes = 0;
      for await (const { entry } of log.reader.entries(from, published)) {
        bytes += entry.length;
        if (bytes > MAX_BATCH_BYTES && read.length > 0) break;
        read.push(UTF8.decode(entry));
      }
      return { from, entries: read };
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
function cut(from: number, entries: readonly string[]): FeedBatch {
  let bytes = 0;
  let count = 0;
  for (const text of entries) {
    bytes += ENCODER.encode(text).length;
    if (bytes > MAX_BATCH_BYTES && count > 0) break;
    count += 1;
  }
  return { from, entries: count === entries.length ? entries : entries.slice(0, count) };
}

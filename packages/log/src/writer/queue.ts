import { TaperError } from '@taper/core';
import { MAX_ENTRY } from '../tile/bundle.ts';
import type { LogLimits } from './limits.ts';

/** What one call appends. */
export interface Waiting {
  readonly entries: readonly Uint8Array[];
  /** @param index that of the first entry. */
  readonly resolve: (index: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes that an entry weighs beside its own, so that many empty ones do not wait for free. */
const OVERHEAD = 64;

/** Appends that wait for their turn. Bounded: what does not fit is refused at once. */
export interface WriteQueue {
  readonly isEmpty: boolean;
  /**
   * Waits for its turn; answers the index of the first entry. The bytes are copied.
   * @throws {TaperError} `entry_too_large`, `option_invalid`, `log_unavailable`.
   */
  offer(entries: readonly Uint8Array[]): Promise<number>;
  /** The calls whose entries are committed next: in order, each whole; one at least. */
  take(): readonly Waiting[];
}

export function createWriteQueue(limits: LogLimits): WriteQueue {
  let waiting: (Waiting & { readonly weight: number })[] = [];
  let entriesWaiting = 0;
  let bytesWaiting = 0;
  return {
    get isEmpty() {
      return waiting.length === 0;
    },
    offer(entries) {
      const weight = weigh(entries);
      if (entries.length > limits.waitingEntries || weight > limits.waitingBytes) {
        throw new TaperError('option_invalid', 'So much is not appended to a log in one call.', {
          hint: 'Append it in several calls, or raise the limits of the log.',
        });
      }
      const fits =
        entriesWaiting + entries.length <= limits.waitingEntries &&
        bytesWaiting + weight <= limits.waitingBytes;
      if (!fits) {
        throw new TaperError('log_unavailable', 'Too much is waiting to be written to the log.', {
          hint: 'Append less at a time, or wait for what was appended before.',
        });
      }
      const copies = entries.map((entry) => new Uint8Array(entry));
      entriesWaiting += entries.length;
      bytesWaiting += weight;
      return new Promise((resolve, reject) => {
        waiting.push({ entries: copies, weight, resolve, reject });
      });
    },
    take() {
      let count = 0;
      let bytes = 0;
      const end = waiting.findIndex(({ entries, weight }, place) => {
        count += entries.length;
        bytes += weight;
        return place > 0 && (count > limits.groupEntries || bytes > limits.groupBytes);
      });
      const group = end === -1 ? waiting : waiting.slice(0, end);
      waiting = end === -1 ? [] : waiting.slice(end);
      for (const { entries, weight } of group) {
        entriesWaiting -= entries.length;
        bytesWaiting -= weight;
      }
      return group;
    },
  };
}

function weigh(entries: readonly Uint8Array[]): number {
  if (!Array.isArray(entries) || entries.length === 0)
    throw new TaperError('option_invalid', 'At least one entry is appended at a time.');
  let weight = 0;
  for (const entry of entries as readonly unknown[]) {
    if (!(entry instanceof Uint8Array))
      throw new TaperError('option_invalid', 'An entry of a log is a Uint8Array.');
    if (entry.length > MAX_ENTRY) {
      throw new TaperError('entry_too_large', `An entry of a log has at most ${MAX_ENTRY} bytes.`, {
        hint: 'Log a hash of it, and keep the whole beside the log.',
      });
    }
    weight += entry.length + OVERHEAD;
  }
  return weight;
}

import {
  isPublicKey,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  signAuthorityEntry,
  TaperError,
} from '@taper/core';
import type { AuthorityStore, OutboxRecord } from '../port/store.ts';
import { StoreError } from '../store-error.ts';
import type { EntryLog } from './log.ts';
import { findPlace } from './place.ts';

/** Entries, and UTF-16 code units of their bodies, that go into the log at one time. */
const RUN = 256;
const RUN_LENGTH = 1_000_000;

/** Milliseconds between two runs that nobody waits for: what is handed over meanwhile comes into the log together. */
const REST = 20;

export interface EntryPumpOptions {
  readonly store: AuthorityStore;
  /** The log, as its one writer has it. */
  readonly log: EntryLog;
  /** Signs entries of the authority's log. */
  readonly signer: Signer;
  /** Keys that signed entries of this log before. */
  readonly formerKeys?: readonly PublicKey[];
  /** Milliseconds between two looks at the store. Default 250. */
  readonly interval?: number;
  /** Milliseconds that the signer has for the entries of one run. Default 10,000. */
  readonly patience?: number;
  /** Is told of every failure that nobody waits for. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

/**
 * Brings what the store hands over into the authority's log: each entry once, in order, whatever is killed when.
 *
 * A pump belongs to one tenure of the log's writer: whoever has lost the log and gets it back makes a new one.
 */
export interface EntryPump {
  /** Why nothing is brought into the log any more until somebody has looked: store and log do not belong together. */
  readonly failure: TaperError | undefined;
  /**
   * Finds its place in the log and goes on from there, again and again, until it is closed.
   * @throws {TaperError} `store_unusable` where the log has what the store has not: an old copy; `log_rolled_back` where it is the
   * other way round; `log_corrupt`; whatever store and log throw. Then it has not started.
   */
  start(): Promise<void>;
  /** Does not wait for the next look: something was handed over. */
  notify(): void;
  /**
   * Done when everything that was handed over before is in the log.
   * @throws {TaperError} as {@link start}; `signing_failed`.
   */
  flush(): Promise<void>;
  /** Ends what it is doing. What is not in the log yet comes there the next time. */
  close(): Promise<void>;
}

const OPTIONS: readonly (keyof EntryPumpOptions)[] = [
  'store',
  'log',
  'signer',
  'formerKeys',
  'interval',
  'patience',
  'onFailure',
];

/** @throws {TaperError} `option_invalid`. */
export function createEntryPump(options: EntryPumpOptions): EntryPump {
  requireKnownOptions(options, OPTIONS);
  const { store, log, signer, formerKeys = [], interval = 250, patience = 10_000 } = options;
  for (const [name, value] of Object.entries({ interval, patience }))
    if (!Number.isSafeInteger(value) || value < 1 || value > 60_000)
      throw new TaperError('option_invalid', `\`${name}\` must be 1 to 60000 milliseconds.`);
  const keys = [signer.publicKey, ...formerKeys];
  if (!keys.every(isPublicKey))
    throw new TaperError('option_invalid', 'A key was not made by importPublicKey.');

  /** The sequence of the last entry that is in the log and marked; `undefined` while that is to be found out. */
  let place: number | undefined;
  let failure: TaperError | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let resting: NodeJS.Timeout | undefined;
  let started = false;
  let running: Promise<void> | undefined;
  let waiting: Waiter[] = [];
  /** Something was handed over since the store was looked at. */
  let notified = false;

  /** Goes on until nothing is left. A failure leaves the place to be found out again. */
  async function pump(): Promise<void> {
    try {
      for (;;) {
        requireOpen();
        const isSure = place === undefined;
        place ??= await findPlace(store, log, keys);
        answer(place);
        notified = false;
        // Whoever comes from here on may wait for what is not seen yet.
        const expectant = waiting.length;
        const entries = fitting(await store.pendingEntries(RUN));
        if (entries[0]?.sequence === place + 1) {
          place = await bring(entries);
          if (started && entries.length < RUN && waiting.length === 0) {
            rest();
            break;
          }
        } else if (entries.length > 0 || expectant > 0) {
          if (isSure) throw new StoreError(undefined, 'The entries of the store do not go on.');
          // Another node was at work.
          place = undefined;
        } else if (!notified && waiting.length === 0) break;
      }
      running = undefined;
    } catch (cause) {
      running = undefined;
      place = undefined;
      if (isFinal(cause)) failure = cause;
      const refused = waiting;
      waiting = [];
      for (const { reject } of refused) reject(cause);
      if (refused.length === 0) tell(cause);
    }
  }

  function answer(reached: number): void {
    const done = waiting.filter(({ sequence }) => sequence <= reached);
    waiting = waiting.filter(({ sequence }) => sequence > reached);
    for (const { resolve } of done) resolve();
  }

  /** Done when the entry with this sequence is in the log, and those before it. */
  function reach(sequence: number): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ sequence, resolve, reject });
      running ??= pump();
    });
  }

  async function bring(entries: readonly OutboxRecord[]): Promise<number> {
    const signing = entries.map(({ sequence, body }) =>
      signAuthorityEntry(body, { log: log.log, sequence, signer }),
    );
    const texts = await within(patience, Promise.all(signing));
    requireOpen();
    const { index } = await log.appendAll(texts);
    const places = entries.map(({ sequence }, at) => ({ sequence, index: index + at }));
    await store.markEntries(places);
    return places.at(-1)?.sequence as number;
  }

  function requireOpen(): void {
    if (failure !== undefined) throw failure;
    if (closed) throw new TaperError('log_closed', 'The pump is closed.');
  }

  function look(): void {
    clearTimeout(timer);
    if (closed || failure !== undefined) return;
    running ??= pump();
    timer = setTimeout(look, interval);
  }

  /** Looks again in a moment, whether or not it is told to. */
  function rest(): void {
    clearTimeout(resting);
    resting = setTimeout(() => {
      resting = undefined;
      look();
    }, REST);
  }

  function tell(cause: unknown): void {
    if (closed) return;
    try {
      options.onFailure?.(cause);
    } catch {
      // Whoever is told has no say.
    }
  }

  return Object.freeze({
    get failure() {
      return failure;
    },
    async start(): Promise<void> {
      if (started) return;
      await reach(0);
      started = true;
      look();
    },
    notify(): void {
      notified = true;
      if (started && resting === undefined) look();
    },
    async flush(): Promise<void> {
      requireOpen();
      await reach(await store.lastSequence());
    },
    async close(): Promise<void> {
      closed = true;
      clearTimeout(timer);
      await running;
      clearTimeout(resting);
    },
  });
}

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** As many as go into the log at one time; one at least. */
function fitting(entries: readonly OutboxRecord[]): readonly OutboxRecord[] {
  let length = 0;
  const end = entries.findIndex(({ body }, at) => {
    length += body.length;
    return at > 0 && length > RUN_LENGTH;
  });
  return end === -1 ? entries : entries.slice(0, end);
}

/** Whether trying again would be wrong: store and log contradict each other. */
function isFinal(cause: unknown): cause is TaperError {
  return cause instanceof TaperError && FINAL.has(cause.code);
}

const FINAL: ReadonlySet<string> = new Set([
  'store_unusable',
  'log_rolled_back',
  'log_corrupt',
  'log_forked',
]);

async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TaperError('signing_failed', 'The signer has not answered in time.')),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

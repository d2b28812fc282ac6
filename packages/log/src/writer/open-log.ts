import {
  EMPTY_ROOT,
  type NoteKey,
  noteKey,
  requireKnownOptions,
  requireLogTrust,
  type Signer,
  signCheckpoint,
  TaperError,
  verifyCheckpointAsync,
  writeCheckpoint,
  writeNote,
} from '@taper/core';
import type { CheckpointStore } from '../port/checkpoint-store.ts';
import { LogError } from '../port/log-error.ts';
import type { TileStore } from '../port/tile-store.ts';
import type { Witness } from '../port/witness.ts';
import { createLogReader, type LogReader } from '../reader/log-reader.ts';
import { sameBytes } from '../tile/hashes.ts';
import type { TreeHead } from '../tile/load-edge.ts';
import { Committed, guard, isFinal } from './committed.ts';
import { createWitnessPanel, type WitnessPanel } from './cosignatures.ts';
import { type LogLimits, requireLimits } from './limits.ts';
import type { Log } from './log.ts';
import { type Published, readPublished } from './published.ts';
import { createWriteQueue } from './queue.ts';
import { writeBase } from './record.ts';
import { recover } from './recover.ts';
import { extend, loadTiledEnd, type TiledEnd } from './tiled-end.ts';

export interface LogOptions {
  /** Which log it is (C2SP tlog-checkpoint), such as `log.example.com/audit`; never changes, and no other log has it. */
  readonly origin: string;
  /** An Ed25519 key that signs for this log alone. */
  readonly signer: Signer;
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
  /**
   * Whether a new log is made when both stores are empty. Default: no; a log that is expected to be there and is not may be on a
   * disk that is missing, and a new one in its place would be a second history.
   */
  readonly create?: boolean;
  readonly witnesses?: readonly Witness[];
  /** How many of the witnesses have to cosign a checkpoint before it is published. Default: all. */
  readonly quorum?: number;
  /** Milliseconds that witnesses have to answer. Default: 5000. */
  readonly patience?: number;
  readonly limits?: Partial<LogLimits>;
}

const OPTION_NAMES = [
  'origin',
  'signer',
  'tiles',
  'checkpoints',
  'create',
  'witnesses',
  'quorum',
  'patience',
  'limits',
] as const;

/** So many times more may be staged when tiles cannot be made. */
const STAGED_SLACK = 4;

/**
 * Opens a log, or makes one. See {@link Log}. Its time does not depend on the size of the log.
 *
 * @throws {TaperError} `option_invalid`; `log_unavailable` when there is no log and `create` is not set, or a store fails;
 * `log_rolled_back` when a store is an old copy; `log_corrupt` and `log_forked` when what is stored is damaged or of two logs.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  requireKnownOptions(options, OPTION_NAMES);
  const { origin, signer, tiles, checkpoints, create = false } = options;
  const { witnesses = [], quorum = witnesses.length, patience = 5000 } = options;
  requireLimits(options.limits);
  const key = noteKey(origin, signer.publicKey, 1);
  const keys = witnesses.map((witness) => witness.key);
  requireLogTrust({ origin, keys: [key], witnesses: keys, quorum });
  const recovered = await guard('log', () => recover({ tiles, checkpoints }, origin, create));
  const panel =
    witnesses.length === 0
      ? undefined
      : createWitnessPanel({ origin, key, tiles, witnesses, quorum, patience });
  const published = readPublished(recovered.stored);
  if (published !== undefined)
    await panel?.askAtOpening(published.note, published, recovered.stored.size);
  const committed = new Committed({ tiles, checkpoints }, recovered);
  return new LogWriter(options, key, panel, committed, recovered.tiled, published);
}

class LogWriter implements Log {
  readonly origin: string;
  readonly key: NoteKey;
  readonly reader: LogReader;
  readonly #signer: Signer;
  readonly #tiles: TileStore;
  readonly #panel: WitnessPanel | undefined;
  readonly #committed: Committed;
  readonly #limits: LogLimits;
  readonly #queue: ReturnType<typeof createWriteQueue>;
  #tiled: TiledEnd;
  #published: Published | undefined;
  /** Why nothing is written any more. */
  #end: TaperError | undefined;
  #closed = false;
  #draining: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(
    options: LogOptions,
    key: NoteKey,
    panel: WitnessPanel | undefined,
    committed: Committed,
    tiled: TiledEnd,
    published: Published | undefined,
  ) {
    this.origin = options.origin;
    this.key = key;
    this.#signer = options.signer;
    this.#tiles = options.tiles;
    this.#panel = panel;
    this.#committed = committed;
    this.#tiled = tiled;
    this.#published = published;
    this.#limits = requireLimits(options.limits);
    this.#queue = createWriteQueue(this.#limits);
    const empty: TreeHead = { size: 0, root: EMPTY_ROOT };
    this.reader = createLogReader({ source: options.tiles, head: () => this.#published ?? empty });
  }

  get size(): number {
    return this.#committed.stored.size;
  }

  append(entry: Uint8Array): Promise<{ readonly index: number }> {
    return this.appendAll([entry]);
  }

  async appendAll(entries: readonly Uint8Array[]): Promise<{ readonly index: number }> {
    this.#requireOpen();
    const index = this.#queue.offer(entries);
    this.#draining ??= this.#drain();
    return { index: await index };
  }

  async publish(): Promise<Published> {
    this.#requireOpen();
    const result = this.#publishing.then(() => this.#publishNext());
    this.#publishing = result.catch(() => undefined);
    return await result;
  }

  checkpoint(): string | undefined {
    return this.#published?.note;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    await this.#publishing;
    await this.#turn;
  }

  /** Commits what waits, group by group; whatever comes while one is written is in the next. */
  async #drain(): Promise<void> {
    // Whatever is appended in this turn of the event loop belongs together.
    await Promise.resolve();
    while (!this.#queue.isEmpty) {
      await this.#inTurn(async () => {
        const group = this.#queue.take();
        try {
          await this.#makeRoom();
          let index = await this.#committed.commit(group.flatMap(({ entries }) => entries));
          for (const { entries, resolve } of group) {
            resolve(index);
            index += entries.length;
          }
        } catch (error) {
          for (const { reject } of group) reject(error);
          throw error;
        }
      }).catch(() => {
        if (this.#end === undefined) return;
        for (const { reject } of this.#queue.take()) reject(this.#end);
      });
    }
    this.#draining = undefined;
  }

  /** Makes tiles of what was committed when there is much of it. That may fail for a while. */
  async #makeRoom(): Promise<void> {
    const { pending, pendingBytes } = this.#committed;
    const { stagedEntries, stagedBytes } = this.#limits;
    const fill = Math.max(pending.length / stagedEntries, pendingBytes / stagedBytes);
    if (fill < 1) return;
    try {
      await this.#makeTiles();
    } catch (error) {
      if (isFinal(error) || fill >= STAGED_SLACK) throw error;
    }
  }

  /** Makes tiles of all that is committed, and forgets the records of it. */
  async #makeTiles(): Promise<void> {
    const { stored, pending } = this.#committed;
    if (this.#tiled.edge.size === stored.size) return;
    const { end, files, filled } = extend(this.#tiled, pending);
    if (end.edge.size !== stored.size || !sameBytes(end.edge.frontier().root(), stored.root)) {
      throw new LogError(
        'log_corrupt',
        'memory',
        'Hashing the same entries again gave another root.',
        {
          hint: 'The memory or the processor of this machine is faulty. What is stored has not been touched.',
        },
      );
    }
    await guard('tiles', () => this.#tiles.write(files));
    await guard('journal', () => this.#tiles.restage(writeBase(stored)));
    this.#tiled = end;
    this.#committed.pending = [];
    this.#committed.pendingBytes = 0;
    // Only room is lost when this fails.
    await this.#tiles.dropPartials(filled).catch(() => undefined);
  }

  async #publishNext(): Promise<Published> {
    const head = await this.#inTurn(async () => {
      await this.#committed.settle();
      await this.#makeTiles();
      const { size, root } = this.#committed.stored;
      // What is signed is what is stored: it is read back.
      await guard('tiles', () => loadTiledEnd(this.#tiles, { size, root }));
      return { size, root };
    });
    const last = this.#published;
    if (last?.size === head.size && this.#panel === undefined) return last;
    const signed = await this.#sign(head);
    const note = (await this.#inPanel(signed, head)) ?? signed;
    await this.#inTurn(() => this.#committed.keepNote(note));
    this.#published = Object.freeze({ ...head, note });
    return this.#published;
  }

  async #sign({ size, root }: TreeHead): Promise<string> {
    const { origin, key } = this;
    const body = writeCheckpoint({ origin, size, root });
    const note = writeNote(body, [await signCheckpoint(body, origin, this.#signer)]);
    const verdict = await verifyCheckpointAsync(note, {
      origin,
      keys: [key],
      witnesses: [],
      quorum: 0,
    });
    if (verdict.ok) return note;
    throw new TaperError('signing_failed', 'The signature of the checkpoint does not verify.', {
      hint: 'The signer and its public key do not belong together.',
    });
  }

  async #inPanel(signed: string, head: TreeHead): Promise<string | undefined> {
    try {
      return await this.#panel?.collect(signed, head);
    } catch (error) {
      throw this.#endedBy(error);
    }
  }

  #requireOpen(): void {
    if (this.#end !== undefined) throw this.#end;
    if (this.#closed) throw new TaperError('log_closed', `The log ${this.origin} is closed.`);
  }

  /** One after the other, and never again once the log has ended. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(async () => {
      if (this.#end !== undefined) throw this.#end;
      try {
        return await work();
      } catch (error) {
        throw this.#endedBy(error);
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #endedBy(error: unknown): unknown {
    if (isFinal(error)) this.#end ??= error as TaperError;
    return error;
  }
}

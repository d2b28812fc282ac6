import {
  createFrontier,
  type EpochRecord,
  type Frontier,
  type LogTrust,
  leafHash,
  type PublicKey,
  type RevokedEntry,
  type VerifiedAuthorityEntry,
  type VerifiedCheckpoint,
  verifyCheckpoint,
} from '@taper/core';
import type { ViewPosition } from '../port/view-store.ts';
import { type Expectation, readLogEntry } from './log-entry.ts';
import type { FollowerProblem, LogFault } from './problem.ts';

/** Seconds by which the log's clock may be ahead of this machine's (spec/revocation.md section 7, rule 6). */
const MAX_EPOCH_SKEW = 60;

/** Entries without a checkpoint whose hashes are kept one by one. A checkpoint further back cannot be compared any more. */
const MAX_LOOSE = 65_536;

/** Verified checkpoints by which a late answer is told from another history. */
const REMEMBERED = 256;

const UTF8 = new TextEncoder();

/** What became of a checkpoint. */
export type CheckpointOutcome =
  /** All entries under it were processed: this is how far the view has come. */
  | { readonly outcome: 'advanced'; readonly position: ViewPosition }
  /** It says nothing new. */
  | { readonly outcome: 'known' }
  /** It is verified, and covers entries that have not come yet. */
  | { readonly outcome: 'ahead' }
  /** The entries that came are not the log's. They were dropped, down to the last position. */
  | { readonly outcome: 'mismatch' }
  | { readonly outcome: 'refused' };

interface Epoch {
  readonly index: number;
  readonly record: EpochRecord;
}

/** A record of a snapshot that has been checked: the log goes on from there. */
export interface Start {
  readonly frontier: Frontier;
  readonly index: number;
  readonly record: EpochRecord;
}

export interface FollowedLogOptions {
  readonly trust: LogTrust;
  readonly authority: readonly PublicKey[];
  readonly position: ViewPosition | undefined;
  /** Called for whatever an entry revokes, before anything else is known of it. */
  readonly onRevoked: (revoked: readonly RevokedEntry[]) => void;
  /** Events of the authority that are wanted, and who is told of them: in no order, and some twice, each verified. */
  readonly statements?:
    | {
        readonly events: ReadonlySet<string>;
        take(statement: VerifiedAuthorityEntry, index: number): void;
      }
    | undefined;
  readonly report: (problem: Omit<FollowerProblem, 'log'>) => void;
}

/**
 * Entries of one log as somebody sends them, held against the log's signed checkpoints: nothing can be left out, put in, or moved
 * without the root showing it. Synchronous, without clock and network.
 */
export class FollowedLog {
  readonly #options: FollowedLogOptions;
  readonly #remembered: VerifiedCheckpoint[] = [];
  #position: ViewPosition | undefined;
  #verified: Frontier;
  #expected: Expectation;
  /** As {@link #verified}, further on by entries whose hashes are not kept. */
  #base: Frontier;
  /** Hashes of the entries after {@link #base}. */
  #loose: Uint8Array[] = [];
  /** Epoch records that no checkpoint covers yet. */
  #epochs: Epoch[] = [];
  #fault: { readonly index: number; readonly code: LogFault } | undefined;
  #isFaulty = false;

  constructor(options: FollowedLogOptions) {
    const { position } = options;
    this.#options = options;
    this.#position = position;
    this.#verified = createFrontier(position?.size, position?.frontier);
    this.#base = this.#verified.copy();
    this.#expected = expectationOf(position);
  }

  /** Index of the entry that comes next. */
  get size(): number {
    return this.#base.size + this.#loose.length;
  }

  /** Whether the log has broken its own rules under a verified checkpoint. It is never fresh again, for this follower. */
  get isFaulty(): boolean {
    return this.#isFaulty;
  }

  /**
   * Takes entries from `from` on. What is revoked applies in any case; those that came before count once.
   * @returns `gap` when entries are missing before them.
   */
  take(from: number, entries: readonly string[]): 'taken' | 'gap' {
    if (from > this.size) {
      // They are read again when their turn comes.
      for (const [at, text] of entries.entries()) this.#apply(text, from + at, IN_NO_ORDER);
      return 'gap';
    }
    for (const [at, text] of entries.entries()) {
      const index = from + at;
      if (index < this.size) continue;
      const { record, fault, next } = this.#apply(text, index, this.#expected);
      if (fault !== undefined) this.#fault ??= { index, code: fault };
      this.#expected = next;
      if (record !== undefined) this.#epochs.push({ index, record });
      this.#loose.push(leafHash(UTF8.encode(text)));
      if (this.#loose.length > MAX_LOOSE) this.#fold();
    }
    return 'taken';
  }

  /** Goes on from a snapshot: nothing of it counts until a checkpoint confirms its frontier. For a log of which nothing is known. */
  start({ frontier, index, record }: Start): void {
    if (this.#position !== undefined) return;
    this.#base = frontier.copy();
    this.#loose = [];
    this.#epochs = [{ index, record }];
    this.#fault = undefined;
    this.#expected = { epoch: record.epoch, time: record.time };
  }

  /** @param now seconds since the epoch. */
  checkpoint(note: string, now: number): CheckpointOutcome {
    if (note === this.#position?.note) return { outcome: 'known' };
    const verdict = verifyCheckpoint(note, this.#options.trust, { now });
    if (!verdict.ok) {
      this.#options.report({ code: verdict.problem });
      return { outcome: 'refused' };
    }
    const { checkpoint } = verdict;
    const { size } = checkpoint;
    if (this.#isOld(checkpoint)) return { outcome: 'known' };
    if (size < this.#verified.size) return this.#refuse('checkpoint_rollback', note);
    if (size === this.#verified.size) {
      if (isSame(checkpoint.root, this.#verified.root())) return { outcome: 'known' };
      return this.#refuse('checkpoint_fork', note);
    }
    if (this.#isFaulty) return { outcome: 'refused' };
    if (size > this.size) return { outcome: 'ahead' };
    const covered = this.#frontierAt(size);
    if (covered === undefined || !isSame(checkpoint.root, covered.root())) {
      this.#reset();
      this.#options.report({ code: 'entries_mismatch' });
      return { outcome: 'mismatch' };
    }
    if (this.#fault !== undefined && this.#fault.index < size) {
      this.#isFaulty = true;
      this.#options.report(this.#fault);
      return { outcome: 'refused' };
    }
    return { outcome: 'advanced', position: this.#advance(checkpoint, covered, now) };
  }

  #apply(text: string, index: number, expected: Expectation): ReturnType<typeof readLogEntry> {
    const { trust, authority, onRevoked, statements } = this.#options;
    const origin = { log: trust.origin, authority };
    const read = readLogEntry(text, index, expected, origin, statements?.events);
    if (read.statement !== undefined) statements?.take(read.statement, index);
    if (read.revoked.length > 0) onRevoked(read.revoked);
    return read;
  }

  /** Whether it is one of those that were verified before. */
  #isOld({ size, root }: VerifiedCheckpoint): boolean {
    return this.#remembered.some((each) => each.size === size && isSame(each.root, root));
  }

  #refuse(code: 'checkpoint_rollback' | 'checkpoint_fork', note: string): CheckpointOutcome {
    const known = this.#position?.note;
    this.#options.report({ code, ...(known === undefined ? {} : { notes: [known, note] }) });
    return { outcome: 'refused' };
  }

  #frontierAt(size: number): Frontier | undefined {
    if (size < this.#base.size) return undefined;
    const frontier = this.#base.copy();
    for (const leaf of this.#loose.slice(0, size - frontier.size)) frontier.append(leaf);
    return frontier;
  }

  #advance(checkpoint: VerifiedCheckpoint, covered: Frontier, now: number): ViewPosition {
    const { size } = checkpoint;
    const last = this.#epochs.findLast(({ index }) => index < size)?.record;
    this.#epochs = this.#epochs.filter(({ index }) => index >= size);
    this.#loose = this.#loose.slice(size - this.#base.size);
    this.#base = covered;
    this.#verified = covered.copy();
    this.#remembered.push(checkpoint);
    if (this.#remembered.length > REMEMBERED) this.#remembered.shift();
    const isAhead = last !== undefined && last.time > now + MAX_EPOCH_SKEW;
    if (isAhead) this.#options.report({ code: 'epoch_in_future' });
    const before = this.#position;
    const asOf = last === undefined || isAhead ? 0 : Math.min(last.time, now);
    this.#position = Object.freeze({
      log: this.#options.trust.origin,
      size,
      note: checkpoint.note,
      frontier: covered.hashes(),
      epoch: last?.epoch ?? before?.epoch ?? 0,
      nextUpdate: last?.nextUpdate ?? before?.nextUpdate ?? 0,
      // That of the last epoch: what came after it may be a little later, and is read again after a restart.
      time: Math.max(last?.time ?? 0, before?.time ?? 0),
      asOf: Math.max(asOf, before?.asOf ?? 0),
    });
    return this.#position;
  }

  /** Forgets every entry that no checkpoint has confirmed. What they have revoked was signed, and stays. */
  #reset(): void {
    this.#base = this.#verified.copy();
    this.#loose = [];
    this.#epochs = [];
    this.#fault = undefined;
    this.#expected = expectationOf(this.#position);
  }

  /** Keeps memory bounded while entries come without checkpoints. */
  #fold(): void {
    const folded = this.#loose.length / 2;
    for (const leaf of this.#loose.slice(0, folded)) this.#base.append(leaf);
    this.#loose = this.#loose.slice(folded);
    const { size } = this.#base;
    const last = this.#epochs.findLastIndex(({ index }) => index < size);
    this.#epochs = this.#epochs.slice(Math.max(last, 0));
  }
}

/** Entries that are read before their turn cannot be held against those before them. */
const IN_NO_ORDER: Expectation = { epoch: 0, time: 0 };

function expectationOf(position: ViewPosition | undefined): Expectation {
  return { epoch: position?.epoch ?? 0, time: position?.time ?? 0 };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

import {
  type LogProblem,
  type LogTrust,
  platform,
  TaperError,
  type VerifiedCheckpoint,
  verifyCheckpointAsync,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { createLogReader, type LogEntry } from '../reader/log-reader.ts';
import { compareCheckpoints } from './compare.ts';
import type { LogEvidence } from './evidence.ts';
import { type MonitorState, type MonitorStore, readState, writeState } from './state.ts';

/**
 * What a monitor finds: the closed list. `split_view`: two histories are signed, and the evidence proves it. `rolled_back`: a
 * smaller tree is served than was seen before. `inconsistent`: that the tree grew out of the one before is not shown: tiles are
 * missing or wrong. `entries_wrong`: entries are missing or are not those of the tree. `frozen`: nobody vouched for the
 * checkpoint in a long time. `identity_changed`: another log answers. `not_believed`: the checkpoint does not verify.
 * `unreachable`: no answer; nothing is known.
 */
export type MonitorFindingCode =
  | 'split_view'
  | 'rolled_back'
  | 'inconsistent'
  | 'entries_wrong'
  | 'frozen'
  | 'identity_changed'
  | 'not_believed'
  | 'unreachable';

export interface MonitorFinding {
  readonly code: MonitorFindingCode;
  /** Who showed it: `log`, the name of another view, or `state` for what was found at an earlier time. */
  readonly view: string;
  /** For `not_believed` and `identity_changed`: what verification said. */
  readonly problem?: LogProblem | undefined;
  /** The tile, bundle or entry that it is about. */
  readonly item?: string | undefined;
  /** Sizes of the trees that it is about: seen before, and shown now. */
  readonly sizes?: readonly [number, number] | undefined;
  /** For `frozen`: seconds. */
  readonly age?: number | undefined;
  readonly evidence?: LogEvidence | undefined;
  /** What was shown, where it is not in the evidence. */
  readonly shown?: string | undefined;
}

export interface MonitorReport {
  /** `good`: all is as it must be. `bad`: something is wrong with the log. `unknown`: nothing is, as far as could be seen. */
  readonly verdict: 'good' | 'bad' | 'unknown';
  readonly findings: readonly MonitorFinding[];
  /** The largest checkpoint that is consistent with all before; `undefined` while none was seen. */
  readonly checkpoint: VerifiedCheckpoint | undefined;
  /** Entries more than at the last look; `undefined` at the first. */
  readonly grown: number | undefined;
  /** Seconds since the checkpoint was vouched for: by as many witnesses as the quorum asks for, or, without any, since it was first seen. */
  readonly age: number | undefined;
}

/** Where else a checkpoint of the log is seen: a witness, a mirror, a friend. */
export interface CheckpointView {
  readonly name: string;
  /** The signed checkpoint; `undefined` when there is none. Throws when it cannot tell. */
  read(): Promise<string | undefined>;
}

export interface MonitorOptions {
  readonly trust: LogTrust;
  /** The log; it also reads `checkpoint`. */
  readonly source: TileSource;
  readonly store: MonitorStore;
  /** Seconds since the epoch, whole. */
  readonly clock: { now(): number };
  /** Seconds after which a checkpoint that nobody vouched for again counts as frozen. Default: never. */
  readonly maxAge?: number;
  /** Each is compared with what the log shows. */
  readonly views?: readonly CheckpointView[];
  /**
   * Is given each new entry, in order, checked against the tree. Where it throws, the look fails with that, and the entries come
   * again at the next. Without it, entries are not read.
   */
  readonly onEntry?: (entry: LogEntry) => void | Promise<void>;
  /** The first entry to read for who has seen none. Default 0. */
  readonly from?: number;
}

export interface Monitor {
  /**
   * Looks once. Finds are reported, not thrown.
   * @throws {TaperError} what the store or `onEntry` throws; `log_unverified` when the state is of another log.
   */
  look(): Promise<MonitorReport>;
}

/**
 * Follows a log: each checkpoint must grow out of the largest seen before, go with what others see, and be fresh. What it has
 * seen once it never gives up: not for a smaller tree, not for another log in its place, not after a restart.
 *
 * @throws {TaperError} `option_invalid`.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const { trust, source, store, clock, maxAge, views = [], onEntry, from = 0 } = options;
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge >= 1))
    throw new TaperError('option_invalid', '`maxAge` is a whole number of seconds.');

  /** What a view shows, if it is to be believed. */
  async function see(
    view: CheckpointView,
    wanted: LogTrust,
    now: number,
    findings: MonitorFinding[],
  ): Promise<VerifiedCheckpoint | undefined> {
    let note: string | undefined;
    try {
      note = await view.read();
    } catch (cause) {
      const item = cause instanceof LogError ? cause.item : undefined;
      findings.push({ code: 'unreachable', view: view.name, item });
      return undefined;
    }
    if (note === undefined) {
      findings.push({ code: 'unreachable', view: view.name });
      return undefined;
    }
    const verdict = await verifyCheckpointAsync(note, wanted, { now });
    if (verdict.ok) return verdict.checkpoint;
    const { problem } = verdict;
    const other = problem === 'origin_mismatch' || problem === 'signature_missing';
    const code = other ? 'identity_changed' : 'not_believed';
    findings.push({ code, view: view.name, problem, shown: note });
    return undefined;
  }

  /** Compares what is shown with what was seen; `true` when they are of one history. */
  async function goesWith(
    seen: VerifiedCheckpoint,
    shown: VerifiedCheckpoint,
    view: string,
    findings: MonitorFinding[],
  ): Promise<boolean> {
    const sizes = [seen.size, shown.size] as const;
    try {
      const compared = await compareCheckpoints(seen, shown, source);
      if (compared.verdict === 'consistent') return true;
      findings.push(
        compared.verdict === 'forked'
          ? { code: 'split_view', view, sizes, evidence: compared.evidence }
          : { code: 'inconsistent', view, sizes, item: compared.cause.item, shown: shown.note },
      );
    } catch (cause) {
      const item = cause instanceof LogError ? cause.item : undefined;
      findings.push({ code: 'unreachable', view: 'log', item });
    }
    return false;
  }

  /** `true` when all entries between are those of the tree. */
  async function readEntries(
    first: number,
    { size, root }: VerifiedCheckpoint,
    findings: MonitorFinding[],
  ): Promise<boolean> {
    if (onEntry === undefined || first >= size) return true;
    const reader = createLogReader({ source, head: () => ({ size, root }) });
    const entries = reader.entries(first, size)[Symbol.asyncIterator]();
    for (;;) {
      let next: IteratorResult<LogEntry>;
      try {
        next = await entries.next();
      } catch (cause) {
        if (!(cause instanceof LogError)) throw cause;
        const code = cause.code === 'log_unavailable' ? 'unreachable' : 'entries_wrong';
        findings.push({ code, view: 'log', item: cause.item });
        return false;
      }
      if (next.done === true) return true;
      await onEntry(next.value);
    }
  }

  async function look(): Promise<MonitorReport> {
    const now = clock.now();
    if (!Number.isSafeInteger(now) || now <= 0)
      throw new TaperError('option_invalid', 'The clock of a monitor gives no time.');
    const findings: MonitorFinding[] = [];
    const text = await store.read();
    const before = text === undefined ? undefined : await readState(text, trust);
    if (before?.evidence !== undefined)
      findings.push({ code: 'split_view', view: 'state', evidence: before.evidence });

    const shown = await see(logView(source), trust, now, findings);
    let state = before;
    if (shown !== undefined && (await accepts(before, shown, findings))) {
      const first = before?.checkpoint.size ?? from;
      if (await readEntries(first, shown, findings)) {
        const since = before?.checkpoint.size === shown.size ? before.since : now;
        state = { checkpoint: shown, since, evidence: before?.evidence };
      }
    }
    const known = state?.checkpoint;
    for (const view of views) {
      const other = await see(view, { ...trust, quorum: 0 }, now, findings);
      if (other !== undefined && known !== undefined)
        await goesWith(known, other, view.name, findings);
    }
    const age = state === undefined ? undefined : now - vouchedAt(state, trust.quorum);
    if (age !== undefined && maxAge !== undefined && age > maxAge)
      findings.push({ code: 'frozen', view: 'log', age });
    const evidence = findings.find((each) => each.evidence !== undefined)?.evidence;
    if (state !== undefined) {
      const next = writeState({ ...state, evidence: state.evidence ?? evidence });
      if (next !== text) await store.write(next);
    }
    const grown =
      before === undefined || state === undefined
        ? undefined
        : state.checkpoint.size - before.checkpoint.size;
    return { verdict: verdictOf(findings), findings, checkpoint: known, grown, age };
  }

  /** Whether what the log shows may take the place of what was seen before. */
  async function accepts(
    before: MonitorState | undefined,
    shown: VerifiedCheckpoint,
    findings: MonitorFinding[],
  ): Promise<boolean> {
    if (before === undefined) return true;
    const seen = before.checkpoint;
    if (!(await goesWith(seen, shown, 'log', findings))) return false;
    if (shown.size >= seen.size) return true;
    const sizes = [seen.size, shown.size] as const;
    findings.push({ code: 'rolled_back', view: 'log', sizes, shown: shown.note });
    return false;
  }

  return Object.freeze({ look });
}

/** The checkpoint that a log shows. */
function logView(source: TileSource): CheckpointView {
  return {
    name: 'log',
    async read() {
      const bytes = await source.read('checkpoint');
      // What is no text is no note either, and is reported as that.
      return bytes === undefined ? undefined : (platform.decodeUtf8(bytes) ?? '');
    },
  };
}

/** The time by which as many witnesses as the quorum asks for had seen the checkpoint as the latest. */
function vouchedAt({ checkpoint, since }: MonitorState, quorum: number): number {
  const times = checkpoint.cosigners.map(({ time }) => time).toSorted((a, b) => b - a);
  return quorum === 0 ? since : (times[quorum - 1] ?? since);
}

function verdictOf(findings: readonly MonitorFinding[]): MonitorReport['verdict'] {
  if (findings.length === 0) return 'good';
  return findings.every(({ code }) => code === 'unreachable') ? 'unknown' : 'bad';
}

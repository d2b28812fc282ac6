import { TaperError } from '@taper/core';
import { type AgentDirectory, createAgentDirectory } from '../agent-directory/directory.ts';
import { createMemoryViewStore } from '../memory/view-store.ts';
import type { ViewPosition } from '../port/view-store.ts';
import { createFollowedAgents } from './followed-agents.ts';
import { type CheckpointOutcome, FollowedLog, type FollowedLogOptions } from './followed-log.ts';
import { checkFollowerOptions, type RevocationFollowerOptions } from './follower-options.ts';
import { createHttpRevocationSource } from './http-source.ts';
import { KEY_ROTATED, readReplacedKey } from './replaced-key.ts';
import { createReporter } from './reporter.ts';
import { createRevokedTable, type KnownRevocation, REVOCATION_RETENTION } from './revoked-table.ts';
import { readSnapshot } from './snapshot.ts';
import { createUpkeep } from './upkeep.ts';
import type { LogView, ViewQuery, ViewVerdict } from './view.ts';

export type { RevocationFollowerOptions } from './follower-options.ts';

/** How a follower stands. Times are seconds since the epoch. */
export interface FollowerStatus {
  readonly log: string;
  /** Entries, epoch and time up to which everything is known; 0 where nothing is. */
  readonly size: number;
  readonly epoch: number;
  readonly asOf: number;
  /** Tokens, keys and tenants that are revoked. */
  readonly revoked: number;
  /** Whether news is being pushed. */
  readonly pushed: boolean;
  /** Whether the log broke its own rules. It is not fresh again before a restart. */
  readonly faulty: boolean;
}

/** A view of one revocation log that follows it: what an enforcement point asks as its `RevocationView`. */
export interface RevocationFollower extends LogView {
  status(): FollowerStatus;
  /** Agents by their keys; `undefined` unless they are followed. As old as the view, and unknown until all of them have been read. */
  readonly agents: AgentDirectory | undefined;
  /** Resolves when the view has advanced for the first time since it was opened, and all agents are known where they are followed; rejects when it is closed before. */
  readonly ready: Promise<void>;
  /** Asks for news now, and resolves when all that there is was taken. Never rejects. */
  poll(): Promise<void>;
  /** Stops following; what was learned is saved. The view answers what it knows, which grows old. */
  close(): Promise<void>;
}

/** Pages that are asked for in one turn: a log of 100 million entries. */
const MAX_PAGES = 100_000;

/** Seconds of the log's time between two sweeps for what has expired. */
const SWEEP = 60;

/** Seconds by which an epoch may be late before somebody is told. */
const MAX_DELAY = 10;

/**
 * Follows a revocation log (spec/revocation.md section 7): every entry in order, held against signed checkpoints. What is pushed makes
 * it fast, what is asked for makes it sure. A revocation that the authority signed applies at once; what is not revoked is known up
 * to the last epoch under a checkpoint all of whose entries were read, and was saved.
 *
 * Resolves when what was stored has been read; nothing is asked of the network before. Whoever's log is followed can revoke anything
 * here: follow none but those of the authorities that issue for this enforcement point.
 *
 * @throws {TaperError} `option_invalid`; what the store throws; `log_unverified` when it holds the view of another log.
 */
export async function openRevocationFollower(
  options: RevocationFollowerOptions,
): Promise<RevocationFollower> {
  const { trust, authority, capacity, pollInterval, snapshotFrom } = checkFollowerOptions(options);
  const { store = createMemoryViewStore(), clock = { now: systemTime }, push = true } = options;
  const log = trust.origin;
  const source =
    typeof options.source === 'string'
      ? createHttpRevocationSource(options.source)
      : options.source;
  const report = createReporter(log, options.report);
  const table = createRevokedTable();
  const listeners = new Set<() => void>();
  const stored = await store.load();
  if (stored !== undefined && stored.position.log !== log)
    throw new TaperError('log_unverified', `The store holds a view of ${stored.position.log}.`, {
      hint: `Each log needs a store of its own; this one is for ${log}.`,
    });
  for (const revoked of stored?.revoked ?? []) table.add(revoked);

  let position: ViewPosition | undefined = stored?.position;
  let unsaved: KnownRevocation[] = [];
  let isFull = false;
  let swept = 0;
  let isPushed = false;
  let hasAdvanced = false;
  let mayBegin = true;
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const closing = new AbortController();
  const agents =
    options.agents === true
      ? createFollowedAgents({ source, log, authority, from: position?.size ?? 0, report })
      : undefined;
  const statements = withReplacedKeys(agents?.statements, (statement, index) => {
    const replaced = readReplacedKey(statement.details);
    if (replaced === undefined) report({ code: 'authority_entry_malformed', index });
    else apply([{ kind: 'replaced', ...replaced }]);
  });
  const followed = new FollowedLog({
    trust,
    authority,
    position,
    onRevoked: apply,
    statements,
    report,
  });

  function apply(revoked: readonly KnownRevocation[]): void {
    const news = revoked.filter((each) => {
      if (table.size < capacity) return table.add(each);
      if (!isFull) report({ code: 'view_full' });
      isFull = true;
      return false;
    });
    if (news.length === 0) return;
    unsaved = unsaved.length === 0 ? news : unsaved.concat(news); // a snapshot has too many for `push`
    for (const listener of listeners) tell(listener);
  }

  /** What is not on the disk is not known after a restart, and so does not count as known. */
  async function advance(next: ViewPosition): Promise<void> {
    // What there was no room for must be read again after a restart: nothing behind it is kept as known.
    if (isFull) return;
    const added = unsaved;
    unsaved = [];
    try {
      const forgetUntil = next.asOf - REVOCATION_RETENTION;
      await store.save({ position: next, revoked: added, forgetUntil });
    } catch (cause) {
      unsaved = [...added, ...unsaved];
      report({ code: 'store_unavailable', cause });
      return;
    }
    if (next.asOf >= swept + SWEEP) {
      table.prune(next.asOf);
      swept = next.asOf;
    }
    position = next;
    hasAdvanced = true;
    tellReady();
  }

  /** Keys that were replaced before the first entry that was read are not known before there is a directory. */
  function isBlind(): boolean {
    return agents?.isCovered === false;
  }

  function tellReady(): void {
    if (hasAdvanced && !isBlind()) ready.resolve();
  }

  /** One after the other, so that no older position is saved after a newer one. */
  let advancing: Promise<void> = Promise.resolve();
  async function weigh(note: string): Promise<CheckpointOutcome['outcome']> {
    if (closing.signal.aborted) return 'known'; // the store may be closed by now
    const result = followed.checkpoint(note, clock.now());
    if (result.outcome === 'advanced') {
      advancing = advancing.then(() => advance(result.position));
      await advancing;
    }
    return result.outcome;
  }

  /** Also those that were replaced before a snapshot: of them a directory tells. */
  function findReplaced({ acting }: ViewQuery, now: number): ViewVerdict | undefined {
    if (table.replaced === 0 && agents === undefined) return undefined;
    const index = acting.findIndex(({ key, at = now }) => {
      const ends = [table.replacedFrom(key), agents?.register.replacedFrom(key)];
      // What cannot be compared is not earlier.
      return ends.some((end) => end !== undefined && !(at < end));
    });
    return index === -1 ? undefined : { verdict: 'rotated', index };
  }

  async function begin(): Promise<void> {
    if (source.snapshot === undefined || !mayBegin) return;
    mayBegin = false; // one that did not do would not do the next time
    const snapshot = await readSnapshot(source.snapshot(closing.signal), trust, clock.now()).catch(
      (cause: unknown) => void report({ code: 'source_unavailable', cause }),
    );
    if (snapshot === undefined) return report({ code: 'snapshot_invalid' });
    if (followed.size > 0) return;
    followed.start(snapshot.start);
    agents?.beginAt(followed.size);
    apply(snapshot.revoked);
  }

  async function catchUp(): Promise<void> {
    let mismatches = 0;
    for (let page = 0; page < MAX_PAGES && !closing.signal.aborted; page += 1) {
      const { size } = followed;
      const { from, entries, checkpoint, more } = await source.tail(size, closing.signal);
      if (more && size === 0 && (await isLong(checkpoint))) {
        await begin();
        if (followed.size > 0) continue;
      }
      followed.take(from, entries);
      const outcome = await weigh(checkpoint);
      if (outcome === 'mismatch') {
        // What was pushed may have been no part of the log: once more, from what is sure.
        pushing.restart();
        mismatches += 1;
        if (mismatches > 1) return;
        // Only a checkpoint that the log has signed says that there is more; of a faulty log, all that it revokes counts.
      } else if (!more || (outcome !== 'ahead' && !followed.isFaulty)) return;
      else if (followed.size === size) return; // a page without anything on it, and more of them
    }
  }

  async function isLong(note: string): Promise<boolean> {
    const size = Number(note.split('\n', 2)[1]);
    return size >= snapshotFrom;
  }

  async function pollOnce(): Promise<void> {
    try {
      await catchUp();
    } catch (cause) {
      if (!closing.signal.aborted) report({ code: 'source_unavailable', cause });
    }
    if (!closing.signal.aborted) await agents?.complete(closing.signal);
    tellReady();
    const due = position?.nextUpdate;
    if (due !== undefined && clock.now() > due + MAX_DELAY) report({ code: 'epoch_overdue' });
  }

  async function listen(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of source.events?.(followed.size, signal) ?? []) {
        if ('entries' in event) {
          isPushed = true;
          if (followed.take(event.from, event.entries) === 'gap') void polling.now();
        } else {
          const outcome = await weigh(event.checkpoint);
          if (outcome === 'ahead' || outcome === 'mismatch') void polling.now();
          // Of a log that is faulty nothing is fresh any more, and what it revokes counts all the same.
          if (outcome === 'mismatch' || (outcome === 'refused' && !followed.isFaulty)) return;
          isPushed = true;
        }
      }
    } catch (cause) {
      if (!signal.aborted) report({ code: 'source_unavailable', cause });
    } finally {
      isPushed = false;
    }
  }

  const { polling, pushing } = createUpkeep({
    poll: pollOnce,
    pollInterval,
    listen: push && source.events !== undefined ? listen : undefined,
    closed: closing.signal,
  });

  return Object.freeze<RevocationFollower>({
    log,
    agents:
      agents &&
      createAgentDirectory(agents.register, () => (agents.isComplete ? (position?.asOf ?? 0) : 0)),
    ready: ready.promise,
    check: (query: ViewQuery, now: number): ViewVerdict => {
      const found = table.find(query) ?? findReplaced(query, now);
      if (found !== undefined) return found;
      if (isFull)
        throw new TaperError('store_unavailable', 'More is revoked than the view has room for.', {
          hint: 'Raise `capacity`.',
        });
      for (const each of query.logs) if (each !== log) return { verdict: 'unknown_log' };
      const epoch = query.epochs.size === 0 ? undefined : query.epochs.get(log);
      if (epoch !== undefined && !(epoch <= (position?.epoch ?? 0))) return { verdict: 'behind' };
      return { verdict: 'good', asOf: isBlind() ? 0 : (position?.asOf ?? 0) };
    },
    onRevoked(listener) {
      const own = (): void => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    status: () => ({
      log,
      size: position?.size ?? 0,
      epoch: position?.epoch ?? 0,
      asOf: position?.asOf ?? 0,
      revoked: table.size - table.replaced,
      pushed: isPushed,
      faulty: followed.isFaulty,
    }),
    poll: polling.now,
    async close() {
      closing.abort();
      ready.reject(new TaperError('log_closed', 'The view was closed.'));
      await advancing;
      if (unsaved.length > 0 && position !== undefined) await advance(position);
    },
  });
}

/** Beside what somebody else wants to know of the authority: which keys were replaced. */
function withReplacedKeys(
  others: FollowedLogOptions['statements'],
  take: NonNullable<FollowedLogOptions['statements']>['take'],
): FollowedLogOptions['statements'] {
  return {
    events: new Set([...(others?.events ?? []), KEY_ROTATED]),
    take(statement, index) {
      if (statement.event === KEY_ROTATED) take(statement, index);
      if (others?.events.has(statement.event)) others.take(statement, index);
    },
  };
}

/** What is revoked is revoked, whatever becomes of those who want to hear of it. */
function tell(listener: () => void): void {
  try {
    listener();
  } catch (cause) {
    process.emitWarning(cause instanceof Error ? cause : String(cause));
  }
}

function systemTime(): number {
  return Math.floor(Date.now() / 1000);
}

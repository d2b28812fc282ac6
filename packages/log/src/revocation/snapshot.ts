import { platform, type RevokedEntry, TaperError, writeEpochRecord } from '@taper/core';
import type { Log } from '../writer/log.ts';
import { HEADERS } from './answer.ts';
import type { RevocationAuthority } from './authority.ts';
import { streamLines } from './line-stream.ts';
import type { LoggedEpoch } from './state.ts';

/** The set of one epoch, and what proves that it is that. */
interface Capture {
  readonly header: string;
  readonly members: Iterable<RevokedEntry>;
}

/**
 * Milliseconds for which one capture serves all who ask, at least: they read the rest from the log. While a large set is copied,
 * nothing else is done; so the copy serves as many times as long as it took.
 */
const SHARED = 60_000;
const SHARED_TIMES = 1000;

/** Gives snapshots (spec/revocation.md section 9.4). */
export interface SnapshotSource {
  /**
   * @param onEnd is called once, when the answer is read, given up or refused.
   * @throws {TaperError} `log_unavailable` when no epoch is published in time.
   */
  answer(onEnd: () => void): Promise<Response>;
}

/** @param monotonic milliseconds of a clock that only goes forward. */
export function createSnapshotSource(
  log: Log,
  authority: RevocationAuthority,
  monotonic: () => number,
): SnapshotSource {
  let latest: Promise<Capture> | undefined;
  let sharedUntil = 0;

  async function capture(): Promise<Capture> {
    const { epoch, members } = await atEpoch(authority, (found) => {
      const began = monotonic();
      const captured = { epoch: found, members: authority.state.set.copyEntries() };
      const ended = monotonic();
      sharedUntil = ended + Math.max(SHARED, SHARED_TIMES * (ended - began));
      return captured;
    });
    const { note, size } = await published(authority, epoch.index);
    const [inclusion, frontier] = await Promise.all([
      log.reader.inclusionProof(epoch.index, size),
      log.reader.frontier(epoch.index + 1),
    ]);
    const texts = (hashes: readonly Uint8Array[]): string[] =>
      hashes.map((hash) => platform.encodeBase64url(hash));
    const header = JSON.stringify({
      epoch_index: epoch.index,
      epoch: writeEpochRecord(epoch.record),
      inclusion: texts(inclusion),
      checkpoint: note,
      frontier: texts(frontier.hashes()),
    });
    return { header, members };
  }

  return {
    async answer(onEnd) {
      if (latest === undefined || monotonic() > sharedUntil) {
        sharedUntil = monotonic() + SHARED;
        latest = capture();
        latest.catch(() => {
          latest = undefined;
        });
      }
      try {
        const { header, members } = await latest;
        return new Response(streamLines(header, linesOf(members), onEnd), {
          headers: { ...HEADERS, 'Content-Type': 'application/x-ndjson' },
        });
      } catch (cause) {
        onEnd();
        throw cause;
      }
    },
  };
}

function* linesOf(members: Iterable<RevokedEntry>): Generator<string> {
  for (const member of members) yield lineOf(member);
}

function lineOf(member: RevokedEntry): string {
  switch (member.kind) {
    case 'token':
      return JSON.stringify(['token', member.root, member.token, member.expiresAt]);
    case 'key':
      return JSON.stringify(['key', member.key]);
    case 'tenant':
      return JSON.stringify(['tenant', member.tenant, member.issuedBefore]);
  }
}

/** Takes something at a moment when the set is that of the last epoch. @throws {TaperError} `log_unavailable`. */
export async function atEpoch<Result>(
  authority: RevocationAuthority,
  take: (epoch: LoggedEpoch) => Result,
): Promise<Result> {
  for (;;) {
    const { epoch } = authority.state;
    if (authority.isSettled && epoch !== undefined) return take(epoch);
    await until(authority, () => authority.isSettled && authority.state.epoch !== undefined);
  }
}

/** A checkpoint that covers an entry. @throws {TaperError} `log_unavailable`. */
export async function published(
  { feed }: RevocationAuthority,
  index: number,
): Promise<{ readonly note: string; readonly size: number }> {
  await until({ feed }, () => (feed.checkpoint?.size ?? 0) > index);
  return feed.checkpoint as { note: string; size: number };
}

/** Milliseconds. */
const PATIENCE = 5000;

async function until(
  { feed }: Pick<RevocationAuthority, 'feed'>,
  holds: () => boolean,
): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      unwatch();
      reject(new TaperError('log_unavailable', 'No epoch was published in time.'));
    }, PATIENCE);
    const unwatch = feed.watch(() => {
      if (!holds()) return;
      clearTimeout(timer);
      unwatch();
      resolve();
    });
  });
}

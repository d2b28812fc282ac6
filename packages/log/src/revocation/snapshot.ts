import { platform, type RevokedEntry, TaperError, writeEpochRecord } from '@taper/core';
import type { Log } from '../writer/log.ts';
import { HEADERS } from './answer.ts';
import type { RevocationAuthority } from './authority.ts';
import type { LoggedEpoch } from './state.ts';

/** The set of one epoch, and what proves that it is that. */
interface Capture {
  readonly header: string;
  readonly members: readonly RevokedEntry[];
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
}

/** Milliseconds for which one capture serves all who ask: they read the rest from the log. */
const SHARED = 60_000;

/** Members in one piece of the answer. */
const PIECE = 1000;

/** Gives snapshots (spec/revocation.md section 9.4). */
export interface SnapshotSource {
  /** @throws {TaperError} `log_unavailable` when no epoch is published in time. */
  answer(): Promise<Response>;
}

/** @param monotonic milliseconds of a clock that only goes forward. */
export function createSnapshotSource(
  log: Log,
  authority: RevocationAuthority,
  monotonic: () => number,
): SnapshotSource {
  let latest: Promise<Capture> | undefined;
  let latestAt = 0;

  async function capture(): Promise<Capture> {
    const at = monotonic();
    const { epoch, members } = await atEpoch(authority, (found) => ({
      epoch: found,
      members: [...authority.state.set.entries()],
    }));
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
    return { header, members, at };
  }

  return {
    async answer() {
      if (latest === undefined || monotonic() - latestAt > SHARED) {
        latestAt = monotonic();
        latest = capture();
        latest.catch(() => {
          latest = undefined;
        });
      }
      const { header, members } = await latest;
      let next = -1;
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (next < 0) {
              controller.enqueue(UTF8.encode(`${header}\n`));
              next = 0;
            } else if (next < members.length) {
              const piece = members.slice(next, next + PIECE);
              controller.enqueue(UTF8.encode(piece.map(lineOf).join('')));
              next += PIECE;
            } else controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      return new Response(body, {
        headers: { ...HEADERS, 'Content-Type': 'application/x-ndjson' },
      });
    },
  };
}

const UTF8 = new TextEncoder();

function lineOf(member: RevokedEntry): string {
  switch (member.kind) {
    case 'token':
      return `${JSON.stringify(['token', member.root, member.token, member.expiresAt])}\n`;
    case 'key':
      return `${JSON.stringify(['key', member.key])}\n`;
    case 'tenant':
      return `${JSON.stringify(['tenant', member.tenant, member.issuedBefore])}\n`;
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

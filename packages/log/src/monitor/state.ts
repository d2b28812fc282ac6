import {
  isJsonObject,
  type LogTrust,
  parseJson,
  TaperError,
  type VerifiedCheckpoint,
  verifyCheckpointAsync,
} from '@taper/core';
import type { LogEvidence } from './evidence.ts';

/**
 * Keeps what a monitor remembers of one log: one JSON text. A port. What was written last is read, also after a crash; a store that
 * cannot tell throws. Whoever can change it can make the monitor forget.
 */
export interface MonitorStore {
  read(): string | undefined | Promise<string | undefined>;
  write(text: string): void | Promise<void>;
}

/** What a monitor remembers of a log. */
export interface MonitorState {
  /** The largest checkpoint that was found consistent with all before. */
  readonly checkpoint: VerifiedCheckpoint;
  /** When a checkpoint of this size was first seen, seconds since the epoch. */
  readonly since: number;
  /** The first proof of two histories that was found. It is never forgotten. */
  readonly evidence: LogEvidence | undefined;
}

/** A {@link MonitorStore} in memory. */
export function createMemoryMonitorStore(): MonitorStore {
  let text: string | undefined;
  return {
    read: () => text,
    write(next) {
      text = next;
    },
  };
}

export function writeState({ checkpoint, since, evidence }: MonitorState): string {
  const { origin, note } = checkpoint;
  const proof = evidence === undefined ? {} : { evidence };
  return `${JSON.stringify({ taper_monitor: 1, origin, since, checkpoint: note, ...proof })}\n`;
}

/**
 * Reads what was remembered. It is verified anew under the trust, of which only the quorum may have changed since.
 * @throws {TaperError} `store_unusable` when it is none, `log_unverified` when it is of another log or under other keys.
 */
export async function readState(text: string, trust: LogTrust): Promise<MonitorState> {
  const parsed = parseJson(text.trim());
  const value = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {};
  const { taper_monitor: version, origin, since, checkpoint: note, evidence } = value;
  if (version !== 1 || typeof origin !== 'string' || typeof note !== 'string')
    throw new TaperError('store_unusable', 'This is no state of a monitor.', {
      hint: 'A damaged state cannot be told from one that somebody changed. Put it back from where you keep copies.',
    });
  if (origin !== trust.origin)
    throw new TaperError('log_unverified', 'The state of this monitor is of another log.', {
      hint: 'A log that has changed its name is another log. Give each log a state of its own.',
    });
  const verdict = await verifyCheckpointAsync(note, { ...trust, quorum: 0 });
  if (!verdict.ok || typeof since !== 'number')
    throw new TaperError('log_unverified', 'The remembered checkpoint is not of this log’s keys.', {
      hint: 'A log that has changed its key is trusted only when both keys are configured. What was remembered is not given up.',
    });
  const kept = evidence as unknown as LogEvidence | undefined;
  return { checkpoint: verdict.checkpoint, since, evidence: kept };
}

import {
  isPublicKey,
  type LogTrust,
  type PublicKey,
  requireKnownOptions,
  TaperError,
  verifyCheckpoint,
} from '@taper/core';
import type { ViewStore } from '../port/view-store.ts';
import type { FollowerProblem } from './problem.ts';
import type { RevocationSource } from './source.ts';

export interface RevocationFollowerOptions {
  /** Where the log is served: an address, or what stands for it. */
  readonly source: string | RevocationSource;
  /** Which log it is, by whose keys its checkpoints count, and how many witnesses must have cosigned them. */
  readonly trust: LogTrust;
  /** Keys whose signature makes a revocation: 1 to 16. */
  readonly authority: readonly PublicKey[];
  /** Where the view is kept for the next start. Default: in memory, so that every start reads the log anew, and nothing is known of what was seen before. */
  readonly store?: ViewStore;
  /** Seconds since the epoch. Default: the clock of this machine. */
  readonly clock?: { now(): number };
  /** Milliseconds between two questions for news, whatever is pushed. Default 2,000. */
  readonly pollInterval?: number;
  /** Whether to have news pushed, where the source does that. Default true. */
  readonly push?: boolean;
  /** A log with that many entries more than are known is begun at a snapshot, where nothing is known yet. Default 10,000. */
  readonly snapshotFrom?: number;
  /** Whether agents are followed too, by the same log. Default false. */
  readonly agents?: boolean;
  /** Most that the view holds; with more, every call is refused. About 50 bytes each. Default 10,000,000. */
  readonly capacity?: number;
  /** Told of what is wrong with the log or the way to it; of each kind once a minute at most. It must not throw. Default: a warning of the process. */
  readonly report?: (problem: FollowerProblem) => void;
}

const OPTIONS: readonly (keyof RevocationFollowerOptions)[] = [
  'source',
  'trust',
  'authority',
  'store',
  'clock',
  'pollInterval',
  'push',
  'snapshotFrom',
  'agents',
  'capacity',
  'report',
];

type Checked = 'trust' | 'authority' | 'pollInterval' | 'snapshotFrom' | 'capacity';

/** Those that are used as they are, complete. */
export type CheckedOptions = Required<Pick<RevocationFollowerOptions, Checked>>;

/** @throws {TaperError} `option_invalid`. */
export function checkFollowerOptions(options: RevocationFollowerOptions): CheckedOptions {
  requireKnownOptions(options, OPTIONS);
  const { trust, authority, source } = options;
  verifyCheckpoint('', trust); // refuses a trust that is none, now and not at the first answer
  const { pollInterval = 2_000, snapshotFrom = 10_000, capacity = 10_000_000 } = options;
  if (!Array.isArray(authority) || authority.length === 0 || authority.length > 16)
    throw invalid('`authority` must hold 1 to 16 keys.');
  if (!authority.every(isPublicKey))
    throw invalid('A key of the authority was not made by importPublicKey.');
  if (typeof source !== 'string' && typeof source?.tail !== 'function')
    throw invalid('`source` must be an address or what stands for it.');
  for (const [name, value, least] of [
    ['pollInterval', pollInterval, 10],
    ['snapshotFrom', snapshotFrom, 1],
    ['capacity', capacity, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least || value > 2 ** 31 - 1)
      throw invalid(`\`${name}\` must be a whole number, ${least} or more.`);
  }
  return { trust, authority, pollInterval, snapshotFrom, capacity };
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}

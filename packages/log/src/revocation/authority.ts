import {
  createRevocationVerifier,
  type DenialCode,
  type EpochRecord,
  type Limits,
  type PublicKey,
  type RevocationReason,
  type RevocationRequestProblem,
  type RevocationTarget,
  type RevocationVerifier,
  requireKnownOptions,
  type Signer,
  TaperError,
  type TrustAnchor,
} from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import type { Log } from '../writer/log.ts';
import type { RevocationFeed } from './feed.ts';
import { LogAuthority } from './log-authority.ts';
import { requireTime } from './patience.ts';
import { replay } from './replay.ts';
import { RevocationState } from './state.ts';
import { restoreState } from './state-record.ts';

export interface RevocationAuthorityOptions {
  /** The log, to which nobody else appends. */
  readonly log: Log;
  /** Signs entries. Its key is neither the log's nor an anchor's. */
  readonly signer: Signer;
  /** Keys that signed entries of this log before. */
  readonly formerKeys?: readonly PublicKey[];
  /** Root issuers whose chains prove a right to revoke. */
  readonly anchors: readonly TrustAnchor[];
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** Milliseconds between epoch records. Default 1000. */
  readonly interval?: number;
  /** Entries that each account of a root token holds; of those below, an eighth for each hop. Default 4096. */
  readonly quota?: number;
  /** Requests that are worked on at one time. Default 256. */
  readonly maxPending?: number;
  /** Milliseconds that the signer has. Default 5000. */
  readonly patience?: number;
  /** Keeps what the log says, so that a restart does not have to read all of it. */
  readonly state?: RevocationStateStore;
  /** Epochs after which that is saved at the latest. Default 600. */
  readonly saveEvery?: number;
  readonly limits?: Partial<Limits>;
  /** Is told of every epoch that could not be published and every failure behind a `log_unavailable`. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

/** Why a request was not admitted (spec/revocation.md sections 4 and 9.1). */
export type RevocationRefusalCode =
  | RevocationRequestProblem
  | 'request_chain_revoked'
  | 'request_quota_exhausted'
  | 'request_busy'
  | 'log_unavailable';

export type RevocationAnswer =
  | {
      readonly ok: true;
      /** Index of the entry that revokes the target; it is durable. */
      readonly index: number;
      readonly entry: string;
      /** Whether this request added it. */
      readonly added: boolean;
      /** False where it revokes something else, which includes the target. */
      readonly direct: boolean;
    }
  | {
      readonly ok: false;
      readonly code: RevocationRefusalCode;
      readonly denial?: DenialCode;
      readonly hop?: number;
    };

export interface RevokeOptions {
  /** Default `unspecified`. */
  readonly reason?: RevocationReason;
  /** The chain down to a token. Without it, `expiresAt` is needed. */
  readonly chain?: readonly string[];
  /** Until when a token is held revoked, seconds since the epoch: its `exp`, or later. */
  readonly expiresAt?: number;
}

/** The one writer of a revocation log. */
export interface RevocationAuthority {
  /** Origin of the log. */
  readonly log: string;
  /** Judges a request and, where it adds something, has it in the log, durably, before it answers. Never rejects. */
  request(compact: string): Promise<RevocationAnswer>;
  /** Revokes by the authority's own right. @throws {TaperError} as `requestRevocation`; `revocation_refused`. */
  revoke(
    target: RevocationTarget,
    options?: RevokeOptions,
  ): Promise<Extract<RevocationAnswer, { ok: true }>>;
  /**
   * Appends an entry of another type, which says nothing of revocation: whatever else comes into this log comes this way.
   * @throws {TaperError} `option_invalid` for what is no such entry; whatever the log throws.
   */
  append(text: string): Promise<{ readonly index: number }>;
  /** Appends such entries that follow each other, all of them or none. At least one. `index` is that of the first. @throws as {@link append}. */
  appendAll(texts: readonly string[]): Promise<{ readonly index: number }>;
  /**
   * Every entry from `from` on that is durable now, and those whose append failed although it came through: what this does not
   * give, and was appended before it was called, is not in the log and never will be.
   * @throws {TaperError} `log_unavailable` while that cannot be known; whatever the log throws.
   */
  scan(from: number): AsyncIterable<{ readonly index: number; readonly text: string }>;
  /**
   * From now on these root issuers' chains prove a right to revoke: a root key was added. Those that signed roots before stay in, or
   * what the log has by their right is no longer understood.
   * @throws {TaperError} `option_invalid`; then nothing has changed.
   */
  useAnchors(anchors: readonly TrustAnchor[]): void;
  /**
   * Appends an epoch record over all that was admitted, and publishes a checkpoint.
   * @throws {TaperError} `log_unavailable` and whatever else the log or the clock has; the next call takes it up where it stopped.
   */
  publishEpoch(): Promise<EpochRecord>;
  /** Publishes an epoch every interval, one at a time, until {@link stop}. A failure is told to `onFailure`, and the next one is tried. */
  start(): void;
  /** Ends that; done when the epoch that was being published is. */
  stop(): Promise<void>;
  /** Stops, publishes a last epoch where something came after the one before, and saves the state. The log is the caller's to close. */
  close(): Promise<void>;
  readonly feed: RevocationFeed;
  /** What the log says. Only to be read. */
  readonly state: RevocationState;
  /** Whether the set is that of the last epoch record: not while one is being made, nor after one that failed. */
  readonly isSettled: boolean;
}

const OPTIONS: readonly (keyof RevocationAuthorityOptions)[] = [
  'log',
  'signer',
  'formerKeys',
  'anchors',
  'clock',
  'interval',
  'quota',
  'maxPending',
  'patience',
  'state',
  'saveEvery',
  'limits',
  'onFailure',
];

/**
 * Opens the authority of a revocation log: reads what the log says and goes on from there. All that it knows is in the log.
 *
 * @throws {TaperError} `option_invalid`; `log_corrupt` when an entry is not by the rules; whatever the log throws.
 */
export async function openRevocationAuthority(
  options: RevocationAuthorityOptions,
): Promise<RevocationAuthority> {
  requireKnownOptions(options, OPTIONS);
  const { log, signer, formerKeys = [], anchors, limits, quota, clock } = options;
  if (signer.publicKey.thumbprint === log.key.key.thumbprint)
    throw new TaperError('option_invalid', 'The log’s own key is given as the authority’s.', {
      hint: 'Whoever can sign checkpoints should not be able to revoke. Make another key.',
    });
  const authority = [signer.publicKey, ...formerKeys];
  const verifierFor = (trusted: readonly TrustAnchor[]): RevocationVerifier =>
    createRevocationVerifier({
      log: log.origin,
      authority,
      anchors: trusted,
      ...(limits === undefined ? {} : { limits }),
    });
  const verifier = verifierFor(anchors);
  // A reader reads what was published; entries may have become durable after that.
  if (log.size > log.reader.head().size) await log.publish();
  const now = requireTime(clock());
  const state =
    (await restoreState(options.state, log, quota, options.onFailure)) ??
    new RevocationState(quota);
  await replay({
    reader: log.reader,
    state,
    log: log.origin,
    authority,
    verifier,
    to: log.size,
    now,
  });
  return new LogAuthority(options, { authority, verifier, verifierFor, state });
}

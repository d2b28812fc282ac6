import {
  createRevocationVerifier,
  type DenialCode,
  type EpochRecord,
  isVerifiedRevocationEntry,
  type Limits,
  type PublicKey,
  platform,
  type RevocationReason,
  type RevocationRequestProblem,
  type RevocationTarget,
  type RevocationVerifier,
  readRevocationLogEntry,
  requestRevocation,
  requireKnownOptions,
  type Signer,
  signRevocationEntry,
  TaperError,
  type TrustAnchor,
  uuidV7,
  type VerifiedRevocationRequest,
  verifyRevocationEntry,
  writeEpochRecord,
} from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import type { Log } from '../writer/log.ts';
import { createFeed, type FeedWriter, type RevocationFeed } from './feed.ts';
import { replay } from './replay.ts';
import { RevocationState } from './state.ts';
import { restoreState, saveState } from './state-record.ts';
import { createTurnstile } from './turnstile.ts';

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
  /** Epochs after which that is saved. Default 600. */
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
  const verifier = createRevocationVerifier({
    log: log.origin,
    authority,
    anchors,
    ...(limits === undefined ? {} : { limits }),
  });
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
  return new Authority(options, { authority, verifier, state });
}

interface Prepared {
  readonly authority: readonly PublicKey[];
  readonly verifier: RevocationVerifier;
  readonly state: RevocationState;
}

class Authority implements RevocationAuthority {
  readonly log: string;
  readonly feed: RevocationFeed;
  readonly state: RevocationState;
  readonly #options: RevocationAuthorityOptions;
  readonly #prepared: Prepared;
  readonly #feed: FeedWriter;
  readonly #turnstile = createTurnstile();
  /** Requests that are being added, by what they revoke. */
  readonly #adding = new Map<string, Promise<RevocationAnswer>>();
  #pending = 0;
  /** An append failed: what is in the log is to be found out before anything is added. */
  #isBroken = false;
  #isSettled = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #ticking: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();
  #isSaving = false;

  constructor(options: RevocationAuthorityOptions, prepared: Prepared) {
    const { interval = 1000, maxPending = 256, patience = 5000, saveEvery = 600 } = options;
    for (const [name, value] of Object.entries({ interval, maxPending, patience, saveEvery }))
      if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1)
        throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 or more.`);
    this.#options = { ...options, interval, maxPending, patience, saveEvery };
    this.#prepared = prepared;
    this.log = options.log.origin;
    this.state = prepared.state;
    this.#feed = createFeed(options.log, prepared.state.size);
    this.feed = this.#feed.feed;
    const note = options.log.checkpoint();
    if (note !== undefined) this.#feed.published({ note, size: options.log.reader.head().size });
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  async request(compact: string): Promise<RevocationAnswer> {
    if (this.#isBroken) return UNAVAILABLE;
    if (this.#pending >= (this.#options.maxPending as number)) return refusal('request_busy');
    this.#pending += 1;
    try {
      const verdict = this.#prepared.verifier.verifyRequest(compact, this.#now());
      if (!verdict.ok) {
        const { problem: code, denial, hop } = verdict;
        return { ...refusal(code), ...(denial && { denial }), ...(hop !== undefined && { hop }) };
      }
      return await this.#admit(verdict.request);
    } catch (cause) {
      this.#tell(cause);
      return UNAVAILABLE;
    } finally {
      this.#pending -= 1;
    }
  }

  async revoke(
    target: RevocationTarget,
    { reason, chain, expiresAt }: RevokeOptions = {},
  ): Promise<Extract<RevocationAnswer, { ok: true }>> {
    const now = this.#now();
    const compact = await requestRevocation({
      log: this.log,
      target,
      ...(reason === undefined ? {} : { reason }),
      ...(chain === undefined ? {} : { chain }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      signer: this.#options.signer,
      now,
      id: uuidV7(now * 1000, crypto.getRandomValues(new Uint8Array(10))),
    });
    const answer = await this.request(compact);
    if (answer.ok) return answer;
    throw new TaperError('revocation_refused', `Nothing was revoked: ${answer.code}.`, {
      ...(answer.code === 'log_unavailable'
        ? { hint: 'Try again once the log can be written.' }
        : {}),
    });
  }

  /** From here to the reservation nothing waits, so that two requests cannot both find that the target is not revoked. */
  #admit(request: VerifiedRevocationRequest): Promise<RevocationAnswer> {
    const { target, chain, expiresAt } = request;
    const { state } = this;
    const known = state.find(target, expiresAt, chain);
    if (known !== undefined) return this.#answer(known, target, false);
    const name = `${subjectOf(target)} ${reachOf(request)}`;
    const adding = this.#adding.get(name);
    if (adding !== undefined)
      return adding.then((answer) => (answer.ok ? { ...answer, added: false } : answer));
    if (target.kind === 'key' && chain !== undefined) {
      const root = chain.tokens[0]?.hash as string;
      if (state.findOnChain(chain, root, 0) !== undefined)
        return Promise.resolve(refusal('request_chain_revoked'));
    }
    if (!state.accounts.charge(request)) return Promise.resolve(refusal('request_quota_exhausted'));
    const added = this.#add(request).finally(() => this.#adding.delete(name));
    this.#adding.set(name, added);
    return added;
  }

  #add(request: VerifiedRevocationRequest): Promise<RevocationAnswer> {
    return this.#turnstile.share(async () => {
      const { log, signer, patience } = this.#options;
      if (this.#isBroken) {
        this.state.accounts.refund(request);
        return UNAVAILABLE;
      }
      try {
        const signing = signRevocationEntry(request, { log: this.log, time: this.#now(), signer });
        const text = await within(patience as number, signing);
        const index = await this.#append(log, text);
        const read = readRevocationLogEntry(text);
        const verdict =
          read.type === 'revocation'
            ? verifyRevocationEntry(read.entry, { log: this.log, authority: [signer.publicKey] })
            : undefined;
        if (!verdict?.ok || !isVerifiedRevocationEntry(verdict.entry))
          throw new TaperError('log_corrupt', 'An entry that was just signed does not read.');
        this.state.apply(verdict.entry, index);
        this.#feed.entry(index, text);
        return { ok: true, index, entry: text, added: true, direct: true };
      } catch (cause) {
        this.state.accounts.refund(request);
        this.#tell(cause);
        return UNAVAILABLE;
      }
    });
  }

  append(text: string): Promise<{ readonly index: number }> {
    if (readRevocationLogEntry(text).type !== 'other')
      return Promise.reject(
        new TaperError('option_invalid', 'This is no entry of another type, in canonical JSON.'),
      );
    return this.#turnstile.share(async () => {
      if (this.#isBroken) throw new TaperError('log_unavailable', 'The log cannot be written.');
      const index = await this.#append(this.#options.log, text);
      this.#feed.entry(index, text);
      return { index };
    });
  }

  async #append(log: Log, text: string): Promise<number> {
    try {
      const { index } = await log.append(UTF8.encode(text));
      return index;
    } catch (cause) {
      this.#isBroken = true;
      throw cause;
    }
  }

  async #answer(
    index: number,
    target: RevocationTarget,
    added: boolean,
  ): Promise<RevocationAnswer> {
    const [entry] = (await this.feed.read(index, index + 1)).entries;
    const read = entry === undefined ? undefined : readRevocationLogEntry(entry);
    if (entry === undefined || read?.type !== 'revocation')
      throw new TaperError('log_corrupt', `Entry ${index} is not the revocation that it was.`);
    const direct = subjectOf(read.entry.target) === subjectOf(target);
    return { ok: true, index, entry, added, direct };
  }

  publishEpoch(): Promise<EpochRecord> {
    const { log, interval } = this.#options;
    const { state } = this;
    const made = this.#turnstile.alone(async () => {
      if (this.#isBroken || log.size !== this.feed.end) await this.#recover();
      const time = this.#now();
      this.#isSettled = false;
      state.commit(time);
      const record: EpochRecord = {
        epoch: (state.epoch?.record.epoch ?? 0) + 1,
        time,
        nextUpdate: time + Math.max(1, Math.ceil((interval as number) / 1000)),
        revokedRoot: platform.encodeBase64url(state.set.root()),
        size: log.size,
        revoked: state.set.size,
      };
      const text = writeEpochRecord(record);
      const index = await this.#append(log, text);
      if (index !== record.size) {
        this.#isBroken = true;
        throw new TaperError('log_forked', 'Somebody else appends to the revocation log.', {
          hint: 'A revocation log has one writer, which is this authority.',
        });
      }
      state.applyEpoch(record, index);
      state.size = index + 1;
      this.#isSettled = true;
      this.#feed.entry(index, text);
      this.#saveSometimes(record);
      return record;
    });
    return made.then(async (record) => {
      const { note, size } = await log.publish();
      if (size > (this.feed.checkpoint?.size ?? -1)) this.#feed.published({ note, size });
      return record;
    });
  }

  /** Takes in what came into the log although its append failed. */
  async #recover(): Promise<void> {
    const { log } = this.#options;
    const { authority, verifier } = this.#prepared;
    const { note, size } = await log.publish();
    const late: [number, string][] = [];
    // What was acknowledged after the last epoch is read again, which changes nothing but the accounts.
    this.state.size = Math.max(this.state.size, this.feed.end);
    await replay({
      reader: log.reader,
      state: this.state,
      log: this.log,
      authority,
      verifier,
      to: size,
      now: this.#now(),
      onEntry: (index, entry) => late.push([index, TEXT.decode(entry)]),
    });
    for (const [index, text] of late) this.#feed.entry(index, text);
    if (size > (this.feed.checkpoint?.size ?? -1)) this.#feed.published({ note, size });
    this.#isBroken = false;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#tick();
  }

  #tick(): void {
    const began = performance.now();
    this.#ticking = this.publishEpoch().then(
      () => undefined,
      (cause) => this.#tell(cause),
    );
    void this.#ticking.then(() => {
      if (!this.#isRunning) return;
      const left = (this.#options.interval as number) - (performance.now() - began);
      this.#timer = setTimeout(() => this.#tick(), Math.max(left, 1));
    });
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    await this.#ticking;
  }

  async close(): Promise<void> {
    await this.stop();
    // What was admitted after the last epoch is committed to before nobody is there to do it.
    if (this.feed.end > (this.feed.checkpoint?.size ?? 0))
      await this.publishEpoch().catch((cause) => this.#tell(cause));
    await this.#turnstile.alone(async () => {
      await this.#saving;
      await this.#save();
    });
  }

  #saveSometimes({ epoch }: EpochRecord): void {
    if (epoch % (this.#options.saveEvery as number) !== 0) return;
    this.#saving = this.#save();
  }

  /** Captures the state at once; only while it is settled and nothing was added since. */
  #save(): Promise<void> {
    const { state: store } = this.#options;
    if (store === undefined || !this.#isSettled || this.#isBroken || this.state.uncovered > 0)
      return this.#saving;
    if (this.#isSaving) return this.#saving;
    this.#isSaving = true;
    return saveState(store, this.log, this.state)
      .catch((cause) => this.#tell(cause))
      .finally(() => {
        this.#isSaving = false;
      });
  }

  /** Never before anything that the log says already. @throws {TaperError} `log_unavailable` without a clock. */
  #now(): number {
    return Math.max(requireTime(this.#options.clock()), this.state.latestTime);
  }

  #tell(cause: unknown): void {
    try {
      this.#options.onFailure?.(cause);
    } catch {
      // Whoever is told has no say.
    }
  }
}

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function refusal(code: RevocationRefusalCode): Extract<RevocationAnswer, { ok: false }> {
  return { ok: false, code };
}

const UNAVAILABLE: RevocationAnswer = Object.freeze(refusal('log_unavailable'));

function requireTime(time: number): number {
  if (Number.isSafeInteger(time) && time >= 0) return time;
  throw new TaperError('log_unavailable', 'The clock gives no time.');
}

/** What is revoked, whatever the reach. */
function subjectOf(target: RevocationTarget): string {
  switch (target.kind) {
    case 'token':
      return `token ${target.token} ${target.root}`;
    case 'key':
      return `key ${target.key}`;
    case 'agent':
      return `agent ${target.keys.join()}`;
    case 'tenant':
      return `tenant ${target.tenant}`;
  }
}

function reachOf({ target, expiresAt }: VerifiedRevocationRequest): number {
  return target.kind === 'tenant' ? target.issued_before : (expiresAt ?? 0);
}

/** @throws {TaperError} `log_unavailable` when it takes longer. */
async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TaperError('log_unavailable', 'The signer of the authority is too slow.')),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

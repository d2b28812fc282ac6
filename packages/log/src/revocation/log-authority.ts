import {
  type EpochRecord,
  isVerifiedRevocationEntry,
  type PublicKey,
  platform,
  type RevocationTarget,
  type RevocationVerifier,
  readRevocationLogEntry,
  requestRevocation,
  signRevocationEntry,
  TaperError,
  type TrustAnchor,
  uuidV7,
  type VerifiedRevocationRequest,
  verifyRevocationEntry,
  writeEpochRecord,
} from '@taper/core';
import type { Log } from '../writer/log.ts';
import type {
  RevocationAnswer,
  RevocationAuthority,
  RevocationAuthorityOptions,
  RevocationRefusalCode,
  RevokeOptions,
} from './authority.ts';
import { createFeed, type FeedWriter, type RevocationFeed } from './feed.ts';
import { requireTime, within } from './patience.ts';
import { replay } from './replay.ts';
import type { RevocationState } from './state.ts';
import { saveState } from './state-record.ts';
import { createSteadyClock, type SteadyClock } from './steady-clock.ts';
import { reachOf, subjectOf } from './subject.ts';
import { createTicker, type Ticker } from './ticker.ts';
import { createTurnstile } from './turnstile.ts';

/** What it takes to go on where the log ends. */
export interface Prepared {
  readonly authority: readonly PublicKey[];
  readonly verifier: RevocationVerifier;
  readonly verifierFor: (anchors: readonly TrustAnchor[]) => RevocationVerifier;
  readonly state: RevocationState;
}

/** Entries after which the state is saved, where `saveEvery` would come later. */
const SAVE_ENTRIES = 10_000;

export class LogAuthority implements RevocationAuthority {
  readonly log: string;
  readonly feed: RevocationFeed;
  readonly state: RevocationState;
  readonly #options: RevocationAuthorityOptions;
  readonly #prepared: Prepared;
  #verifier: RevocationVerifier;
  readonly #feed: FeedWriter;
  readonly #turnstile = createTurnstile();
  /** Requests that are being added, by what they revoke. */
  readonly #adding = new Map<string, Promise<RevocationAnswer>>();
  #pending = 0;
  /** An append failed: what is in the log is to be found out before anything is added. */
  #isBroken = false;
  #isSettled = true;
  readonly #ticker: Ticker;
  readonly #clock: SteadyClock;
  #saving: Promise<void> = Promise.resolve();
  #isSaving = false;
  /** Entries of the log that were saved last, or at the start. */
  #savedSize: number;

  constructor(options: RevocationAuthorityOptions, prepared: Prepared) {
    const { interval = 1000, maxPending = 256, patience = 5000, saveEvery = 600 } = options;
    for (const [name, value] of Object.entries({ interval, maxPending, patience, saveEvery }))
      if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1)
        throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 or more.`);
    this.#options = { ...options, interval, maxPending, patience, saveEvery };
    this.#prepared = prepared;
    this.#verifier = prepared.verifier;
    this.#ticker = createTicker(interval, () =>
      this.publishEpoch().then(
        () => undefined,
        (cause) => this.#tell(cause),
      ),
    );
    this.#clock = createSteadyClock(
      options.clock,
      () => performance.now() / 1000,
      (seconds) =>
        this.#tell(
          new TaperError('log_unavailable', `The clock has jumped ahead by ${seconds} s.`, {
            hint: 'It is followed when it has gone on evenly for half a minute. If it is wrong, set it right before that: times in a log never fall.',
          }),
        ),
    );
    this.log = options.log.origin;
    this.state = prepared.state;
    this.#savedSize = prepared.state.size;
    this.#feed = createFeed(options.log, prepared.state.size);
    this.feed = this.#feed.feed;
    const note = options.log.checkpoint();
    if (note !== undefined) this.#feed.published({ note, size: options.log.reader.head().size });
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  useAnchors(anchors: readonly TrustAnchor[]): void {
    this.#verifier = this.#prepared.verifierFor(anchors);
  }

  async request(compact: string): Promise<RevocationAnswer> {
    if (this.#isBroken) return UNAVAILABLE;
    if (this.#pending >= (this.#options.maxPending as number)) return refusal('request_busy');
    this.#pending += 1;
    try {
      const verdict = this.#verifier.verifyRequest(compact, this.#now());
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
      if (state.findOnChain(chain, 0) !== undefined)
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
    return this.appendAll([text]);
  }

  async appendAll(texts: readonly string[]): Promise<{ readonly index: number }> {
    if (!texts.every((text) => readRevocationLogEntry(text).type === 'other'))
      throw new TaperError(
        'option_invalid',
        'This is no entry of another type, in canonical JSON.',
      );
    return this.#turnstile.share(async () => {
      if (this.#isBroken) throw new TaperError('log_unavailable', 'The log cannot be written.');
      const index = await this.#append(this.#options.log, ...texts);
      for (const [place, text] of texts.entries()) this.#feed.entry(index + place, text);
      return { index };
    });
  }

  async *scan(from: number): AsyncGenerator<{ readonly index: number; readonly text: string }> {
    const end = await this.#turnstile.alone(async () => {
      if (this.#isBroken || this.#options.log.size !== this.feed.end) await this.#recover();
      return this.feed.end;
    });
    for (let index = from; index < end; ) {
      const { entries } = await this.feed.read(index, end);
      if (entries.length === 0)
        throw new TaperError('log_corrupt', `Entry ${index} of the log is not there.`);
      for (const text of entries) yield { index: index++, text };
    }
  }

  async #append(log: Log, ...texts: readonly string[]): Promise<number> {
    try {
      const { index } = await log.appendAll(texts.map((text) => UTF8.encode(text)));
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
    const { authority } = this.#prepared;
    const verifier = this.#verifier;
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
    this.#clock.watch();
    this.#ticker.start();
  }

  async stop(): Promise<void> {
    await this.#ticker.stop();
    this.#clock.rest();
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

  /** Whoever starts after a crash reads what came since: that is to be little, and saving a large set is not. */
  #saveSometimes({ epoch }: EpochRecord): void {
    const isDue = epoch % (this.#options.saveEvery as number) === 0;
    const entries = this.state.size - this.#savedSize;
    if (isDue || entries >= Math.max(SAVE_ENTRIES, this.state.set.size))
      this.#saving = this.#save();
  }

  /** Captures the state at once; only while it is settled and nothing was added since. */
  #save(): Promise<void> {
    const { state: store } = this.#options;
    if (store === undefined || !this.#isSettled || this.#isBroken || this.state.uncovered > 0)
      return this.#saving;
    if (this.#isSaving) return this.#saving;
    this.#isSaving = true;
    this.#savedSize = this.state.size;
    return saveState(store, this.log, this.state)
      .catch((cause) => this.#tell(cause))
      .finally(() => {
        this.#isSaving = false;
      });
  }

  /** Never before anything that the log says already. @throws {TaperError} `log_unavailable` without a clock. */
  #now(): number {
    return Math.max(requireTime(this.#clock.read()), this.state.latestTime);
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

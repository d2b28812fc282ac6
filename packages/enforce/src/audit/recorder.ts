import { randomFillSync } from 'node:crypto';
import {
  type AuditHead,
  auditHeadSigningInput,
  canonicalSignature,
  isAuditEmitter,
  NO_AUDIT_EVENT,
  type PublicKey,
  platform,
  SALT_BYTES,
  type Signer,
  TaperError,
  uuidV7,
  verifyAuditHead,
} from '@taper/core';
import type { AuditLine, AuditSink, AuditTip } from '../port/audit-sink.ts';
import type { RecordedArguments } from './arguments.ts';
import { isHash, isSequence, requireKey } from './check.ts';
import type { AuditEventInit } from './event.ts';
import { writeEvidence } from './evidence.ts';
import { type DraftEvent, draftEvent, fits, placeEvent, writeLine } from './line.ts';

/** Events that are signed and appended together; signing more would keep the process from anything else for too long. */
const MAX_GROUP = 256;

/** UTF-16 code units of one group; one event alone may be longer. */
const MAX_GROUP_LENGTH = 1_048_576;

/** How often a group is signed anew because another process wrote first. */
const MAX_CONFLICTS = 8;

export interface AuditRecorderOptions {
  readonly sink: AuditSink;
  /** The enforcement point's key, made for this alone. */
  readonly signer: Signer;
  /** Names the sequence. Default: the thumbprint of the signer's key. Processes that write to one file or database at the same time do so faster under names of their own. */
  readonly emitter?: string;
  /** Top-level arguments that are recorded in full, by tool. Default: none; arguments are recorded by their salted hash. */
  readonly recordedArguments?: RecordedArguments;
  /** Hand to the sink, beside each event, what an auditor needs to judge the call again: all arguments, tokens and proofs. Default false. */
  readonly keepEvidence?: boolean;
  /** Milliseconds that the sink may take, and that an event may wait for its turn. Default 800: less than an enforcement point waits for it. */
  readonly timeout?: number;
  /** Events that may wait at the same time; more are refused at once. Default 10,000. */
  readonly maxPending?: number;
  /** Fills the bytes with fresh randomness. Default: that of the platform. */
  readonly random?: (bytes: Uint8Array) => void;
}

/** What was written: the event's identifier, and the head of the log with this event as its last. */
export interface AuditReceipt extends AuditHead {
  /** `event_id`. */
  readonly id: string;
}

/** Signs events and has them kept, in one sequence. */
export interface AuditRecorder {
  readonly emitter: string;
  /** The key under which its events verify. */
  readonly publicKey: PublicKey;
  /**
   * Resolves when the event is durable. Rejects when it is not, or cannot be known to be: then it may be there nevertheless.
   * Whoever waits while others are being written shares the next write with all who wait.
   *
   * @throws {TaperError} `option_invalid`, `json_invalid` for an event that cannot be written; `signing_failed`; `store_unavailable`.
   */
  record(event: AuditEventInit): Promise<AuditReceipt>;
}

interface Waiting {
  readonly draft: DraftEvent;
  readonly evidence: string | undefined;
  /** Milliseconds, of the monotonic clock, after which nobody waits for it any more. */
  readonly deadline: number;
  readonly resolve: (receipt: AuditReceipt) => void;
  readonly reject: (cause: TaperError) => void;
}

/** A line, and the receipt for it once it is durable. */
interface Sealed {
  readonly line: AuditLine;
  readonly receipt: AuditReceipt;
}

/**
 * Makes the writer of one emitter's events. Only one may write under an emitter's name in a process.
 * @throws {TaperError} `option_invalid`.
 */
export function createAuditRecorder(options: AuditRecorderOptions): AuditRecorder {
  const { sink, signer, timeout = 800, maxPending = 10_000, recordedArguments = {} } = options;
  const { random = createRandomPool(), keepEvidence } = options;
  const { publicKey } = signer;
  requireKey(publicKey);
  const emitter = options.emitter ?? publicKey.thumbprint;
  if (!isAuditEmitter(emitter))
    throw new TaperError('option_invalid', '`emitter` must be a name of 1 to 256 characters.');
  for (const [name, value] of Object.entries({ timeout, maxPending })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TaperError('option_invalid', `\`${name}\` must be a whole number, 1 or more.`);
  }

  let queue: Waiting[] = [];
  let draining = false;
  /** The end of the log as last learnt from the sink; `unknown` until it is asked. */
  let tip: AuditTip | undefined | 'unknown' = 'unknown';

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const group = nextGroup();
      if (group.length === 0) continue;
      try {
        await write(group);
      } catch (cause) {
        const error = unavailable(cause);
        for (const { reject } of group) reject(error);
        if (tip !== 'unknown') continue;
        // The sink answers nothing at all. Nobody is kept waiting behind it, and the next event asks it anew.
        const behind = queue;
        queue = [];
        for (const { reject } of behind) reject(error);
      }
    }
    draining = false;
  }

  /** Whoever has waited too long was told so by its own caller; an event for it would only mislead. */
  function nextGroup(): Waiting[] {
    const now = performance.now();
    const group: Waiting[] = [];
    let taken = 0;
    let length = 0;
    for (const waiting of queue) {
      if (group.length === MAX_GROUP || length > MAX_GROUP_LENGTH) break;
      taken += 1;
      length += waiting.draft.beforePrevious.length + (waiting.evidence?.length ?? 0);
      if (waiting.deadline > now) group.push(waiting);
      else waiting.reject(unavailable('the event waited too long'));
    }
    queue = queue.slice(taken);
    return group;
  }

  async function write(group: readonly Waiting[]): Promise<void> {
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      if (tip === 'unknown') tip = await askTip();
      const sealed = await seal(group, tip);
      const lines = sealed.map(({ line }) => line);
      let verdict: unknown;
      try {
        verdict = await within(() => sink.append(lines), timeout);
      } catch (cause) {
        await settleUnknown(group, sealed, cause);
        return;
      }
      if (verdict === 'appended') {
        tip = lines.at(-1) as AuditLine;
        for (const [index, { resolve }] of group.entries())
          resolve((sealed[index] as Sealed).receipt);
        return;
      }
      tip = 'unknown';
      if (verdict !== 'conflict') throw new Error('the sink gave no answer that its port knows');
    }
    tip = await askTip();
    throw new Error('other processes write under the same name without pause');
  }

  /** The append failed, and what was appended all the same is found out: those lines are durable, and the rest is not there. */
  async function settleUnknown(
    group: readonly Waiting[],
    sealed: readonly Sealed[],
    cause: unknown,
  ): Promise<void> {
    tip = 'unknown';
    const found = await askTip();
    tip = found;
    const last = sealed.findIndex(
      ({ line }) => line.sequence === found?.sequence && line.hash === found.hash,
    );
    const error = unavailable(cause);
    for (const [index, { resolve, reject }] of group.entries()) {
      if (index <= last) resolve((sealed[index] as Sealed).receipt);
      else reject(error);
    }
  }

  async function askTip(): Promise<AuditTip | undefined> {
    const found: unknown = await within(() => sink.tip(emitter), timeout);
    if (found === undefined) return undefined;
    const { sequence, hash } = found as Partial<AuditTip>;
    if (!isSequence(sequence) || !isHash(hash)) throw new Error('the sink knows no end of the log');
    return { sequence, hash };
  }

  async function seal(group: readonly Waiting[], after: AuditTip | undefined): Promise<Sealed[]> {
    let previous = after?.hash ?? NO_AUDIT_EVENT;
    let sequence = after?.sequence ?? 0;
    const placed = group.map(({ draft, evidence }) => {
      sequence += 1;
      const event = placeEvent(draft, previous, sequence);
      previous = event.hash;
      return {
        draft,
        evidence,
        event,
        head: { emitter, hash: event.hash, sequence, time: draft.time },
      };
    });
    const signatures = await signAll(placed.map(({ head }) => auditHeadSigningInput(head)));
    const sealed = placed.map(({ draft, evidence, event, head }, index): Sealed => {
      const signature = signatures[index] as string;
      const { hash } = event;
      return {
        line: {
          emitter,
          sequence: head.sequence,
          hash,
          line: writeLine(event, signature),
          salt: draft.salt,
          ...(evidence === undefined ? {} : { evidence }),
        },
        receipt: Object.freeze({ ...head, signature, id: draft.id }),
      };
    });
    // One of each group: a signer that signs with another key than it names is found before anything is written.
    if (!verifyAuditHead((sealed.at(-1) as Sealed).receipt, publicKey))
      throw new TaperError('signing_failed', 'The signer signs with another key than it names.');
    return sealed;
  }

  async function signAll(inputs: readonly Uint8Array[]): Promise<string[]> {
    const signing: (Uint8Array | Promise<Uint8Array>)[] = [];
    try {
      for (const input of inputs) signing.push(signer.sign(input));
      const signatures = signing.some((each) => !(each instanceof Uint8Array))
        ? await within(() => Promise.all(signing.map(async (each) => each)), timeout)
        : (signing as Uint8Array[]);
      return signatures.map((each) =>
        platform.encodeBase64url(canonicalSignature(publicKey.alg, each)),
      );
    } catch (cause) {
      void Promise.allSettled(signing.map(async (each) => each)); // those that nobody waits for any more may reject, too
      throw new TaperError('signing_failed', 'The signer failed.', { cause });
    }
  }

  /** Where the sink could not take the line, the arguments that would be recorded in full are left to the hash. */
  function fittingDraft(event: AuditEventInit, id: string, salt: Uint8Array): DraftEvent {
    const draft = draftEvent(event, emitter, id, salt, recordedArguments);
    if (fits(draft, sink.maxLineBytes)) return draft;
    const short = draftEvent(event, emitter, id, salt, {});
    if (fits(short, sink.maxLineBytes)) return short;
    throw new TaperError('json_invalid', 'The event is too long for the audit log.');
  }

  return Object.freeze({
    emitter,
    publicKey,
    async record(event: AuditEventInit): Promise<AuditReceipt> {
      const fresh = new Uint8Array(SALT_BYTES + 10);
      random(fresh);
      const id = uuidV7(event.time * 1000, fresh.subarray(SALT_BYTES));
      const salt = fresh.subarray(0, SALT_BYTES);
      const draft = fittingDraft(event, id, salt);
      const evidence = keepEvidence === true ? writeEvidence(event) : undefined;
      if (queue.length >= maxPending) throw unavailable('too many events wait to be written');
      return new Promise((resolve, reject) => {
        queue.push({ draft, evidence, deadline: performance.now() + timeout, resolve, reject });
        if (draining) return;
        draining = true;
        // After all that is ready in this turn of the event loop, so that it shares one write.
        setImmediate(() => void drain());
      });
    },
  });
}

/** Asks the operating system for many bytes at a time: a call costs as much as the rest of an event's text. */
function createRandomPool(): (bytes: Uint8Array) => void {
  const pool = new Uint8Array(8192);
  let used = pool.length;
  return (bytes) => {
    if (used + bytes.length > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    bytes.set(pool.subarray(used, used + bytes.length));
    pool.fill(0, used, used + bytes.length);
    used += bytes.length;
  };
}

function unavailable(cause: unknown): TaperError {
  if (cause instanceof TaperError) return cause;
  const reason = typeof cause === 'string' ? { hint: cause } : { cause };
  return new TaperError('store_unavailable', 'The audit event could not be made durable.', reason);
}

/** What a port answers. @throws when it throws, rejects or is late. */
async function within<Answer>(
  ask: () => Answer | Promise<Answer>,
  milliseconds: number,
): Promise<Answer> {
  const given = ask();
  if (typeof given !== 'object' || given === null || !('then' in given)) return given;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), milliseconds);
    });
    return await Promise.race([given, late]);
  } finally {
    clearTimeout(timer);
  }
}

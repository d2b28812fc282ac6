import { TaperError } from '../error.ts';
import type { SignatureCheck } from '../jws.ts';
import { requireKnownOptions } from '../option-names.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { isLogNumber } from './merkle.ts';
import { parseNote } from './note.ts';
import type { NoteKey } from './note-key.ts';
import { noteVerification, requireNoteKeys, type VerifiedSignature } from './verify-note.ts';

/** Which log is believed, and on whose word. */
export interface LogTrust {
  /** The first line of the log's checkpoints; compared as an exact string. */
  readonly origin: string;
  /** Keys of the log (type 1), 1 to 100: one for each generation that is still believed. */
  readonly keys: readonly NoteKey[];
  /** Keys of witnesses (type 4), at most 100. */
  readonly witnesses: readonly NoteKey[];
  /** How many different witnesses must have cosigned a checkpoint. 0: the log alone is believed. */
  readonly quorum: number;
}

/**
 * Why a checkpoint is not believed: the closed list. `quorum_unmet`: too few of the witnesses have cosigned it.
 * `cosignature_future`: too few, and enough had those counted that lie in the future.
 */
export type LogProblem =
  | 'note_malformed'
  | 'checkpoint_malformed'
  | 'origin_mismatch'
  | 'signature_missing'
  | 'signature_invalid'
  | 'quorum_unmet'
  | 'cosignature_future';

/** A checkpoint whose signature and cosignatures have been verified. Only {@link verifyCheckpoint} mints one. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** Exactly as it was given. */
  readonly note: string;
  readonly cosigners: readonly Cosigner[];
}

/** A witness that has cosigned a checkpoint. */
export interface Cosigner {
  /** The name of its key in {@link LogTrust}. */
  readonly name: string;
  /** The latest time of its cosignatures that count, seconds since the epoch. */
  readonly time: number;
}

export type CheckpointVerdict =
  | {
      readonly ok: true;
      readonly checkpoint: VerifiedCheckpoint;
      readonly note: string;
      readonly cosigners: readonly Cosigner[];
    }
  | { readonly ok: false; readonly problem: LogProblem };

export interface CheckpointOptions {
  /** Seconds since the epoch. Given, cosignatures of later than 60 seconds after it do not count; otherwise no time is judged but 0. */
  readonly now?: number;
}

/** Seconds that the clock of a witness may be ahead. */
export const MAX_COSIGNATURE_SKEW = 60;
/** A note has no more signatures. */
const MAX_KEYS = 100;

/** The private field is the brand: only this module can put it on an object. */
class MintedCheckpoint implements VerifiedCheckpoint {
  readonly #minted = true;
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly extensions: readonly string[];
  readonly note: string;
  readonly cosigners: readonly Cosigner[];

  constructor(checkpoint: Checkpoint, note: string, cosigners: readonly Cosigner[]) {
    this.origin = checkpoint.origin;
    this.size = checkpoint.size;
    this.root = checkpoint.root;
    this.extensions = checkpoint.extensions;
    this.note = note;
    this.cosigners = Object.freeze(cosigners);
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedCheckpoint.prototype, 'constructor'); // or `new checkpoint.constructor(...)` would forge one

/** Whether verification, and nobody else, made this checkpoint. */
export function isVerifiedCheckpoint(value: unknown): value is VerifiedCheckpoint {
  return typeof value === 'object' && value !== null && MintedCheckpoint.made(value);
}

/**
 * Verifies a signed checkpoint: its origin, the log's signature, and cosignatures of as many different witnesses as the quorum asks
 * for. A witness counts once, also when its key stands under two names; a cosignature of time 0 does not count. Every line of a key
 * that the trust names must verify; lines of other keys are ignored.
 *
 * @throws TaperError `option_invalid` when the trust or an option is none; `crypto_asynchronous` in a browser.
 */
export function verifyCheckpoint(
  note: string,
  trust: LogTrust,
  options: CheckpointOptions = {},
): CheckpointVerdict {
  return driveSync(checkpointVerification(note, trust, options));
}

/** As {@link verifyCheckpoint}, where signatures are checked asynchronously; works everywhere. */
export async function verifyCheckpointAsync(
  note: string,
  trust: LogTrust,
  options: CheckpointOptions = {},
): Promise<CheckpointVerdict> {
  return await driveAsync(checkpointVerification(note, trust, options));
}

/** The verification behind {@link verifyCheckpoint}; yields each signature check to a driver. @throws as that does. */
export function* checkpointVerification(
  text: string,
  given: LogTrust,
  options: CheckpointOptions = {},
): Generator<SignatureCheck, CheckpointVerdict, boolean> {
  const trust = requireLogTrust(given);
  requireKnownOptions(options, ['now']);
  const { now } = options;
  if (now !== undefined && !(Number.isFinite(now) && now >= 0)) {
    throw invalid('`now` is in seconds since the epoch.');
  }
  const body = parseNote(text)?.text;
  if (body === undefined) return failed('note_malformed');
  const checkpoint = parseCheckpoint(body);
  if (checkpoint === undefined) return failed('checkpoint_malformed');
  if (checkpoint.origin !== trust.origin) return failed('origin_mismatch');

  const verdict = yield* noteVerification(text, [...trust.keys, ...trust.witnesses]);
  if (!verdict.ok) {
    // Two keys of one name and ID are refused with the trust.
    return failed(verdict.problem === 'key_ambiguous' ? 'signature_invalid' : verdict.problem);
  }
  if (!verdict.verified.some(({ key }) => key.type === 1)) return failed('signature_missing');
  const latest = now === undefined ? Number.MAX_SAFE_INTEGER : now + MAX_COSIGNATURE_SKEW;
  const cosigners = countCosigners(verdict.verified, latest);
  if (cosigners.length >= trust.quorum) {
    const minted = new MintedCheckpoint(checkpoint, text, cosigners);
    return { ok: true, checkpoint: minted, note: text, cosigners: minted.cosigners };
  }
  const ever = countCosigners(verdict.verified, Number.MAX_SAFE_INTEGER);
  return failed(ever.length >= trust.quorum ? 'cosignature_future' : 'quorum_unmet');
}

/** Each key once, with its latest time from 1 to `latest`. */
function countCosigners(verified: readonly VerifiedSignature[], latest: number): Cosigner[] {
  const byKey = new Map<string, Cosigner>();
  for (const { key, time } of verified) {
    if (time === undefined || time === 0 || time > latest) continue;
    const known = byKey.get(key.key.thumbprint);
    if (known === undefined || known.time < time)
      byKey.set(key.key.thumbprint, Object.freeze({ name: known?.name ?? key.name, time }));
  }
  return [...byKey.values()];
}

/** What {@link requireLogTrust} made, and nobody can have changed since. */
const checked = new WeakSet<LogTrust>();

/**
 * Checks what an operator says about a log and makes its keys anew, all of it frozen. Whoever verifies many checkpoints passes
 * the result, which is not checked again.
 *
 * @throws TaperError `option_invalid`: no origin, no key of the log, a key of the wrong type, two keys of one name and key ID,
 * a key of the log among the witnesses, or a quorum that its witnesses cannot reach.
 */
export function requireLogTrust(trust: LogTrust): LogTrust {
  if (checked.has(trust)) return trust;
  const { origin, quorum } = trust;
  if (typeof origin !== 'string' || origin === '') throw invalid('A log is known by its origin.');
  const keys = requireNoteKeys(trust.keys);
  const witnesses = requireNoteKeys(trust.witnesses);
  if (keys.length === 0 || keys.length > MAX_KEYS || witnesses.length > MAX_KEYS) {
    throw invalid('A log has 1 to 100 keys and at most 100 witnesses.');
  }
  if (keys.some(({ type }) => type !== 1)) throw invalid('The keys of a log are of type 1.');
  if (witnesses.some(({ type }) => type !== 4)) throw invalid('Witness keys are of type 4.');
  const ids = [...keys, ...witnesses].map(({ name, id }) => `${name}+${id}`);
  if (new Set(ids).size !== ids.length) {
    throw invalid('Two keys have one name and key ID: a signature could be of either.');
  }
  const own = new Set(keys.map(({ key }) => key.thumbprint));
  const others = new Set(witnesses.map(({ key }) => key.thumbprint));
  if ([...others].some((thumbprint) => own.has(thumbprint))) {
    throw invalid('A log is no witness of itself: the witness has the key of the log.');
  }
  if (!isLogNumber(quorum) || quorum > others.size) {
    throw invalid(`The quorum is a whole number, at most the ${others.size} different witnesses.`);
  }
  const made = Object.freeze({
    origin,
    keys: Object.freeze(keys),
    witnesses: Object.freeze(witnesses),
    quorum,
  });
  checked.add(made);
  return made;
}

function failed(problem: LogProblem): CheckpointVerdict {
  return { ok: false, problem };
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message);
}

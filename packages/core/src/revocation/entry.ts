import { platform } from '#crypto';
import { hasExactly, isTime } from '../approval/shape.ts';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalize, canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { SignatureCheck } from '../jws.ts';
import type { PublicKey } from '../key.ts';
import { signBytes } from '../make.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { signedBy } from '../signed-by.ts';
import { type EpochRecord, readEpochObject } from './epoch.ts';
import { isVerifiedRequest, type VerifiedRevocationRequest } from './request.ts';
import type { RevocationRole } from './right.ts';
import {
  isHashText,
  isRevocationReason,
  type RevocationReason,
  type RevocationTarget,
  readTarget,
} from './target.ts';

/** Bytes of an entry of a log (C2SP tlog-tiles). */
export const MAX_LOG_ENTRY_SIZE = 65_535;

/** What begins every text that an authority signs for an entry; no other text that Taper signs begins so. */
const DOMAIN = 'taper-revocation-entry-v1:';

/** An entry of type `revocation` (spec/revocation.md section 3). Times are seconds since the epoch. */
export interface RevocationEntry {
  /** Origin of the log that it is for. */
  readonly log: string;
  readonly time: number;
  readonly target: RevocationTarget;
  /** `exp` of a target that is a token. */
  readonly expiresAt: number | undefined;
  readonly by: { readonly key: string; readonly role: RevocationRole };
  readonly reason: RevocationReason;
  /** The requester's signed request. */
  readonly request: string;
}

/** An entry of the right shape that nobody has verified: it revokes nothing yet. */
export interface UnverifiedRevocationEntry extends RevocationEntry {
  /** base64url. */
  readonly signature: string;
  /** What is signed. */
  readonly signingInput: string;
}

/** An entry that an authority's key has signed for this log. Only {@link verifyRevocationEntry} and its like make one. */
export interface VerifiedRevocationEntry extends RevocationEntry {
  /** Thumbprint of the authority's key. */
  readonly authority: string;
}

/** An entry of a revocation log, told apart by its type; nothing is verified. */
export type RevocationLogEntry =
  | { readonly type: 'revocation'; readonly entry: UnverifiedRevocationEntry }
  | { readonly type: 'epoch'; readonly record: EpochRecord }
  /** Of another type: not for the revoked set. */
  | { readonly type: 'other' }
  /** A fault of the log, never to be skipped. */
  | { readonly type: 'malformed'; readonly problem: 'entry_malformed' | 'epoch_malformed' };

export type RevocationEntryVerdict =
  | { readonly ok: true; readonly entry: VerifiedRevocationEntry }
  | { readonly ok: false; readonly problem: 'entry_log_mismatch' | 'entry_signature_invalid' };

class MintedEntry implements VerifiedRevocationEntry {
  readonly #minted = true;
  readonly log: string;
  readonly time: number;
  readonly target: RevocationTarget;
  readonly expiresAt: number | undefined;
  readonly by: { readonly key: string; readonly role: RevocationRole };
  readonly reason: RevocationReason;
  readonly request: string;
  readonly authority: string;

  constructor(entry: RevocationEntry, authority: string) {
    this.log = entry.log;
    this.time = entry.time;
    this.target = entry.target;
    this.expiresAt = entry.expiresAt;
    this.by = entry.by;
    this.reason = entry.reason;
    this.request = entry.request;
    this.authority = authority;
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedEntry.prototype, 'constructor');

/** Whether verification, and nobody else, made this entry. */
export function isVerifiedRevocationEntry(value: unknown): value is VerifiedRevocationEntry {
  return typeof value === 'object' && value !== null && MintedEntry.made(value);
}

const MEMBERS = [
  'by',
  'log',
  'reason',
  'request',
  'signature',
  'target',
  'time',
  'type',
  'version',
];
const TOKEN_MEMBERS = ['by', 'expires_at', ...MEMBERS.slice(1)];
const ROLES: readonly unknown[] = ['holder', 'issuer', 'ancestor', 'authority'];

/** Tells what an entry of a revocation log is, from its bytes or its text. Never throws. */
export function readRevocationLogEntry(entry: Uint8Array | string): RevocationLogEntry {
  const text = typeof entry === 'string' ? entry : platform.decodeUtf8(entry);
  if (text === undefined || text.length > MAX_LOG_ENTRY_SIZE) return MALFORMED;
  const parsed = parseJson(text);
  if (!parsed.ok || parsed.numbers !== undefined || !isJsonObject(parsed.value)) return MALFORMED;
  const object = parsed.value;
  const type = Object.hasOwn(object, 'type') ? object['type'] : undefined;
  if (typeof type !== 'string') return MALFORMED;
  const isCanonical = canonicalizeParsed(object) === text;
  if (type === 'epoch') {
    const record = isCanonical ? readEpochObject(object) : undefined;
    return record === undefined ? MALFORMED_EPOCH : { type, record };
  }
  if (!isCanonical) return MALFORMED;
  if (type !== 'revocation') return { type: 'other' };
  const read = readEntry(object);
  return read === undefined ? MALFORMED : { type, entry: read };
}

const MALFORMED: RevocationLogEntry = Object.freeze({
  type: 'malformed',
  problem: 'entry_malformed',
});
const MALFORMED_EPOCH: RevocationLogEntry = Object.freeze({
  type: 'malformed',
  problem: 'epoch_malformed',
});

function readEntry(object: JsonObject): UnverifiedRevocationEntry | undefined {
  const target = readTarget(object['target']);
  const isToken = target?.kind === 'token';
  if (target === undefined || !hasExactly(object, isToken ? TOKEN_MEMBERS : MEMBERS))
    return undefined;
  const { by, log, reason, request, signature, time, version, expires_at: expiresAt } = object;
  if (version !== 1 || typeof log !== 'string' || log === '') return undefined;
  if (!isTime(time) || !isRevocationReason(reason) || typeof request !== 'string') return undefined;
  if (isToken && !isTime(expiresAt)) return undefined;
  if (!hasExactly(by, ['key', 'role'])) return undefined;
  const { key, role } = by;
  if (!isHashText(key) || !ROLES.includes(role)) return undefined;
  if (typeof signature !== 'string' || signature.length !== 86) return undefined;
  const { signature: _, ...signed } = object;
  return Object.freeze({
    log,
    time,
    target,
    expiresAt: isToken ? (expiresAt as number) : undefined,
    by: Object.freeze({ key, role: role as RevocationRole }),
    reason,
    request,
    signature,
    signingInput: DOMAIN + canonicalizeParsed(signed),
  });
}

/** Whose entries count, and in which log. */
export interface RevocationEntryTrust {
  /** Origin of the log. */
  readonly log: string;
  /** The authority's keys, from the verifier's own configuration. */
  readonly authority: readonly PublicKey[];
}

/** As {@link verifyRevocationEntry}, yielding each signature check to a driver. */
export function* entryVerification(
  entry: UnverifiedRevocationEntry,
  { log, authority }: RevocationEntryTrust,
): Generator<SignatureCheck, RevocationEntryVerdict, boolean> {
  if (entry.log !== log) return { ok: false, problem: 'entry_log_mismatch' };
  const key = yield* signedBy(authority, entry.signingInput, entry.signature);
  if (key === undefined) return { ok: false, problem: 'entry_signature_invalid' };
  return { ok: true, entry: new MintedEntry(entry, key.thumbprint) };
}

const UTF8 = new TextEncoder();

/**
 * Whether an entry counts for who follows this log: the authority signed it, for this log (spec/revocation.md section 3). That its
 * request gave the right to it is for auditors to check.
 * @throws {TaperError} `crypto_asynchronous` where the platform cannot verify at once.
 */
export function verifyRevocationEntry(
  entry: UnverifiedRevocationEntry,
  trust: RevocationEntryTrust,
): RevocationEntryVerdict {
  return driveSync(entryVerification(entry, trust));
}

/** As {@link verifyRevocationEntry}; works everywhere. */
export async function verifyRevocationEntryAsync(
  entry: UnverifiedRevocationEntry,
  trust: RevocationEntryTrust,
): Promise<RevocationEntryVerdict> {
  return driveAsync(entryVerification(entry, trust));
}

/**
 * Signs the entry for a verified request, as the authority; the text is what goes into the log.
 *
 * @param time seconds since the epoch at which the request was verified.
 * @throws {TaperError} `not_verified`; `signing_failed`; `entry_too_large`.
 */
export async function signRevocationEntry(
  request: VerifiedRevocationRequest,
  { log, time, signer }: { readonly log: string; readonly time: number; readonly signer: Signer },
): Promise<string> {
  if (!isVerifiedRequest(request))
    throw new TaperError('not_verified', 'Only a verified request becomes an entry.');
  const { target, reason, role, requester, compact, expiresAt } = request;
  const entry: JsonObject = {
    type: 'revocation',
    version: 1,
    log,
    time,
    target: target as unknown as JsonObject,
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    by: { key: requester, role },
    reason,
    request: compact,
  };
  const signature = await signBytes(UTF8.encode(DOMAIN + canonicalize(entry)), signer);
  const text = canonicalize({ ...entry, signature: platform.encodeBase64url(signature) });
  if (UTF8.encode(text).length > MAX_LOG_ENTRY_SIZE)
    throw new TaperError('entry_too_large', 'The entry is larger than a log takes.');
  return text;
}

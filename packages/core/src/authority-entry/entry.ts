import { platform } from '#crypto';
import { isTime } from '../approval/shape.ts';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalize, canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { SignatureCheck } from '../jws.ts';
import { signBytes } from '../make.ts';
import { MAX_LOG_ENTRY_SIZE, type RevocationEntryTrust } from '../revocation/entry.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { signedBy } from '../signed-by.ts';
import {
  type AuthorityActor,
  type AuthorityEntryBody,
  readAuthorityEntryBody,
  readBody,
} from './body.ts';

/** What begins every text that an authority signs for such an entry; no other text that Taper signs begins so. */
const DOMAIN = 'taper-authority-entry-v1:';

/** An entry of type `authority` (spec/authority-log.md section 2). */
export interface AuthorityEntry extends AuthorityEntryBody {
  /** Origin of the log that it is for. */
  readonly log: string;
  /** From 1 without a gap, over the entries of this type in the log. */
  readonly sequence: number;
}

/** An entry of the right shape that nobody has verified: it says nothing yet. */
export interface UnverifiedAuthorityEntry extends AuthorityEntry {
  /** base64url. */
  readonly signature: string;
  /** What is signed. */
  readonly signingInput: string;
}

/** An entry that an authority's key has signed for this log. Only {@link verifyAuthorityEntry} and its like make one. */
export interface VerifiedAuthorityEntry extends AuthorityEntry {
  /** Thumbprint of the authority's key. */
  readonly authority: string;
}

/** An entry of the authority's log, told apart by its type; nothing is verified. */
export type AuthorityLogEntry =
  | { readonly type: 'authority'; readonly entry: UnverifiedAuthorityEntry }
  /** Of another type, such as `revocation` or `epoch`. */
  | { readonly type: 'other' }
  /** A fault of the log, never to be skipped. */
  | { readonly type: 'malformed'; readonly problem: 'authority_entry_malformed' };

export type AuthorityEntryVerdict =
  | { readonly ok: true; readonly entry: VerifiedAuthorityEntry }
  | { readonly ok: false; readonly problem: 'entry_log_mismatch' | 'entry_signature_invalid' };

class MintedEntry implements VerifiedAuthorityEntry {
  readonly #minted = true;
  readonly log: string;
  readonly sequence: number;
  readonly time: number;
  readonly event: string;
  declare readonly tenant?: string;
  readonly by: AuthorityActor;
  readonly subject: JsonObject;
  readonly details: JsonObject;
  readonly authority: string;

  constructor(entry: AuthorityEntry, authority: string) {
    this.log = entry.log;
    this.sequence = entry.sequence;
    this.time = entry.time;
    this.event = entry.event;
    if (entry.tenant !== undefined) this.tenant = entry.tenant;
    this.by = entry.by;
    this.subject = entry.subject;
    this.details = entry.details;
    this.authority = authority;
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedEntry.prototype, 'constructor');

/** Whether verification, and nobody else, made this entry. */
export function isVerifiedAuthorityEntry(value: unknown): value is VerifiedAuthorityEntry {
  return typeof value === 'object' && value !== null && MintedEntry.made(value);
}

/** Tells whether an entry of a log is one of these, from its bytes or its text. Never throws. */
export function readAuthorityLogEntry(entry: Uint8Array | string): AuthorityLogEntry {
  const text = typeof entry === 'string' ? entry : platform.decodeUtf8(entry);
  if (text === undefined || text.length > MAX_LOG_ENTRY_SIZE) return MALFORMED;
  const parsed = parseJson(text);
  if (!parsed.ok || parsed.numbers !== undefined || !isJsonObject(parsed.value)) return MALFORMED;
  const object = parsed.value;
  const type = Object.hasOwn(object, 'type') ? object['type'] : undefined;
  if (typeof type !== 'string') return MALFORMED;
  if (type !== 'authority') return { type: 'other' };
  const read = canonicalizeParsed(object) === text ? readEntry(object) : undefined;
  return read === undefined ? MALFORMED : { type, entry: read };
}

const MALFORMED: AuthorityLogEntry = Object.freeze({
  type: 'malformed',
  problem: 'authority_entry_malformed',
});

function readEntry(object: JsonObject): UnverifiedAuthorityEntry | undefined {
  const { signature, ...signed } = object;
  const { type: _, version, log, sequence, ...rest } = signed;
  const body = readBody(rest);
  if (body === undefined || version !== 1 || typeof log !== 'string' || log === '')
    return undefined;
  if (!isTime(sequence) || sequence < 1) return undefined;
  if (typeof signature !== 'string' || signature.length !== 86) return undefined;
  return Object.freeze({
    ...body,
    log,
    sequence,
    signature,
    signingInput: DOMAIN + canonicalizeParsed(signed),
  });
}

/** As {@link verifyAuthorityEntry}, yielding each signature check to a driver. */
function* authorityEntryVerification(
  entry: UnverifiedAuthorityEntry,
  { log, authority }: RevocationEntryTrust,
): Generator<SignatureCheck, AuthorityEntryVerdict, boolean> {
  if (entry.log !== log) return { ok: false, problem: 'entry_log_mismatch' };
  const key = yield* signedBy(authority, entry.signingInput, entry.signature);
  if (key === undefined) return { ok: false, problem: 'entry_signature_invalid' };
  return { ok: true, entry: new MintedEntry(entry, key.thumbprint) };
}

const UTF8 = new TextEncoder();

/**
 * Whether an entry is the authority's, for this log (spec/authority-log.md section 3).
 * @throws {TaperError} `crypto_asynchronous` where the platform cannot verify at once.
 */
export function verifyAuthorityEntry(
  entry: UnverifiedAuthorityEntry,
  trust: RevocationEntryTrust,
): AuthorityEntryVerdict {
  return driveSync(authorityEntryVerification(entry, trust));
}

/** As {@link verifyAuthorityEntry}; works everywhere. */
export async function verifyAuthorityEntryAsync(
  entry: UnverifiedAuthorityEntry,
  trust: RevocationEntryTrust,
): Promise<AuthorityEntryVerdict> {
  return driveAsync(authorityEntryVerification(entry, trust));
}

/**
 * Numbers and signs a body, as the authority; the text is what goes into the log.
 *
 * @param body as {@link writeAuthorityEntryBody} wrote it.
 * @throws {TaperError} `option_invalid`; `signing_failed`; `entry_too_large`.
 */
export async function signAuthorityEntry(
  body: string,
  {
    log,
    sequence,
    signer,
  }: { readonly log: string; readonly sequence: number; readonly signer: Signer },
): Promise<string> {
  const read = readAuthorityEntryBody(body);
  const isPlace = typeof log === 'string' && log !== '' && isTime(sequence) && sequence >= 1;
  if (read === undefined || !isPlace)
    throw new TaperError('option_invalid', 'This is no body, no log or no place of an entry.');
  const entry: JsonObject = {
    ...(read as unknown as JsonObject),
    type: 'authority',
    version: 1,
    log,
    sequence,
  };
  const signature = await signBytes(UTF8.encode(DOMAIN + canonicalize(entry)), signer);
  const text = canonicalize({ ...entry, signature: platform.encodeBase64url(signature) });
  if (UTF8.encode(text).length > MAX_LOG_ENTRY_SIZE)
    throw new TaperError('entry_too_large', 'The entry is larger than a log takes.');
  return text;
}

/** The text of an entry's body, as it was handed over to be signed. */
export function authorityEntryBodyText({
  time,
  event,
  tenant,
  by,
  subject,
  details,
}: AuthorityEntryBody): string {
  return canonicalize({
    time,
    event,
    ...(tenant === undefined ? {} : { tenant }),
    by: {
      kind: by.kind,
      id: by.id,
      ...(by.delegate === undefined ? {} : { delegate: by.delegate }),
    },
    subject,
    details,
  });
}

import { copyJson, hasExactly, isBoundedText, isTime } from '../approval/shape.ts';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { isHashText } from '../revocation/target.ts';
import { readCanonicalObject } from './canonical.ts';

/** What an authority writes into its log (spec/authority-log.md section 4). */
export const AUTHORITY_EVENTS = [
  'agent.enrolled',
  'agent.suspended',
  'agent.resumed',
  'agent.retired',
  'agent.key_rotated',
  'key.compromised',
  'enrolment.created',
  'enrolment.used',
  'grants.applied',
  'root.issued',
  'issuance.pending',
  'issuance.approved',
  'issuance.closed',
  'peer.allowed',
  'peer.blocked',
  'peer.removed',
  'administrator.added',
  'administrator.removed',
  'revocation.added',
  'anchors.published',
] as const;

export type AuthorityEvent = (typeof AUTHORITY_EVENTS)[number];

/** Who can have done something. */
export const AUTHORITY_ACTORS = [
  'administrator',
  'agent',
  'operator',
  'enrolment',
  'workload',
  'authority',
] as const;

export interface AuthorityActor {
  readonly kind: (typeof AUTHORITY_ACTORS)[number];
  /** 1 to 1024 UTF-16 code units. */
  readonly id: string;
  /** RFC 7638 thumbprint of the key that called, where an administrator had handed on to it; left out where the call was the actor's own. */
  readonly delegate?: string;
}

/** What an entry of the authority log says, before it has a place in it. */
export interface AuthorityEntryBody {
  /** Seconds since the epoch. */
  readonly time: number;
  /** What happened. One that is read may be of a later version of Taper. */
  readonly event: string;
  /** Left out where it is about no tenant, or about all. */
  readonly tenant?: string;
  readonly by: AuthorityActor;
  /** To whom or what it happened. */
  readonly subject: JsonObject;
  readonly details: JsonObject;
}

/** Bytes of the text of a body, so that the entry fits into a log. */
export const MAX_AUTHORITY_BODY_SIZE = 64_000;

const BODY_MEMBERS: readonly string[] = ['by', 'details', 'event', 'subject', 'time'];

/**
 * The text of a body: canonical JSON (RFC 8785).
 * @throws {TaperError} `option_invalid` for an event that is not in {@link AUTHORITY_EVENTS}, or what is no body;
 * `entry_too_large`.
 */
export function writeAuthorityEntryBody(
  body: Omit<AuthorityEntryBody, 'event'> & { readonly event: AuthorityEvent },
): string {
  const copy = copyJson(body);
  const read = isJsonObject(copy) ? readBody(copy) : undefined;
  if (read === undefined || !AUTHORITY_EVENTS.some((event) => event === read.event))
    throw new TaperError('option_invalid', 'This is no body of an authority entry.', {
      hint: 'See spec/authority-log.md. A member without a value is left out, and is not undefined.',
    });
  const text = canonicalize(copy);
  if (isTooLarge(text))
    throw new TaperError('entry_too_large', 'The body is larger than a log takes.', {
      hint: 'Put a hash of it into the entry, and keep the whole elsewhere.',
    });
  return text;
}

/** Reads the text of a body; `undefined` for anything but canonical JSON of its shape. */
export function readAuthorityEntryBody(text: string): AuthorityEntryBody | undefined {
  if (typeof text !== 'string' || isTooLarge(text)) return undefined;
  const object = readCanonicalObject(text);
  return object === undefined ? undefined : readBody(object);
}

/** Reads the members of a body, and no others. */
export function readBody(object: JsonObject): AuthorityEntryBody | undefined {
  const hasTenant = Object.hasOwn(object, 'tenant');
  if (
    !hasExactly(object, hasTenant ? [...BODY_MEMBERS.slice(0, 4), 'tenant', 'time'] : BODY_MEMBERS)
  )
    return undefined;
  const { time, event, tenant, by, subject, details } = object;
  if (!isTime(time) || !isEventName(event) || !isActor(by)) return undefined;
  if (hasTenant && !isName(tenant, 256)) return undefined;
  if (!isJsonObject(subject) || !isJsonObject(details)) return undefined;
  return Object.freeze({
    time,
    event,
    ...(hasTenant ? { tenant: tenant as string } : {}),
    by: Object.freeze({
      kind: by.kind,
      id: by.id,
      ...(by.delegate === undefined ? {} : { delegate: by.delegate }),
    }),
    subject,
    details,
  });
}

/** Two words or more of lowercase letters, digits and low lines, joined by full stops; at most 64 characters. */
function isEventName(value: JsonValue | undefined): value is string {
  return isBoundedText(value, 64) && /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/.test(value);
}

function isActor(value: JsonValue | undefined): value is JsonObject & AuthorityActor {
  // Only administrators hand on what they may do here.
  const isDelegated = isJsonObject(value) && Object.hasOwn(value, 'delegate');
  if (!hasExactly(value, isDelegated ? ['delegate', 'id', 'kind'] : ['id', 'kind'])) return false;
  if (isDelegated && !(value['kind'] === 'administrator' && isHashText(value['delegate'])))
    return false;
  return AUTHORITY_ACTORS.some((kind) => kind === value['kind']) && isName(value['id'], 1024);
}

function isName(value: JsonValue | undefined, most: number): value is string {
  return isBoundedText(value, most) && value.isWellFormed() && !/\p{Cc}/u.test(value);
}

function isTooLarge(text: string): boolean {
  return (
    text.length > MAX_AUTHORITY_BODY_SIZE || UTF8.encode(text).length > MAX_AUTHORITY_BODY_SIZE
  );
}

const UTF8 = new TextEncoder();

import { platform } from '#crypto';
import { TaperError } from '../error.ts';
import { listAt, objectAt, optionalAt, ShapeError, textAt, wholeAt } from '../evidence/shape.ts';
import { type CheckedHybridKey, checkHybridKey, type HybridKey } from '../hybrid/key.ts';
import { canonicalize } from '../jcs.ts';
import { type JsonObject, type JsonValue, parseJson } from '../json.ts';
import { isWellKnownTestKey, type PublicKey, readPublicKey } from '../key.ts';
import { type NoteKey, type NoteKeyType, parseNoteKey } from '../log-proof/note-key.ts';

/**
 * `next`: announced, and about to be used. `current`: signs roots, and this document. `retired`: signs nothing; what it signed before
 * counts until `notAfter`.
 */
export type AnchorState = 'next' | 'current' | 'retired';

/** A root key of an issuer and when it counts. Times are seconds since the epoch. */
export interface AnchorEntry {
  readonly key: PublicKey;
  readonly hybrid?: HybridKey;
  readonly state: AnchorState;
  /** First second in which it counts. */
  readonly notBefore: number;
  /** First second in which it no longer does. A retired key has one. */
  readonly notAfter?: number;
}

/** What an issuer says of its keys (spec/anchors.md). No key stands in it twice. */
export interface AnchorsBody {
  readonly issuer: string;
  /** From 1, one more each time. */
  readonly sequence: number;
  readonly issuedAt: number;
  /** Whoever is given this document from then on is kept from a newer one. */
  readonly expiresAt: number;
  /** Every root key that there ever was, 1 to 100. */
  readonly anchors: readonly AnchorEntry[];
  /** The authority's log. */
  readonly log: { readonly origin: string; readonly key: NoteKey };
  /** Keys that sign entries of the log. */
  readonly authorityKeys: readonly PublicKey[];
  /** Keys that sign identity documents. */
  readonly identityKeys: readonly PublicKey[];
  readonly witnesses: readonly NoteKey[];
  /** How many witnesses must have cosigned a checkpoint of the log. */
  readonly quorum: number;
}

/** A document of the right form, whose signatures nobody has checked. */
export interface UnsafeAnchors extends AnchorsBody {
  /** Canonical JSON of the body: what is signed and compared. */
  readonly canonical: string;
  readonly signatures: readonly { readonly key: string; readonly signature: string }[];
}

/** Characters of a file with one document or a history of them. */
export const MAX_ANCHORS_LENGTH: number = 1024 * 1024;

/** Of each list of keys. */
const MAX_KEYS = 100;
const MAX_DOCUMENTS = 1000;
const MAX_VALUES = 500_000;

const BODY = [
  'anchors',
  'authority_keys',
  'expires_at',
  'identity_keys',
  'issued_at',
  'issuer',
  'log',
  'quorum',
  'sequence',
  'type',
  'version',
  'witnesses',
];

/**
 * Reads a trust-anchor document, or a history of them: `{"type": "taper-anchors-history", "version": 1, "documents": […]}`, oldest first.
 * @returns the documents in order, each numbered one more than the one before.
 * @throws TaperError `anchors_invalid`, whose message names the place.
 */
export function readAnchors(text: string): readonly UnsafeAnchors[] {
  if (typeof text !== 'string' || text.length > MAX_ANCHORS_LENGTH) throw invalid('its length');
  const parsed = parseJson(text, MAX_VALUES);
  if (!parsed.ok || parsed.numbers !== undefined) throw invalid('its JSON');
  try {
    return readFile(parsed.value);
  } catch (cause) {
    if (cause instanceof ShapeError) throw invalid(cause.path === '' ? 'its form' : cause.path);
    throw cause;
  }
}

/** The text of a document with its signatures. */
export function writeAnchors(anchors: UnsafeAnchors): string {
  return canonicalize(documentOf(anchors), MAX_VALUES);
}

/** The text of documents together, for whoever has to go from one to the next. Oldest first. */
export function writeAnchorsHistory(documents: readonly UnsafeAnchors[]): string {
  const history = {
    type: 'taper-anchors-history',
    version: 1,
    documents: documents.map(documentOf),
  };
  return canonicalize(history, MAX_VALUES);
}

function documentOf({ canonical, signatures }: UnsafeAnchors): JsonObject {
  const parsed = parseJson(canonical, MAX_VALUES);
  if (!parsed.ok) throw invalid('its JSON');
  return { ...(parsed.value as JsonObject), signatures: signatures.map((each) => ({ ...each })) };
}

/** Canonical JSON of a body. @throws TaperError `anchors_invalid` when it is none. */
export function canonicalBody(body: AnchorsBody): string {
  const text = canonicalize({
    type: 'taper-anchors',
    version: 1,
    issuer: body.issuer,
    sequence: body.sequence,
    issued_at: body.issuedAt,
    expires_at: body.expiresAt,
    anchors: body.anchors.map(({ key, hybrid, state, notBefore, notAfter }) => ({
      jwk: key.jwk,
      state,
      not_before: notBefore,
      ...(hybrid === undefined ? {} : { hybrid: { ...checkHybridKey(hybrid) } }),
      ...(notAfter === undefined ? {} : { not_after: notAfter }),
    })),
    log: { origin: body.log.origin, key: body.log.key.text },
    authority_keys: body.authorityKeys.map(({ jwk }) => jwk),
    identity_keys: body.identityKeys.map(({ jwk }) => jwk),
    witnesses: body.witnesses.map(({ name, text: key }) => ({ name, key })),
    quorum: body.quorum,
  });
  readAnchors(`{"signatures":[],${text.slice(1)}`);
  return text;
}

function readFile(value: JsonValue): readonly UnsafeAnchors[] {
  const type = value !== null && typeof value === 'object' && 'type' in value ? value.type : '';
  if (type === 'taper-anchors') return [readDocument(value, '')];
  const file = objectAt(value, '', ['documents', 'type', 'version']);
  if (type !== 'taper-anchors-history') throw new ShapeError('type');
  if (file['version'] !== 1) throw new ShapeError('version');
  const limits = { least: 1, most: MAX_DOCUMENTS };
  const documents = listAt(file['documents'], 'documents', readDocument, limits);
  for (const [index, { sequence }] of documents.entries())
    if (sequence !== (documents[0] as UnsafeAnchors).sequence + index)
      throw new ShapeError(`documents[${index}].sequence`);
  return documents;
}

function readDocument(value: JsonValue, at: string): UnsafeAnchors {
  const path = (member: string): string => (at === '' ? member : `${at}.${member}`);
  const object = objectAt(value, at, [...BODY, 'signatures']);
  if (object['type'] !== 'taper-anchors') throw new ShapeError(path('type'));
  if (object['version'] !== 1) throw new ShapeError(path('version'));
  const issuedAt = wholeAt(object['issued_at'], path('issued_at'));
  const log = objectAt(object['log'], path('log'), ['key', 'origin']);
  const list = { most: MAX_KEYS };
  const witnesses = listAt(object['witnesses'], path('witnesses'), readWitness, list);
  const quorum = wholeAt(object['quorum'], path('quorum'));
  if (quorum > witnesses.length) throw new ShapeError(path('quorum'));
  const body: AnchorsBody = {
    issuer: textAt(object['issuer'], path('issuer')),
    sequence: wholeAt(object['sequence'], path('sequence'), 1),
    issuedAt,
    expiresAt: wholeAt(object['expires_at'], path('expires_at'), issuedAt + 1),
    anchors: listAt(object['anchors'], path('anchors'), readEntry, { ...list, least: 1 }),
    log: {
      origin: textAt(log['origin'], path('log.origin')),
      key: noteKeyAt(log['key'], path('log.key'), 1),
    },
    authorityKeys: listAt(object['authority_keys'], path('authority_keys'), keyAt, list),
    identityKeys: listAt(object['identity_keys'], path('identity_keys'), keyAt, list),
    witnesses,
    quorum,
  };
  if (!body.anchors.some(({ state }) => state === 'current')) throw new ShapeError(path('anchors'));
  requireOneUse(body, path);
  const { signatures, ...signed } = object;
  return Object.freeze({
    ...body,
    canonical: canonicalize(signed, MAX_VALUES),
    signatures: listAt(signatures, path('signatures'), readSignature, list),
  });
}

/** Each key serves one purpose, once. */
function requireOneUse(body: AnchorsBody, path: (member: string) => string): void {
  const seen = new Set<string>();
  const uses: readonly (readonly [string, readonly PublicKey[]])[] = [
    ['anchors', body.anchors.map(({ key }) => key)],
    ['authority_keys', body.authorityKeys],
    ['identity_keys', body.identityKeys],
    ['log', [body.log.key.key]],
    ['witnesses', body.witnesses.map(({ key }) => key)],
  ];
  for (const [member, keys] of uses) {
    for (const { thumbprint } of keys) {
      if (seen.has(thumbprint)) throw new ShapeError(path(member));
      seen.add(thumbprint);
    }
  }
}

function readEntry(value: JsonValue, path: string): AnchorEntry {
  const object = objectAt(value, path, ['jwk', 'not_before', 'state'], ['hybrid', 'not_after']);
  const state = object['state'];
  if (state !== 'next' && state !== 'current' && state !== 'retired')
    throw new ShapeError(`${path}.state`);
  const notBefore = wholeAt(object['not_before'], `${path}.not_before`);
  const notAfter = optionalAt(object, 'not_after', path, (time, place) =>
    // Equal: it never counts, as of a key that was announced and then given up.
    wholeAt(time, place, notBefore),
  );
  if (state === 'retired' && notAfter === undefined) throw new ShapeError(`${path}.not_after`);
  const hybrid = optionalAt(object, 'hybrid', path, readHybrid);
  return Object.freeze({
    key: keyAt(object['jwk'], `${path}.jwk`),
    state,
    notBefore,
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(hybrid === undefined ? {} : { hybrid }),
  });
}

function readHybrid(value: JsonValue, path: string): CheckedHybridKey {
  const object = objectAt(value, path, ['alg', 'key']);
  if (typeof object['key'] !== 'string') throw new ShapeError(`${path}.key`);
  try {
    return checkHybridKey(object as unknown as HybridKey);
  } catch {
    throw new ShapeError(path);
  }
}

function readWitness(value: JsonValue, path: string): NoteKey {
  const object = objectAt(value, path, ['key', 'name']);
  const key = noteKeyAt(object['key'], `${path}.key`, 4);
  if (object['name'] !== key.name) throw new ShapeError(`${path}.name`);
  return key;
}

function readSignature(value: JsonValue, path: string): UnsafeAnchors['signatures'][number] {
  const object = objectAt(value, path, ['key', 'signature']);
  const signature = textAt(object['signature'], `${path}.signature`);
  if (platform.decodeBase64url(signature)?.length !== 64) throw new ShapeError(`${path}.signature`);
  return Object.freeze({ key: textAt(object['key'], `${path}.key`), signature });
}

function keyAt(value: JsonValue | undefined, path: string): PublicKey {
  const key = readPublicKey(value);
  // Only the members that a key has, so that one key has one spelling.
  if (typeof key === 'string' || isWellKnownTestKey(key)) throw new ShapeError(path);
  if (canonicalize(value) !== canonicalize(key.jwk)) throw new ShapeError(path);
  return key;
}

function noteKeyAt(value: JsonValue | undefined, path: string, type: NoteKeyType): NoteKey {
  const key = parseNoteKey(textAt(value, path));
  if (key?.type !== type || isWellKnownTestKey(key.key)) throw new ShapeError(path);
  return key;
}

function invalid(place: string): TaperError {
  return new TaperError(
    'anchors_invalid',
    `The trust-anchor document cannot be read: wrong is ${place}.`,
    { hint: 'See spec/anchors.md, and spec/anchors.schema.json.' },
  );
}

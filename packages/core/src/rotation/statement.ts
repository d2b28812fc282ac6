import { platform } from '#crypto';
import { hasExactly, isBoundedText, isTime } from '../approval/shape.ts';
import type { Algorithm } from '../crypto/port.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import { decodeSegment, splitJws } from '../jws.ts';
import { type PublicKey, readPublicKey } from '../key.ts';
import { isHashText } from '../revocation/target.ts';

/** `typ` of a rotation statement. Nothing else that Taper signs has it. */
export const ROTATION_TYPE = 'taper-rotation+jwt';

/** `typ` of a key's consent to a rotation. */
export const ROTATION_CONSENT_TYPE = 'taper-rotation-consent+jwt';

/** Statements that one header may carry. */
export const MAX_ROTATIONS = 8;

/** Characters of a statement in compact serialization. */
export const MAX_ROTATION_SIZE = 8192;

/** Seconds between a key's consent and the statement it stands in, either way. */
const MAX_CONSENT_AGE = 300;

/** A JWS of a rotation, taken apart but not verified. */
export interface UnverifiedSignature {
  readonly alg: Algorithm;
  /** Thumbprint of the key that it says has signed it. */
  readonly kid: string;
  /** What is signed, ASCII. */
  readonly input: Uint8Array;
  readonly signatureSegment: string;
  readonly claims: JsonObject;
}

/** What a key agrees to: that the one is replaced by the other. */
interface UnverifiedConsent extends UnverifiedSignature {
  readonly issuedAt: number;
}

/** What a rotation statement says, before anything of it is verified. */
export interface UnsafeRotation {
  /** `iss`: the root issuer. */
  readonly issuer: string;
  /** `sub`: SPIFFE ID of the agent whose key it is. */
  readonly subject: string;
  /** The first path segment of the subject. */
  readonly tenant: string;
  /** RFC 7638 thumbprint. */
  readonly oldKey: string;
  readonly newKey: PublicKey;
  /** Seconds since the epoch: from when the new key acts. */
  readonly issuedAt: number;
  /** Seconds since the epoch: the first at which the old key may no longer act. */
  readonly oldUntil: number;
  /** `jti`. */
  readonly id: string;
  /** Who asked for it: the holder, by the consent of its old key, or the operator without it. */
  readonly by: 'holder' | 'operator';
  /** `kid`: thumbprint of the root key that it says has signed it. */
  readonly signer: string;
}

/** A statement taken apart, with the consents in it. */
export interface UnverifiedRotation extends UnsafeRotation {
  readonly signature: UnverifiedSignature;
  /** By the old key; `undefined` where the operator rotated without it. */
  readonly consent: UnverifiedConsent | undefined;
  /** By the new key. */
  readonly acceptance: UnverifiedConsent;
}

/** A trust domain name and at least one path segment (SPIFFE ID section 2). */
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}((?:\/[A-Za-z0-9._-]+)+)$/;

/** The first path segment of a SPIFFE ID; `undefined` for what is none, or has none. */
function tenantOfSubject(subject: string): string | undefined {
  const path = subject.length > 2048 ? undefined : SPIFFE_ID.exec(subject)?.[1];
  const segments = path?.slice(1).split('/');
  if (segments === undefined || segments.some((each) => each === '.' || each === '..'))
    return undefined;
  return segments[0];
}

/** Reads what a statement says, verifying no signature; `undefined` for what is none (spec/rotation.md section 2). */
export function readRotation(compact: string): UnsafeRotation | undefined {
  const read = takeRotationApart(compact);
  if (read === undefined) return undefined;
  const { signature, consent, acceptance, ...said } = read;
  return Object.freeze(said);
}

/** As {@link readRotation}, with what is to be verified. */
export function takeRotationApart(compact: unknown): UnverifiedRotation | undefined {
  const signature = readSigned(compact, ROTATION_TYPE);
  if (signature === undefined) return undefined;
  const { claims } = signature;
  const isConsented = Object.hasOwn(claims, 'consent');
  const source = isConsented ? ['consent'] : [];
  const operator = isConsented ? [] : ['by'];
  const members = ['acceptance', ...operator, ...source, 'iat', 'iss', 'jti', 'new', 'old'];
  if (!hasExactly(claims, [...members, 'old_until', 'sub'])) return undefined;
  const { iat: issuedAt, iss: issuer, jti: id, old: oldKey, old_until: oldUntil } = claims;
  const { sub: subject } = claims;
  if (!isConsented && claims['by'] !== 'operator') return undefined;
  if (!isBoundedText(issuer, 2048) || !isBoundedText(id, 128)) return undefined;
  if (!isTime(issuedAt) || !isTime(oldUntil) || oldUntil < issuedAt) return undefined;
  const tenant = isBoundedText(subject, 2048) ? tenantOfSubject(subject) : undefined;
  const newKey = readPublicKey(claims['new']);
  if (tenant === undefined || typeof newKey === 'string' || !isHashText(oldKey)) return undefined;
  if (newKey.thumbprint === oldKey) return undefined;
  const agreed: Agreed = {
    iss: issuer,
    new: newKey.thumbprint,
    old: oldKey,
    sub: subject as string,
  };
  const consent = isConsented
    ? readConsent(claims['consent'], agreed, oldKey, issuedAt)
    : undefined;
  const acceptance = readConsent(claims['acceptance'], agreed, newKey.thumbprint, issuedAt);
  if (acceptance === undefined || (isConsented && consent === undefined)) return undefined;
  return {
    issuer,
    subject: subject as string,
    tenant,
    oldKey,
    newKey,
    issuedAt,
    oldUntil,
    id,
    by: isConsented ? 'holder' : 'operator',
    signer: signature.kid,
    signature,
    consent,
    acceptance,
  };
}

/** What both keys sign, but for the time. Keys by thumbprint. */
interface Agreed {
  readonly iss: string;
  readonly new: string;
  readonly old: string;
  readonly sub: string;
}

function readConsent(
  compact: unknown,
  agreed: Agreed,
  thumbprint: string,
  statedAt: number,
): UnverifiedConsent | undefined {
  const signature = readSigned(compact, ROTATION_CONSENT_TYPE);
  if (signature?.kid !== thumbprint) return undefined;
  const { claims } = signature;
  if (!hasExactly(claims, ['iat', 'iss', 'new', 'old', 'sub'])) return undefined;
  for (const [name, value] of Object.entries(agreed)) if (claims[name] !== value) return undefined;
  const issuedAt = claims['iat'];
  if (!isTime(issuedAt) || Math.abs(statedAt - issuedAt) > MAX_CONSENT_AGE) return undefined;
  return { ...signature, issuedAt };
}

/** A JWS whose header has exactly `alg`, `kid` and this `typ`: no member that carries a key or asks to be understood. */
function readSigned(compact: unknown, typ: string): UnverifiedSignature | undefined {
  if (typeof compact !== 'string' || compact.length > MAX_ROTATION_SIZE) return undefined;
  const jws = splitJws(compact);
  const header = jws && readObject(jws.headerSegment);
  const claims = jws && readObject(jws.payloadSegment);
  if (jws === undefined || header === undefined || claims === undefined) return undefined;
  if (!hasExactly(header, ['alg', 'kid', 'typ']) || header['typ'] !== typ) return undefined;
  const { alg, kid } = header;
  if ((alg !== 'Ed25519' && alg !== 'ES256') || !isHashText(kid)) return undefined;
  const input = platform.asciiBytes(jws.signingInput);
  return { alg, kid, input, signatureSegment: jws.signatureSegment, claims };
}

/** A JSON object in which every number is written as it reads. */
function readObject(segment: string): JsonObject | undefined {
  const text = decodeSegment(segment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || parsed.numbers !== undefined || !isJsonObject(parsed.value)) return undefined;
  return parsed.value;
}

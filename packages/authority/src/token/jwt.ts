import {
  type Algorithm,
  canonicalSignature,
  isJsonObject,
  type JsonObject,
  type JsonResult,
  type PublicKey,
  parseJson,
  platform,
  precheckSignature,
} from '@taper/core';

type NumberForms = Extract<JsonResult, { ok: true }>['numbers'];

/** Members of a JSON object, with what their text says beyond their values. */
export interface JwtMembers {
  readonly object: JsonObject;
  readonly numbers: NumberForms;
}

/** A JWT in compact serialization (RFC 7519), taken apart. Nothing in it is verified. */
export interface UnverifiedJwt {
  readonly compact: string;
  readonly header: JsonObject;
  readonly claims: JwtMembers;
  /** The JWS Signing Input. */
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

/** Exactly one base64url segment each; what is between them is judged where it is decoded. */
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** Takes a JWT apart; `undefined` for what is none: size, segments, JSON, a member that stands twice, a `crit` header (none is understood). */
export function readJwt(compact: string, maxLength: number): UnverifiedJwt | undefined {
  if (compact.length > maxLength) return undefined;
  const [, first = '', second = '', third = ''] = COMPACT.exec(compact) ?? [];
  const header = readMembers(first)?.object;
  const claims = readMembers(second);
  const signature = platform.decodeBase64url(third);
  if (header === undefined || claims === undefined || signature === undefined) return undefined;
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return undefined;
  const input = platform.asciiBytes(`${first}.${second}`);
  return { compact, header, claims, input, signature };
}

/** The claims that a JWT seems to have, whatever its header says: for choosing what to verify it with, or once it has been verified. */
export function unsafeClaims(compact: string): JwtMembers | undefined {
  return readMembers(compact.split('.', 2)[1] ?? '');
}

/** The algorithm that a header names, by the one name that Taper has for it; `undefined` for any other. `EdDSA` is the older name (RFC 9864). */
export function algorithmOf(header: JsonObject): Algorithm | undefined {
  const alg = Object.hasOwn(header, 'alg') ? header['alg'] : undefined;
  if (alg === 'Ed25519' || alg === 'EdDSA') return 'Ed25519';
  return alg === 'ES256' ? 'ES256' : undefined;
}

/** Whether the key signed the JWT, under the algorithm that its header names. Of ES256 both forms of S count: other clients make either. */
export function isSignedBy(jwt: UnverifiedJwt, key: PublicKey): boolean {
  if (algorithmOf(jwt.header) !== key.alg || platform.verify === undefined) return false;
  if (jwt.signature.length !== 64) return false;
  const signature = canonicalSignature(key.alg, jwt.signature);
  if (precheckSignature(key.alg, signature) !== undefined) return false;
  return platform.verify(key, jwt.input, signature) === true;
}

/** A claim that is a non-empty string of at most `maxLength` UTF-16 code units. */
export function textClaim(
  { object }: JwtMembers,
  name: string,
  maxLength = 2048,
): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined;
}

/** A claim that is a NumericDate in whole seconds, 0 or more. */
export function timeClaim({ object, numbers }: JwtMembers, name: string): number | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  if (!Number.isSafeInteger(value) || numbers?.get(object)?.has(name) || (value as number) < 0)
    return undefined;
  return value as number;
}

/** base64url SHA-256 of an ASCII text as it stands. */
export function hashText(text: string): string {
  return platform.sha256(new TextEncoder().encode(text));
}

function readMembers(segment: string): JwtMembers | undefined {
  const bytes = platform.decodeBase64url(segment);
  const text = bytes === undefined ? undefined : platform.decodeUtf8(bytes);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value)) return undefined;
  return { object: parsed.value, numbers: parsed.numbers };
}

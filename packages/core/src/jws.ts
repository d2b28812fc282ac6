import { platform } from '#crypto';
import type { Algorithm } from './crypto/port.ts';
import type { DenialCode } from './denial.ts';
import { canonicalize } from './jcs.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from './json.ts';
import type { PublicKey } from './key.ts';
import { precheckSignature } from './signature.ts';

/** `typ` of a token and of a proof (draft section 3.5). */
export type JwsType = 'aat+jwt' | 'aat-pop+jwt';

/** A JWS in compact serialization, taken apart but not verified (RFC 7515 section 7.1). */
export interface UnverifiedJws {
  /** `BASE64URL(header) '.' BASE64URL(payload)`: what is signed and hashed. */
  readonly signingInput: string;
  readonly headerSegment: string;
  readonly payloadSegment: string;
  readonly signatureSegment: string;
}

/** One signature that a driver must check before the algorithm goes on. */
export interface SignatureCheck {
  readonly key: PublicKey;
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a protected header that passed says. */
export interface ReadHeader {
  readonly alg: Algorithm;
  /** Whether it names the profile `taper`: the payload must have caveats then, and must have none otherwise. */
  readonly marked: boolean;
  /** The rotation statements that it carries, unread (spec/rotation.md section 4). */
  readonly rotation: JsonValue | undefined;
}

/** The header parameter of tokens and proofs that carries rotation statements (spec/rotation.md section 4). */
export const ROTATION_PARAMETER = 'taper_rotation';

/** Version of the profile, the value of the header parameter `taper` (spec/profile.md section 2). */
const PROFILE_VERSION = 1;

/** The headers that Taper writes, so that reading one is a comparison; those in use most come first. */
const USUAL_HEADERS = [false, true].flatMap((marked) =>
  (['Ed25519', 'ES256'] as const).flatMap((alg) =>
    (marked ? (['aat+jwt'] as const) : (['aat+jwt', 'aat-pop+jwt'] as const)).map((typ) => ({
      segment: encodeHeader(alg, typ, marked),
      typ,
      read: Object.freeze<ReadHeader>({ alg, marked, rotation: undefined }),
    })),
  ),
);

/** The protected header that Taper writes, as a base64url segment. Its members are in canonical order. `marked`: it names the profile. */
export function encodeHeader(alg: Algorithm, typ: JwsType, marked = false): string {
  const crit = marked ? '"crit":["taper"],' : '';
  const version = marked ? `"taper":${PROFILE_VERSION},` : '';
  const header = `{"alg":"${alg}",${crit}${version}"typ":"${typ}"}`;
  return platform.encodeBase64url(platform.asciiBytes(header));
}

/** As {@link encodeHeader}, with further members, which are ASCII. */
export function encodeHeaderWith(
  alg: Algorithm,
  typ: JwsType,
  marked: boolean,
  members: JsonObject,
): string {
  const header = canonicalize(headerWith(alg, typ, marked, members));
  return platform.encodeBase64url(platform.asciiBytes(header));
}

/** The members of such a header. */
export function headerWith(
  alg: Algorithm,
  typ: JwsType,
  marked: boolean,
  members: JsonObject,
): JsonObject {
  const profile = marked ? { crit: ['taper'], taper: PROFILE_VERSION } : {};
  return { alg, ...profile, ...members, typ };
}

/** Takes a compact serialization apart: three segments, whose encoding is judged where they are decoded. The last may be empty (an unsecured JWS, refused by its `alg`). */
export function splitJws(compact: string): UnverifiedJws | undefined {
  const first = compact.indexOf('.');
  const second = compact.indexOf('.', first + 1);
  if (first < 1 || second < first + 2 || compact.indexOf('.', second + 1) !== -1) return undefined;
  return {
    signingInput: compact.slice(0, second),
    headerSegment: compact.slice(0, first),
    payloadSegment: compact.slice(first + 1, second),
    signatureSegment: compact.slice(second + 1),
  };
}

/** The text in a segment; `undefined` unless it is strict base64url of UTF-8. */
export function decodeSegment(segment: string): string | undefined {
  const bytes = platform.decodeBase64url(segment);
  return bytes === undefined ? undefined : platform.decodeUtf8(bytes);
}

/**
 * Reads `alg` from the protected header and judges it, `typ` and `crit` (draft section 3.5; steps 3a, 4a and 7a).
 * Header parameters that carry or point to keys are not looked at. `malformed` is the code for a header that is not a JSON object;
 * `profile` says whether the profile `taper` is understood here (spec/profile.md section 2).
 */
export function readHeader(
  segment: string,
  typ: JwsType,
  malformed: DenialCode,
  profile: boolean,
): ReadHeader | { readonly code: DenialCode } {
  for (const usual of USUAL_HEADERS) {
    if (usual.segment !== segment) continue;
    if (usual.typ !== typ) return { code: 'type_mismatch' };
    return usual.read.marked && !profile ? { code: 'critical_header_unknown' } : usual.read;
  }
  const text = decodeSegment(segment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value)) return { code: malformed };
  const header = parsed.value;
  const alg = Object.hasOwn(header, 'alg') ? header['alg'] : undefined;
  if (alg !== 'Ed25519' && alg !== 'ES256') return { code: 'algorithm_not_allowed' };
  if (!Object.hasOwn(header, 'typ') || header['typ'] !== typ) return { code: 'type_mismatch' };
  const isToken = typ === 'aat+jwt';
  const rotation = Object.hasOwn(header, ROTATION_PARAMETER)
    ? header[ROTATION_PARAMETER]
    : undefined;
  if (!Object.hasOwn(header, 'crit')) {
    return isToken && Object.hasOwn(header, 'taper')
      ? { code: 'caveats_unmarked' }
      : { alg, marked: false, rotation };
  }
  // Only the profile is understood, and only on tokens; any other `crit` is refused (RFC 7515 section 4.1.11).
  const crit = header['crit'];
  const namesProfile = Array.isArray(crit) && crit.length === 1 && crit[0] === 'taper';
  if (!isToken || !profile || !namesProfile) return { code: 'critical_header_unknown' };
  const isVersion =
    Object.hasOwn(header, 'taper') &&
    header['taper'] === PROFILE_VERSION &&
    parsed.numbers?.get(header)?.has('taper') !== true;
  return isVersion ? { alg, marked: true, rotation } : { code: 'profile_version_unknown' };
}

/** The bytes of a signature; `undefined` when the segment cannot be a signature of `alg` (steps 3b, 4b and 7b). */
export function decodeSignature(segment: string, alg: Algorithm): Uint8Array | undefined {
  const signature = platform.decodeBase64url(segment);
  if (signature === undefined || precheckSignature(alg, signature) !== undefined) return undefined;
  return signature;
}

/** SHA-256 of a signing input, base64url: `par_hash` and `aat_hash` (draft section 4.6). */
export function hashSigningInput(input: Uint8Array): string {
  return platform.sha256(input);
}

import { platform } from '#crypto';
import type { Algorithm } from './crypto/port.ts';
import type { DenialCode } from './denial.ts';
import { isJsonObject, parseJson } from './json.ts';
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

/** The headers that Taper writes, so that reading one is a comparison. */
const USUAL_HEADERS = (['Ed25519', 'ES256'] as const).flatMap((alg) =>
  (['aat+jwt', 'aat-pop+jwt'] as const).map((typ) => ({
    segment: encodeHeader(alg, typ),
    alg,
    typ,
  })),
);

/** The protected header that Taper writes, as a base64url segment. Its members are in canonical order. */
export function encodeHeader(alg: Algorithm, typ: JwsType): string {
  return platform.encodeBase64url(platform.asciiBytes(`{"alg":"${alg}","typ":"${typ}"}`));
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
 * Header parameters that carry or point to keys are not looked at. `malformed` is the code for a header that is not a JSON object.
 */
export function readHeader(
  segment: string,
  typ: JwsType,
  malformed: DenialCode,
): Algorithm | { readonly code: DenialCode } {
  for (const usual of USUAL_HEADERS) {
    if (usual.segment === segment) return usual.typ === typ ? usual.alg : { code: 'type_mismatch' };
  }
  const text = decodeSegment(segment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value)) return { code: malformed };
  const header = parsed.value;
  const alg = Object.hasOwn(header, 'alg') ? header['alg'] : undefined;
  if (alg !== 'Ed25519' && alg !== 'ES256') return { code: 'algorithm_not_allowed' };
  if (!Object.hasOwn(header, 'typ') || header['typ'] !== typ) return { code: 'type_mismatch' };
  // No extension is understood, so any `crit` is refused (RFC 7515 section 4.1.11).
  if (Object.hasOwn(header, 'crit')) return { code: 'critical_header_unknown' };
  return alg;
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

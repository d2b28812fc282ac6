import { canonicalize, isJsonObject, type JsonObject, parseJson } from '@taper/core';

/**
 * The request header that carries the presentation: one Byte Sequence of RFC 9651 (`:base64:`), without parameters, of the
 * JSON text of the presentation.
 */
export const PRESENTATION_HEADER = 'Taper-Presentation';

/** Characters of the header's value that a guard takes, unless told otherwise. Node's own limit for all headers together is 16 KiB as well. */
export const DEFAULT_MAX_PRESENTATION = 16_384;

/**
 * The request header that carries a staple: what shows that nothing of the chains presented has been revoked, as base64url
 * (spec/revocation.md section 10).
 */
export const STAPLE_HEADER = 'Taper-Revocation-Staple';

const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]*={0,2}):$/;

/** The value of the header. */
export function encodePresentation(presentation: unknown): string {
  return `:${Buffer.from(canonicalize(presentation)).toString('base64')}:`;
}

/** What stands in the header, unverified; `undefined` when it is not the one spelling of a JSON object. */
export function decodePresentation(value: string): JsonObject | undefined {
  const base64 = BYTE_SEQUENCE.exec(value)?.[1];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return undefined; // bits that nobody reads, missing padding
  const text = decodeUtf8(bytes);
  const parsed = text === undefined ? undefined : parseJson(text);
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined;
}

/** Text of exactly these bytes, a byte order mark kept; `undefined` when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

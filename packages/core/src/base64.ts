import { platform } from '#crypto';

const OUTSIDE_ALPHABET = /[^A-Za-z0-9+/]/;

/**
 * Decodes strict base64 (RFC 4648 section 4): padding where it belongs, no white space, no non-zero trailing bits; `undefined` for
 * any other text. C2SP's formats use it; all else in Taper is base64url.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.slice(0, text.length - padding);
  if (OUTSIDE_ALPHABET.test(digits)) return undefined;
  return platform.decodeBase64url(digits.replaceAll('+', '-').replaceAll('/', '_'));
}

/** Encodes with padding (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  const digits = platform.encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, '=');
}

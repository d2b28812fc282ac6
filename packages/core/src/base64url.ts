import { TaperError } from './error.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const OUTSIDE_ALPHABET = /[^A-Za-z0-9_-]/;

/** ASCII code -> 6 bits. */
const BITS = new Uint8Array(128);
/** 6 bits -> ASCII code. */
const CODES = new Uint8Array(64);
for (let bits = 0; bits < 64; bits++) {
  const code = ALPHABET.charCodeAt(bits);
  BITS[code] = bits;
  CODES[bits] = code;
}

/**
 * True when the text is the one base64url spelling of some bytes (RFC 4648 section 5, RFC 7515 section 2): the alphabet,
 * no padding, no white space, no impossible length, no non-zero trailing bits. The empty text spells no bytes.
 */
export function isStrictBase64url(text: string): boolean {
  if (OUTSIDE_ALPHABET.test(text)) return false;
  const last = BITS[text.charCodeAt(text.length - 1)] as number;
  switch (text.length % 4) {
    case 0:
      return true;
    case 2:
      return (last & 0b1111) === 0;
    case 3:
      return (last & 0b11) === 0;
    default:
      return false;
  }
}

/**
 * Decodes without help from the platform.
 *
 * @throws {TaperError} `option_invalid` when the text is not strict base64url.
 */
export function decodeBase64url(text: string): Uint8Array {
  if (!isStrictBase64url(text)) throw new TaperError('option_invalid', 'not strict base64url');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let pending = 0;
  let pendingBits = 0;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    pending = ((pending << 6) | (BITS[text.charCodeAt(at)] as number)) & 0xfff;
    pendingBits += 6;
    if (pendingBits >= 8) {
      pendingBits -= 8;
      bytes[length++] = pending >> pendingBits;
    }
  }
  return bytes;
}

/** Encodes without padding and without help from the platform. */
export function encodeBase64url(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let pending = 0;
  let pendingBits = 0;
  let length = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xfff;
    pendingBits += 8;
    while (pendingBits >= 6) {
      pendingBits -= 6;
      codes[length++] = CODES[(pending >> pendingBits) & 63] as number;
    }
  }
  if (pendingBits > 0) codes[length] = CODES[(pending << (6 - pendingBits)) & 63] as number;
  return new TextDecoder().decode(codes);
}

import { platform } from '#crypto';
import { canonicalize } from '../jcs.ts';
import type { JsonObject } from '../json.ts';

/** The bytes of a salt. */
export const SALT_BYTES = 16;

const UTF8 = new TextEncoder();

/**
 * The commitment to arguments (`spec/audit.md` section 5): base64url SHA-256 of the salt's 16 bytes and the RFC 8785 text.
 * Whoever does not have the salt cannot find the arguments by trying, however few there are to try.
 *
 * @throws {TaperError} `json_invalid` for what JSON cannot hold.
 */
export function hashArguments(args: JsonObject, salt: Uint8Array): string {
  return hashArgumentsText(canonicalize(args), salt);
}

/** As {@link hashArguments}, of the RFC 8785 text of the arguments. */
function hashArgumentsText(canonical: string, salt: Uint8Array): string {
  const text = UTF8.encode(canonical);
  const bytes = new Uint8Array(salt.length + text.length);
  bytes.set(salt);
  bytes.set(text, salt.length);
  return platform.sha256(bytes);
}

/** Whether an event's `arguments_hash` was made from these arguments and the salt that was kept beside the event (22 base64url characters). */
export function opensArguments(argumentsHash: string, args: JsonObject, salt: string): boolean {
  const bytes = platform.decodeBase64url(salt);
  return bytes?.length === SALT_BYTES && hashArguments(args, bytes) === argumentsHash;
}

/** As {@link opensArguments}, for the RFC 8785 text of the arguments. */
export function opensArgumentsText(
  argumentsHash: string,
  canonical: string,
  salt: string,
): boolean {
  const bytes = platform.decodeBase64url(salt);
  return bytes?.length === SALT_BYTES && hashArgumentsText(canonical, bytes) === argumentsHash;
}

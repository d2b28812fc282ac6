import { TaperError } from './error.ts';

/**
 * A UUIDv7 (RFC 9562 section 5.7) as a lowercase hyphenated string: what the draft recommends for `jti`.
 * @param milliseconds since the epoch.
 * @param random at least 10 fresh random bytes.
 */
export function uuidV7(milliseconds: number, random: Uint8Array): string {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds >= 2 ** 48) {
    throw new TaperError('option_invalid', 'A UUIDv7 needs whole milliseconds since the epoch.');
  }
  if (random.length < 10) throw new TaperError('option_invalid', 'A UUIDv7 needs 10 random bytes.');
  const bytes = new Uint8Array(16);
  let time = milliseconds;
  for (let index = 5; index >= 0; index -= 1) {
    bytes[index] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

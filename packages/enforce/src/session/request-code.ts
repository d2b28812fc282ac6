import { createHmac, type KeyObject } from 'node:crypto';
import { PROTOCOL } from './message.ts';

const LABEL = Buffer.from(`${PROTOCOL} request`, 'latin1');

/** Label, session, sequence, and the two lengths. */
const FIXED = LABEL.length + 16 + 8 + 4 + 4;

/** Requests up to this length are put together in memory that is used again. */
const POOL = Buffer.allocUnsafeSlow(4096);

/**
 * The message authentication code of a request (spec/session.md section 5.1): HMAC-SHA-256 over label, session, sequence
 * number, tool and argument bytes, the last two with their lengths.
 */
export function requestCode(
  key: KeyObject,
  session: Uint8Array,
  sequence: number,
  tool: string,
  args: string,
): Uint8Array {
  const toolLength = Buffer.byteLength(tool);
  const argsLength = Buffer.byteLength(args);
  const length = FIXED + toolLength + argsLength;
  const text = length <= POOL.length ? POOL : Buffer.allocUnsafe(length);
  LABEL.copy(text);
  let at = LABEL.length;
  text.set(session, at);
  at += 16;
  at = text.writeUInt32BE(Math.floor(sequence / 2 ** 32), at);
  at = text.writeUInt32BE(sequence >>> 0, at);
  at = text.writeUInt32BE(toolLength, at);
  at += text.write(tool, at, 'utf8');
  at = text.writeUInt32BE(argsLength, at);
  at += text.write(args, at, 'utf8');
  return createHmac('sha256', key).update(text.subarray(0, at)).digest();
}

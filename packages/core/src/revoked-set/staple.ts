import { platform } from '#crypto';
import { TaperError } from '../error.ts';
import { HASH_LENGTH, isHash, isLogNumber } from '../log-proof/merkle.ts';
import { isNoteText } from '../log-proof/note.ts';

/** That a chain was or was not revoked, in one object to carry (spec/revocation.md, "Staple"); taken apart, not verified. */
export interface Staple {
  /** The signed checkpoint. */
  readonly checkpoint: string;
  /** Of the epoch record in the log, which is also the number of entries that it covers. */
  readonly index: number;
  readonly epoch: number;
  /** Of the epoch record, as is `nextUpdate`: seconds since the epoch. */
  readonly time: number;
  readonly nextUpdate: number;
  /** Members of the revoked set of that epoch. */
  readonly revoked: number;
  /** The inclusion proof of the epoch record: from the leaf's sibling up to the child of the root. */
  readonly inclusion: readonly Uint8Array[];
  /** What `openRevokedProof` opens. */
  readonly proof: Uint8Array;
}

/** Bytes. One for a chain of three hops has fewer than 4,096, a hundred ids in deep trees a few times as many. */
export const MAX_STAPLE_SIZE = 65_536;

const VERSION = 1;
const NUMBERS = ['index', 'epoch', 'time', 'nextUpdate', 'revoked'] as const;
const NUMBER_SIZE = 8;
const HEAD_SIZE = 1 + 2;
/** A log has fewer than 2^53 entries. */
const MAX_INCLUSION = 53;

/**
 * Takes a staple apart, bytes or base64url text; `undefined` when it is none. The bytes it returns are views of those given. Never throws.
 */
export function parseStaple(staple: Uint8Array | string): Staple | undefined {
  const bytes = typeof staple === 'string' ? decodeText(staple) : staple;
  if (!(bytes instanceof Uint8Array) || bytes.length > MAX_STAPLE_SIZE) return undefined;
  if (bytes.length < HEAD_SIZE || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbersAt = HEAD_SIZE + view.getUint16(1);
  const countAt = numbersAt + NUMBERS.length * NUMBER_SIZE;
  if (bytes.length <= countAt) return undefined;
  const checkpoint = platform.decodeUtf8(bytes.subarray(HEAD_SIZE, numbersAt));
  const numbers = NUMBERS.map((_name, at) =>
    Number(view.getBigUint64(numbersAt + at * NUMBER_SIZE)),
  );
  const count = bytes[countAt] as number;
  const proofAt = countAt + 1 + count * HASH_LENGTH;
  if (checkpoint === undefined || count > MAX_INCLUSION || bytes.length < proofAt) return undefined;
  // Beyond 2^53 − 1 a number may have been rounded.
  if (!numbers.every(isLogNumber)) return undefined;
  const [index, epoch, time, nextUpdate, revoked] = numbers as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (!isRecord(epoch, time, nextUpdate)) return undefined;
  const inclusion = Array.from({ length: count }, (_none, at) => {
    const start = countAt + 1 + at * HASH_LENGTH;
    return bytes.subarray(start, start + HASH_LENGTH);
  });
  const proof = bytes.subarray(proofAt);
  return { checkpoint, index, epoch, time, nextUpdate, revoked, inclusion, proof };
}

/**
 * Writes a staple; its text is the base64url of these bytes.
 *
 * @throws {TaperError} `option_invalid` for what {@link parseStaple} would not read.
 */
export function writeStaple(staple: Staple): Uint8Array {
  const { checkpoint, inclusion, proof } = staple;
  const numbers = NUMBERS.map((name) => staple[name]);
  if (!isNoteText(checkpoint, 0xffff) || !numbers.every(isLogNumber)) throw invalid();
  if (!isRecord(staple.epoch, staple.time, staple.nextUpdate)) throw invalid();
  if (inclusion.length > MAX_INCLUSION || !inclusion.every(isHash)) throw invalid();
  const note = new TextEncoder().encode(checkpoint);
  const numbersAt = HEAD_SIZE + note.length;
  const countAt = numbersAt + NUMBERS.length * NUMBER_SIZE;
  const proofAt = countAt + 1 + inclusion.length * HASH_LENGTH;
  if (note.length > 0xffff || proofAt + proof.length > MAX_STAPLE_SIZE) throw invalid();

  const bytes = new Uint8Array(proofAt + proof.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  view.setUint16(1, note.length);
  bytes.set(note, HEAD_SIZE);
  for (const [at, value] of numbers.entries())
    view.setBigUint64(numbersAt + at * NUMBER_SIZE, BigInt(value));
  bytes[countAt] = inclusion.length;
  for (const [at, hash] of inclusion.entries()) bytes.set(hash, countAt + 1 + at * HASH_LENGTH);
  bytes.set(proof, proofAt);
  return bytes;
}

/** Whether an epoch record can say so. */
function isRecord(epoch: number, time: number, nextUpdate: number): boolean {
  return epoch > 0 && nextUpdate > time;
}

function decodeText(text: string): Uint8Array | undefined {
  // Four characters for three bytes; longer text never reaches the decoder.
  return text.length > Math.ceil((MAX_STAPLE_SIZE * 4) / 3)
    ? undefined
    : platform.decodeBase64url(text);
}

function invalid(): TaperError {
  return new TaperError('option_invalid', 'This cannot be written as a staple.', {
    hint: `It has a signed checkpoint, whole numbers below 2^53, hashes of 32 bytes, and at most ${MAX_STAPLE_SIZE} bytes.`,
  });
}

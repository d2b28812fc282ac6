import { decodeBase64, encodeBase64 } from '../base64.ts';
import { TaperError } from '../error.ts';
import { EMPTY_ROOT, HASH_LENGTH, isHash, isLogNumber, sameBytes } from './merkle.ts';
import { isNoteText } from './note.ts';

/** The head of a log at some size, as the text of a note says it (C2SP tlog-checkpoint); not verified. */
export interface Checkpoint {
  /** Which log it is. */
  readonly origin: string;
  /** Entries, 0 to 2^53 − 1. */
  readonly size: number;
  /** The root of the tree at that size, 32 bytes. Shared: treat as read-only. */
  readonly root: Uint8Array;
  /** Lines after the third. Nobody audits them: a log should write none. */
  readonly extensions: readonly string[];
}

/** Bytes of the text of a checkpoint in UTF-8: as many as 100 signatures over it can be checked in a moment. */
const MAX_CHECKPOINT_SIZE = 65_536;
const MAX_DIGITS = 16;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/**
 * Reads the text of a checkpoint: origin, size, root and extension lines, none of them empty, each ending in a newline.
 * `undefined` when it is anything else, the size is beyond 2^53 − 1, an empty log has another root than the empty one, or it is over
 * 65,536 bytes. Never throws.
 */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  if (typeof text !== 'string' || !isNoteText(text, MAX_CHECKPOINT_SIZE)) return undefined;
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.includes('')) return undefined;
  const [origin, sizeText, rootText, ...extensions] = lines;
  if (origin === undefined || sizeText === undefined || rootText === undefined) return undefined;
  const size = parseLogNumber(sizeText);
  const root = parseHash(rootText);
  if (size === undefined || root === undefined) return undefined;
  if (size === 0 && !sameBytes(root, EMPTY_ROOT)) return undefined;
  return Object.freeze({ origin, size, root, extensions: Object.freeze(extensions) });
}

/**
 * Writes the text of a checkpoint, the body of a note.
 *
 * @throws TaperError `option_invalid` when {@link parseCheckpoint} would not read from it what was given.
 */
export function writeCheckpoint(
  checkpoint: Omit<Checkpoint, 'extensions'> & { readonly extensions?: readonly string[] },
): string {
  const { origin, size, root, extensions = [] } = checkpoint;
  if (isHash(root) && isLogNumber(size)) {
    const lines = [origin, `${size}`, encodeBase64(root), ...extensions];
    const text = `${lines.join('\n')}\n`;
    const read = parseCheckpoint(text);
    if (read?.origin === origin && read.extensions.length === extensions.length) return text;
  }
  throw new TaperError('option_invalid', 'This cannot be written as a checkpoint.', {
    hint: 'The origin is one line, the size a whole number below 2^53, the root 32 bytes.',
  });
}

/** A size or an index in decimal, without leading zeroes; `undefined` beyond 2^53 − 1. */
export function parseLogNumber(text: string): number | undefined {
  if (text.length > MAX_DIGITS || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return isLogNumber(value) ? value : undefined;
}

/** 32 bytes in base64; `undefined` for any other text. */
export function parseHash(text: string): Uint8Array | undefined {
  if (text.length > 2 * HASH_LENGTH) return undefined;
  const bytes = decodeBase64(text);
  return isHash(bytes) ? new Uint8Array(bytes) : undefined;
}

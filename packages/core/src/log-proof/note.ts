import { decodeBase64, encodeBase64 } from '../base64.ts';
import { TaperError } from '../error.ts';
import { isNoteKeyName } from './note-key.ts';

/** A signature line of a note, not verified: `— <name> base64(id || bytes)`. */
export interface NoteSignature {
  readonly name: string;
  /** The key ID that it claims, 0 to 2^32 − 1. */
  readonly id: number;
  /** The signature without the key ID, at least one byte; its form depends on the type of the key. */
  readonly bytes: Uint8Array;
}

/** A signed note (C2SP signed-note), taken apart but not verified. */
export interface Note {
  /** Ends in a newline; what is signed. */
  readonly text: string;
  /** In the order of the note; 1 to 100. */
  readonly signatures: readonly NoteSignature[];
}

/** Signatures of one note (C2SP asks for at least 16). */
export const MAX_NOTE_SIGNATURES = 100;
/** Bytes of one note in UTF-8, signatures included. */
export const MAX_NOTE_SIZE = 1_000_000;

const LINE_START = '— ';
const ID_LENGTH = 4;
const UTF8 = new TextEncoder();
const NEWLINE = 0x0a;
const SPACE = 0x20;

/**
 * Takes a note apart: text, an empty line, and 1 to 100 signature lines, each ending in a newline. `undefined` when it is anything
 * else, has a control character, a lone surrogate, or is over 1,000,000 bytes. Nothing is verified. Never throws.
 */
export function parseNote(note: string): Note | undefined {
  if (typeof note !== 'string' || !isNoteText(note, MAX_NOTE_SIZE)) return undefined;
  const end = note.lastIndexOf('\n\n') + 1;
  if (end === 0) return undefined;
  const lines = note.slice(end + 1).split('\n', MAX_NOTE_SIGNATURES + 2);
  if (lines.pop() !== '' || lines.length === 0 || lines.length > MAX_NOTE_SIGNATURES)
    return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return { text: note.slice(0, end), signatures };
}

/** Reads one signature line, without its newline; `undefined` when it is none. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  if (typeof line !== 'string' || !line.startsWith(LINE_START)) return undefined;
  const space = line.indexOf(' ', LINE_START.length);
  if (space === -1) return undefined;
  const name = line.slice(LINE_START.length, space);
  const bytes = decodeBase64(line.slice(space + 1));
  if (!isNoteKeyName(name) || bytes === undefined || bytes.length <= ID_LENGTH) return undefined;
  const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { name, id, bytes: new Uint8Array(bytes.subarray(ID_LENGTH)) };
}

/** Writes one signature line, without its newline. */
export function writeSignatureLine({ name, id, bytes }: NoteSignature): string {
  const signature = new Uint8Array(ID_LENGTH + bytes.length);
  new DataView(signature.buffer).setUint32(0, id);
  signature.set(bytes, ID_LENGTH);
  return `${LINE_START}${name} ${encodeBase64(signature)}`;
}

/**
 * Writes a note: the text, which ends in a newline, an empty line, and the signatures, taken apart or as lines without their newline.
 *
 * @throws TaperError `option_invalid` when {@link parseNote} would not read from it what was given.
 */
export function writeNote(text: string, signatures: readonly (NoteSignature | string)[]): string {
  const lines = signatures.map((signature) =>
    typeof signature === 'string' ? signature : writeSignatureLine(signature),
  );
  const note = `${text}\n${lines.map((line) => `${line}\n`).join('')}`;
  const read = parseNote(note);
  if (read?.text !== text || read.signatures.length !== lines.length) {
    throw new TaperError('option_invalid', 'This cannot be written as a signed note.', {
      hint: 'The text ends in a newline and has no other control character; there are 1 to 100 signature lines.',
    });
  }
  return note;
}

/** Whether the text can stand in a note: UTF-8 without control characters but newlines, at most `most` bytes. */
export function isNoteText(text: string, most: number): boolean {
  if (text.length > most || !text.isWellFormed()) return false;
  const bytes = UTF8.encode(text);
  return bytes.length <= most && bytes.every((byte) => byte >= SPACE || byte === NEWLINE);
}

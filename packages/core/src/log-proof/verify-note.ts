import { TaperError } from '../error.ts';
import type { SignatureCheck } from '../jws.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { cosignatureInput, parseCosignature } from './cosignature.ts';
import { type Note, type NoteSignature, parseNote } from './note.ts';
import { type NoteKey, noteKey } from './note-key.ts';

/** Why a note does not count. `key_ambiguous`: two of the keys given have the name and key ID of one signature. */
export type NoteProblem =
  | 'note_malformed'
  | 'key_ambiguous'
  | 'signature_missing'
  | 'signature_invalid';

/** A signature of a note that verified. */
export interface VerifiedSignature {
  readonly key: NoteKey;
  /** Of a cosignature (type 4): when it was made, seconds since the epoch. */
  readonly time: number | undefined;
}

export type NoteVerdict =
  | {
      readonly ok: true;
      readonly note: Note;
      /** One for each line of a known key, in the order of the note; at least one. The same key may stand here more than once. */
      readonly verified: readonly VerifiedSignature[];
      /** Lines of keys that were not given. They say nothing. */
      readonly unknown: readonly NoteSignature[];
    }
  | { readonly ok: false; readonly problem: NoteProblem };

const UTF8 = new TextEncoder();

/**
 * Verifies a signed note under the keys given (C2SP signed-note): every line whose name and key ID are those of a key must verify,
 * and there must be one; other lines are ignored. At most 100 signatures are checked.
 *
 * @throws TaperError `option_invalid` when a key is none; `crypto_asynchronous` in a browser.
 */
export function verifyNote(note: string, keys: readonly NoteKey[]): NoteVerdict {
  return driveSync(noteVerification(note, requireNoteKeys(keys)));
}

/** As {@link verifyNote}, where signatures are checked asynchronously; works everywhere. */
export async function verifyNoteAsync(
  note: string,
  keys: readonly NoteKey[],
): Promise<NoteVerdict> {
  return await driveAsync(noteVerification(note, requireNoteKeys(keys)));
}

/** The verification behind {@link verifyNote}; yields each signature check to a driver. */
export function* noteVerification(
  text: string,
  keys: readonly NoteKey[],
): Generator<SignatureCheck, NoteVerdict, boolean> {
  const note = parseNote(text);
  if (note === undefined) return failed('note_malformed');
  const verified: VerifiedSignature[] = [];
  const unknown: NoteSignature[] = [];
  for (const line of note.signatures) {
    const known = keys.filter(({ name, id }) => name === line.name && id === line.id);
    const [key] = known;
    if (known.length > 1) return failed('key_ambiguous');
    if (key === undefined) {
      unknown.push(line);
      continue;
    }
    const claim = readClaim(note.text, key, line);
    if (claim === undefined || !(yield claim.check)) return failed('signature_invalid');
    verified.push({ key, time: claim.time });
  }
  if (verified.length === 0) return failed('signature_missing');
  return { ok: true, note, verified, unknown };
}

/** What a line of a known key says, and what must be checked of it; `undefined` when it cannot be a signature of that type. */
function readClaim(
  text: string,
  { key, type }: NoteKey,
  { bytes }: NoteSignature,
): { readonly check: SignatureCheck; readonly time: number | undefined } | undefined {
  if (type === 1)
    return { check: { key, input: UTF8.encode(text), signature: bytes }, time: undefined };
  const cosignature = parseCosignature(bytes);
  if (cosignature === undefined) return undefined;
  const { time, signature } = cosignature;
  return { check: { key, input: cosignatureInput(text, time), signature }, time };
}

function failed(problem: NoteProblem): NoteVerdict {
  return { ok: false, problem };
}

/**
 * The keys, made anew: whoever writes one by hand could give it another key ID.
 *
 * @throws TaperError `option_invalid`.
 */
export function requireNoteKeys(keys: readonly NoteKey[]): readonly NoteKey[] {
  if (!Array.isArray(keys))
    throw new TaperError('option_invalid', 'Note keys are given as a list.');
  return keys.map((given: NoteKey) => {
    const key = noteKey(given.name, given.key, given.type);
    if (key.id === given.id && key.text === given.text) return key;
    throw new TaperError('option_invalid', 'A note key has an ID that is not its own.', {
      hint: 'Make it with noteKey or parseNoteKey.',
    });
  });
}

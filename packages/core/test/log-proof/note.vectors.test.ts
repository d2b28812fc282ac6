import { describe, expect, test } from 'vitest';
import {
  type NoteKey,
  parseNoteKey,
  platform,
  verifyNote,
  verifyNoteAsync,
} from '../../src/index.ts';
import { thirdPartyVectors } from '../third-party-vectors.ts';

interface NoteCase {
  readonly name: string;
  readonly note_b64: string;
  readonly keys: readonly string[];
  readonly expect: string;
  readonly verified?: readonly string[];
  readonly unverified?: readonly string[];
}

/** Their words for our codes. */
const PROBLEMS: Readonly<Record<string, string>> = {
  'malformed note': 'note_malformed',
  'invalid signature': 'signature_invalid',
  'no verifiable signatures': 'signature_missing',
  'ambiguous key': 'key_ambiguous',
};

const suite = thirdPartyVectors<{
  readonly good_vkeys: readonly string[];
  readonly bad_vkeys: readonly string[];
  readonly open_cases: readonly NoteCase[];
}>('signed-note/signed-note.json');

describe.skipIf(suite === undefined)('the vectors of golang.org/x/mod/sumdb/note', () => {
  test('every good verifier key is read, and written as it was', () => {
    const good = suite?.good_vkeys ?? [];
    expect(good.map((vkey) => parseNoteKey(vkey)?.text)).toEqual(good);
    expect(good).toHaveLength(2);
  });

  test('N09 every bad verifier key is refused', () => {
    const bad = suite?.bad_vkeys ?? [];
    expect(bad.filter((vkey) => parseNoteKey(vkey) !== undefined)).toEqual([]);
    expect(bad).toHaveLength(2278);
  });

  test.each((suite?.open_cases ?? []).map((given) => [given.name, given] as const))(
    'N09 %s',
    async (_name, { note_b64, keys, expect: words, verified, unverified }) => {
      // Bytes that are not UTF-8 never become a text.
      const text = platform.decodeUtf8(Buffer.from(note_b64, 'base64')) ?? '';
      const known = keys.map(parseNoteKey) as NoteKey[];
      const verdict = verifyNote(text, known);
      expect(await verifyNoteAsync(text, known)).toEqual(verdict);
      expect(verdict.ok ? 'ok' : verdict.problem).toBe(PROBLEMS[words] ?? words);
      if (!verdict.ok) return;
      // We give one for each line; theirs drops lines that a key or a name has had before.
      expect([...new Set(verdict.verified.map(({ key }) => key.name))]).toEqual(verified);
      const others = verdict.unknown.map(({ name }) => name);
      expect([...new Set(others)]).toEqual([...new Set(unverified)]);
    },
  );
});

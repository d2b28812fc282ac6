import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseJson, parseJsonStrict } from '../src/json.ts';
import { verdictOf } from './json-verdict.ts';
import { thirdPartyFolder } from './third-party-folder.ts';

/** A file of JSONTestSuite as every caller reads bytes: fatal UTF-8 that keeps a byte order mark. */
function decide(file: URL): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch {
    return 'not_utf8';
  }
  const result = parseJson(text);
  expect(verdictOf(result)).toStrictEqual(verdictOf(parseJsonStrict(text)));
  if (!result.ok) return result.problem;
  const forms = [...(result.numbers?.values() ?? [])].flatMap((numbers) => [...numbers.values()]);
  return forms[0] ?? 'accepted';
}

/** RFC 8259 lets a parser accept these; two readers could see two different objects. */
const REFUSED_THOUGH_VALID: Readonly<Record<string, string>> = {
  'y_object_duplicated_key.json': 'duplicate_member',
  'y_object_duplicated_key_and_value.json': 'duplicate_member',
};

/** The suite leaves these to the implementation. An inadmissible number parses; whoever reads the claim refuses it. */
const UNDEFINED_CASES: Readonly<Record<string, string>> = {
  'i_number_double_huge_neg_exp.json': 'inadmissible',
  'i_number_huge_exp.json': 'inadmissible',
  'i_number_neg_int_huge_exp.json': 'inadmissible',
  'i_number_pos_double_huge_exp.json': 'inadmissible',
  'i_number_real_neg_overflow.json': 'inadmissible',
  'i_number_real_pos_overflow.json': 'inadmissible',
  'i_number_real_underflow.json': 'inadmissible',
  'i_number_too_big_neg_int.json': 'inadmissible',
  'i_number_too_big_pos_int.json': 'accepted',
  'i_number_very_big_negative_int.json': 'inadmissible',
  'i_object_key_lone_2nd_surrogate.json': 'lone_surrogate',
  'i_string_1st_surrogate_but_2nd_missing.json': 'lone_surrogate',
  'i_string_1st_valid_surrogate_2nd_invalid.json': 'lone_surrogate',
  'i_string_UTF-16LE_with_BOM.json': 'not_utf8',
  'i_string_UTF-8_invalid_sequence.json': 'not_utf8',
  'i_string_UTF8_surrogate_U+D800.json': 'not_utf8',
  'i_string_incomplete_surrogate_and_escape_valid.json': 'lone_surrogate',
  'i_string_incomplete_surrogate_pair.json': 'lone_surrogate',
  'i_string_incomplete_surrogates_escape_valid.json': 'lone_surrogate',
  'i_string_invalid_lonely_surrogate.json': 'lone_surrogate',
  'i_string_invalid_surrogate.json': 'lone_surrogate',
  'i_string_invalid_utf-8.json': 'not_utf8',
  'i_string_inverted_surrogates_U+1D11E.json': 'lone_surrogate',
  'i_string_iso_latin_1.json': 'not_utf8',
  'i_string_lone_second_surrogate.json': 'lone_surrogate',
  'i_string_lone_utf8_continuation_byte.json': 'not_utf8',
  'i_string_not_in_unicode_range.json': 'not_utf8',
  'i_string_overlong_sequence_2_bytes.json': 'not_utf8',
  'i_string_overlong_sequence_6_bytes.json': 'not_utf8',
  'i_string_overlong_sequence_6_bytes_null.json': 'not_utf8',
  'i_string_truncated-utf-8.json': 'not_utf8',
  'i_string_utf16BE_no_BOM.json': 'not_utf8',
  'i_string_utf16LE_no_BOM.json': 'not_utf8',
  'i_structure_500_nested_arrays.json': 'too_deep',
  'i_structure_UTF-8_BOM_empty_object.json': 'syntax',
};

/** Texts that parsers in the field change on the way. */
const TRANSFORMED: Readonly<Record<string, string>> = {
  'number_-9223372036854775808.json': 'inadmissible',
  'number_-9223372036854775809.json': 'inadmissible',
  'number_1.0.json': 'not_integer_form',
  'number_1.000000000000000005.json': 'inadmissible',
  'number_1000000000000000.json': 'accepted',
  'number_10000000000000000999.json': 'inadmissible',
  'number_1e-999.json': 'inadmissible',
  'number_1e6.json': 'not_integer_form',
  'number_9223372036854775807.json': 'inadmissible',
  'number_9223372036854775808.json': 'inadmissible',
  'object_key_nfc_nfd.json': 'accepted',
  'object_key_nfd_nfc.json': 'accepted',
  'object_same_key_different_values.json': 'duplicate_member',
  'object_same_key_same_value.json': 'duplicate_member',
  'object_same_key_unclear_values.json': 'duplicate_member',
  'string_1_escaped_invalid_codepoint.json': 'lone_surrogate',
  'string_1_invalid_codepoint.json': 'not_utf8',
  'string_2_escaped_invalid_codepoints.json': 'lone_surrogate',
  'string_2_invalid_codepoints.json': 'not_utf8',
  'string_3_escaped_invalid_codepoints.json': 'lone_surrogate',
  'string_3_invalid_codepoints.json': 'not_utf8',
  'string_with_escaped_NULL.json': 'accepted',
};

const suite = thirdPartyFolder('jsontestsuite');

describe.skipIf(suite === undefined)('JSONTestSuite', () => {
  const folder = suite as URL;
  const names = (path: string): string[] =>
    suite === undefined ? [] : readdirSync(new URL(path, folder)).sort();
  const parsing = names('test_parsing/');
  const decideParsing = (name: string): string =>
    decide(new URL(`test_parsing/${encodeURIComponent(name)}`, folder));
  const isParsed = (verdict: string): boolean =>
    ['accepted', 'not_integer_form', 'inadmissible'].includes(verdict);

  test('accepts every valid text, except those with a member twice', () => {
    const valid = parsing.filter((name) => name.startsWith('y_'));
    expect(valid.length).toBeGreaterThan(90);
    const refused = valid.filter((name) => !isParsed(decideParsing(name)));
    expect(Object.fromEntries(refused.map((name) => [name, decideParsing(name)]))).toEqual(
      REFUSED_THOUGH_VALID,
    );
  });

  test('refuses every invalid text', () => {
    const invalid = parsing.filter((name) => name.startsWith('n_'));
    expect(invalid.length).toBeGreaterThan(180);
    expect(invalid.filter((name) => isParsed(decideParsing(name)))).toEqual([]);
  });

  test('decides the undefined cases as documented', () => {
    const open = parsing.filter((name) => name.startsWith('i_'));
    expect(Object.fromEntries(open.map((name) => [name, decideParsing(name)]))).toEqual(
      UNDEFINED_CASES,
    );
  });

  test('reports every text that parsers are known to change', () => {
    const verdicts = names('test_transform/').map((name) => [
      name,
      decide(new URL(`test_transform/${encodeURIComponent(name)}`, folder)),
    ]);
    expect(Object.fromEntries(verdicts)).toEqual(TRANSFORMED);
  });
});

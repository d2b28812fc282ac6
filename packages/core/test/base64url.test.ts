import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64url, encodeBase64url, isStrictBase64url } from '../src/base64url.ts';
import { TaperError } from '../src/error.ts';

describe('base64url is strict', () => {
  test.each<[string, string]>([
    ['', ''],
    ['Zg', 'f'],
    ['Zm8', 'fo'],
    ['Zm9v', 'foo'],
    ['Zm9vYg', 'foob'],
    ['Zm9vYmE', 'fooba'],
    ['Zm9vYmFy', 'foobar'],
  ])('%j spells %j (RFC 4648 section 10, without padding)', (text, bytes) => {
    expect(isStrictBase64url(text)).toBe(true);
    expect(Buffer.from(decodeBase64url(text)).toString('latin1')).toBe(bytes);
    expect(encodeBase64url(Buffer.from(bytes, 'latin1'))).toBe(text);
  });

  test.each([
    ['padding', 'Zg=='],
    ['padding', 'Zm8='],
    ['the other alphabet', 'ab+c'],
    ['the other alphabet', 'ab/c'],
    ['a space', 'Zm9 '],
    ['a line break inside', 'Zm9\nv'],
    ['a line break at the end', 'Zm9v\n'],
    ['a NUL', 'Zm9\u0000'],
    ['a dot', 'Zm9v.Zm9'],
    ['a character that is not ASCII', 'Zm9\u00e9'],
    ['a character whose low byte is a letter', 'Zm9\u0141'],
    ['a character of two code units', 'Zm\u{1f600}'],
    ['one character', 'Z'],
    ['one character beyond a group', 'Zm9vZ'],
    ['non-zero trailing bits of one byte', 'Zh'],
    ['non-zero trailing bits of one byte', 'AR'],
    ['non-zero trailing bits of one byte', 'Z_'],
    ['non-zero trailing bits of two bytes', 'Zm9'],
    ['non-zero trailing bits of two bytes', 'Zm-'],
  ])('refuses %s: %j', (_what, text) => {
    expect(isStrictBase64url(text)).toBe(false);
    expect(() => decodeBase64url(text)).toThrow(TaperError);
  });

  test('decides a megabyte that fails at its last character', () => {
    expect(isStrictBase64url('A'.repeat(1 << 20))).toBe(true);
    expect(isStrictBase64url(`${'A'.repeat((1 << 20) - 1)}=`)).toBe(false);
    expect(isStrictBase64url(`${'A'.repeat((1 << 20) - 2)}B`)).toBe(false);
  });

  test('gives exactly one spelling to each byte string, the one of Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encodeBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(isStrictBase64url(text)).toBe(true);
        expect(decodeBase64url(text)).toStrictEqual(bytes);
      }),
    );
  });

  test('refuses every text that Node decodes but would spell otherwise', () => {
    const character = fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...'AQgwBCEIMUYZz019-_') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('=', '+', '/', ' ', '\n', '.', '\u0141', '\u{1f600}'),
      },
    );
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        const respelled = Buffer.from(text, 'base64url').toString('base64url');
        expect(isStrictBase64url(text)).toBe(respelled === text);
      }),
      { numRuns: 10_000 },
    );
  });

  test('every last character is strict after one and after two others exactly when Node keeps it', () => {
    for (let code = 0; code < 256; code++) {
      for (const start of ['A', 'AA', 'AAA']) {
        const text = start + String.fromCharCode(code);
        const respelled = Buffer.from(text, 'base64url').toString('base64url');
        expect([text, isStrictBase64url(text)]).toEqual([text, respelled === text]);
      }
    }
  });

  test('encodes the bytes of a view, not of its buffer', () => {
    const view = new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4);
    expect(encodeBase64url(view)).toBe('AgME');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../src/base64.ts';

describe('base64', () => {
  // RFC 4648 section 10.
  test.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('%j is %j', (text, encoded) => {
    expect(encodeBase64(Buffer.from(text))).toBe(encoded);
    expect(Buffer.from(decodeBase64(encoded) ?? 'refused').toString()).toBe(text);
  });

  test('bytes come back, as Node writes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect([...(decodeBase64(text) ?? [])]).toEqual([...bytes]);
      }),
    );
  });

  test('a text that is accepted is the only one for its bytes', () => {
    const text = fc.string({
      unit: fc.constantFrom(...'ABCDwxyz0189+/=-_ \n'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (given) => {
        const bytes = decodeBase64(given);
        if (bytes !== undefined) expect(encodeBase64(bytes)).toBe(given);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['no padding', 'Zg'],
    ['half of its padding', 'Zg='],
    ['padding alone', '===='],
    ['too much padding', 'Zm9v===='],
    ['three characters of padding', 'Z==='],
    ['padding within', 'Zg==Zg=='],
    ['non-zero trailing bits', 'Zh=='],
    ['digits of base64url', 'Zm-_'],
    ['a newline', 'Zm9v\n'],
    ['a space', 'Zm 9'],
    ['a letter beyond ASCII', 'Zm9é'],
  ])('%s is refused', (_title, text) => {
    expect(decodeBase64(text)).toBe(undefined);
  });
});

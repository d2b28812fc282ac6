import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml } from '../../src/receipt/escape.ts';
import { foreignText, name } from '../../src/receipt/phrase.ts';
import { columnsOf, DANGEROUS } from './columns.ts';

const hebrew = '\u05d0\u05d1';

function quoted(text: string, rightToLeft = true): string {
  return foreignText({ foreign: text, form: 'string' }, 1_000_000, { rightToLeft }).text;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units)),
);

describe('text from a token (C21, P14)', () => {
  test.each([
    ['a control character', '\u0007', '"\\u0007"'],
    ['an ANSI escape', '\u001b[31m', '"\\u001b[31m"'],
    ['a C1 control', '\u009b31m', '"\\u009b31m"'],
    ['a line feed', 'a\nb', '"a\\nb"'],
    ['a carriage return and a tab', '\r\t', '"\\r\\t"'],
    ['a bidi override', 'a\u202eb', '"a\\u202eb"'],
    ['a bidi isolate', '\u2066\u2069', '"\\u2066\\u2069"'],
    ['a zero-width space', 'a\u200bb', '"a\\u200bb"'],
    ['a zero-width joiner', 'a\u200db', '"a\\u200db"'],
    ['a byte order mark', '\ufeff', '"\\ufeff"'],
    ['a soft hyphen', '\u00ad', '"\\u00ad"'],
    ['a line separator', '\u2028', '"\\u2028"'],
    ['a no-break space', 'a\u00a0b', '"a\\u00a0b"'],
    ['an ideographic space', '\u3000', '"\\u3000"'],
    ['a Hangul filler', '\u3164', '"\\u3164"'],
    ['a blank braille pattern', '\u2800', '"\\u2800"'],
    ['a variation selector', 'a\ufe0f', '"a\\ufe0f"'],
    ['a tag character', '\u{e0041}', '"\\udb40\\udc41"'],
    ['a lone surrogate', '\ud800', '"\\ud800"'],
    ['a private use character', '\ue000', '"\\ue000"'],
    ['a noncharacter', '\uffff', '"\\uffff"'],
    ['a mark with no letter to stand on', '\u0301', '"\\u0301"'],
    ['a third mark on one letter', 'a\u0301\u0302\u0303', '"a\u0301\u0302\\u0303"'],
    ['a quotation mark and a backslash', '"\\', '"\\"\\\\"'],
    ['an escape that was written out', '\\u202e', '"\\\\u202e"'],
  ])('has %s made visible', (_, text, shown) => {
    expect(quoted(text)).toBe(shown);
  });

  test('keeps what can be seen', () => {
    expect(quoted('Größe 日本 😀')).toBe('"Größe 日本 😀"');
  });

  test('has right-to-left letters escaped where the medium cannot isolate them, and only there', () => {
    expect(quoted(hebrew, true)).toBe('"\\u05d0\\u05d1"');
    expect(quoted(hebrew, false)).toBe(`"${hebrew}"`);
  });

  test('is a JSON string of the same value: two texts never look alike', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(JSON.parse(quoted(text))).toBe(text);
        expect(quoted(text)).not.toMatch(DANGEROUS);
      }),
    );
  });

  test.each(['refund.create', 'mcp:files/read@2', '/srv/data', 'a-b_c+d'])(
    'is bare when it is the plain name %s',
    (text) => {
      expect(foreignText(name(text), 48, { rightToLeft: true })).toEqual({ text });
    },
  );

  test.each(['VERIFIED', 'Denied', '*', '', 'two words', '-x', 'größe', 'a,b', '(a)', '→'])(
    'is quoted when it is the name %j, which could be taken for something else',
    (text) => {
      expect(foreignText(name(text), 48, { rightToLeft: true })).toEqual({ text: `"${text}"` });
    },
  );

  test('that is too long loses its middle, keeps both ends and says how long it was', () => {
    const { text, characters } = foreignText(name(`start${'x'.repeat(10_000)}end`), 30, {
      rightToLeft: true,
    });
    expect(characters).toBe(10_008);
    expect(text).toMatch(/^"start.*….*end"$/);
    expect(text).toHaveLength(30);
  });

  test('is never wider than its room, and is never cut within an escape', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 12, max: 40 }), (text, room) => {
        const cut = foreignText({ foreign: text, form: 'string' }, room, { rightToLeft: true });
        expect(columnsOf(cut.text)).toBeLessThanOrEqual(room);
        for (const part of cut.characters === undefined
          ? [cut.text]
          : cut.text.slice(1, -1).split('…'))
          expect(() => JSON.parse(cut.characters === undefined ? part : `"${part}"`)).not.toThrow();
      }),
    );
  });
});

test('HTML gets no character that could end text or an attribute', () => {
  expect(escapeHtml(`<a href="x" title='y'>&`)).toBe(
    '&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;',
  );
});

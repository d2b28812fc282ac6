import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  escapeText,
  jsonText,
  quoteText,
  showName,
  withholdSecrets,
} from '../../src/text/escape.ts';

const anything = fc.string({ unit: 'binary' });
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

describe('text from outside', () => {
  it('never shows a character that controls, hides or reorders', () => {
    fc.assert(
      fc.property(anything, (text) => {
        for (const shown of [escapeText(text), quoteText(text), showName(text), jsonText(text)])
          expect(shown).not.toMatch(HIDDEN);
      }),
    );
  });

  it('is shown so that different texts stay different', () => {
    fc.assert(
      fc.property(anything, anything, (one, other) => {
        fc.pre(one !== other);
        expect(escapeText(one)).not.toBe(escapeText(other));
      }),
    );
    expect(escapeText('\u001b')).not.toBe(escapeText('\\u{1b}'));
  });

  it('is shown as it is when it is plain', () => {
    expect(escapeText('read file: "größe" 日本')).toBe('read file: "größe" 日本');
  });

  it('keeps its value in JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(JSON.parse(jsonText(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('loses what looks like a private key', () => {
    const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
    for (const text of [
      `{"d":"${d}"}`,
      `{d:${d}}`,
      `'d' : '${d}'`,
      `d=${d}`,
      `{\\"d\\":\\"${d}\\"}`,
    ])
      expect(withholdSecrets(text)).not.toContain(d);
    expect(withholdSecrets(`{"x":"${d}"}`)).toContain(d);
  });
});

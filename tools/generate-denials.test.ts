import { stripTypeScriptTypes } from 'node:module';
import { describe, expect, test } from 'vitest';
import {
  type DenialEntry,
  parseDenials,
  renderDenialCodes,
  renderDenialsPage,
} from './generate-denials.ts';

const entry: DenialEntry = {
  code: 'chain_empty',
  summary: 'The chain holds no token.',
  steps: ['1', '4p2'],
  http: 401,
  hint: 'Present the chain.',
};

const withMember = (member: string, value: unknown): string =>
  JSON.stringify([{ ...entry, [member]: value }]);

describe('the source of the denial codes', () => {
  test('is an array of complete entries', () => {
    expect(parseDenials(JSON.stringify([entry]))).toEqual([entry]);
  });

  test('may name no step, for a rule of the profile', () => {
    expect(parseDenials(withMember('steps', []))).toHaveLength(1);
  });

  test.each([
    ['a code that is not snake_case', withMember('code', 'chainEmpty')],
    ['an unknown member', withMember('severity', 'high')],
    ['a missing member', withMember('hint', undefined)],
    ['an empty summary', withMember('summary', '')],
    ['a summary of two lines', withMember('summary', 'One.\nTwo.')],
    ['a step that the draft cannot have', withMember('steps', ['p4'])],
    ['steps that are not an array', withMember('steps', '1')],
    ['a status that is no refusal', withMember('http', 200)],
    ['a status that is text', withMember('http', '401')],
    ['the same code twice', JSON.stringify([entry, entry])],
    ['an entry that is null', '[null]'],
    ['an object instead of an array', '{}'],
  ])('is refused with %s', (_, source) => {
    expect(() => parseDenials(source)).toThrow();
  });
});

describe('the generated module', () => {
  test.each([
    'both quotes: it\'s "so".',
    'only "double" ones, and a backslash \\.',
    "only 'single' ones.",
    'a comment */ that ends.',
  ])('holds the source text unchanged: %s', async (summary) => {
    const source = renderDenialCodes([{ ...entry, summary }]);
    const url = `data:text/javascript,${encodeURIComponent(stripTypeScriptTypes(source))}`;
    const { DENIALS } = await import(/* @vite-ignore */ url);
    expect(DENIALS).toEqual({
      chain_empty: { summary, steps: ['1', '4p2'], http: 401, hint: entry.hint },
    });
  });
});

describe('the generated page', () => {
  test('keeps one row per code when the text holds a bar', () => {
    const page = renderDenialsPage([{ ...entry, hint: 'either | or' }]);
    expect(page.split('\n').filter((line) => line.includes('`chain_empty`'))).toEqual([
      '| <a id="chain_empty"></a>`chain_empty` | 401 | 1, 4p2 | The chain holds no token. | either \\| or |',
    ]);
  });
});

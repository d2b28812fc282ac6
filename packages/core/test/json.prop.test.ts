import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonResult, type JsonValue, parseJson, parseJsonStrict } from '../src/json.ts';
import { jsonText, mutatedJsonText, numberToken } from './json-text.ts';
import { verdictOf } from './json-verdict.ts';

const RUNS = { numRuns: 3000 };

function nativeParse(text: string): { value: JsonValue } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A decimal as integer × 10^power; exact. */
function exactly(decimal: string): { digits: bigint; power: number } {
  const [mantissa = '', exponent = '0'] = decimal.toLowerCase().split('e');
  const [integer = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(integer + fraction), power: Number(exponent) - fraction.length };
}

function denoteTheSame(one: string, other: string): boolean {
  const a = exactly(one);
  const b = exactly(other);
  const power = Math.min(a.power, b.power);
  return a.digits * 10n ** BigInt(a.power - power) === b.digits * 10n ** BigInt(b.power - power);
}

const sources: readonly [string, fc.Arbitrary<string>][] = [
  ['any text', fc.string({ unit: 'binary', maxLength: 40 })],
  ['JSON texts', jsonText],
  ['texts of JSON.stringify', fc.json()],
  ['mutated JSON texts', mutatedJsonText],
  [
    'texts longer than the short cut takes',
    jsonText.map((text) => `[${text},"${'x'.repeat(70_000)}"]`),
  ],
];

describe.each(sources)('on %s', (_name, source) => {
  const runs = { numRuns: _name.startsWith('texts longer') ? 100 : RUNS.numRuns };

  test('the two ways of parsing agree on verdict, problem, offset, value and numbers', () => {
    fc.assert(
      fc.property(source, (text) => {
        expect(verdictOf(parseJson(text))).toStrictEqual(verdictOf(parseJsonStrict(text)));
      }),
      runs,
    );
  });

  test('what JSON.parse refuses is refused; what it accepts has its value or another problem than syntax', () => {
    fc.assert(
      fc.property(source, (text) => {
        const native = nativeParse(text);
        const result: JsonResult = parseJson(text);
        if (native === undefined) expect(result.ok).toBe(false);
        else if (result.ok) expect(result.value).toStrictEqual(native.value);
        else expect(result.problem).not.toBe('syntax');
      }),
      runs,
    );
  });
});

test('a number is inadmissible exactly when the text of its double denotes another number', () => {
  fc.assert(
    fc.property(numberToken, (token) => {
      const value = Number(token);
      const admissible = Number.isFinite(value) && denoteTheSame(String(value), token);
      const result = parseJson(`[${token}]`);
      if (!result.ok) throw new Error(`refused ${token}`);
      const form = result.numbers?.get(result.value as object)?.get(0);
      expect(form !== 'inadmissible').toBe(admissible);
      const disguised = Number.isInteger(value) && !/^(?!-0$)-?\d+$/.test(token);
      if (admissible) expect(form).toBe(disguised ? 'not_integer_form' : undefined);
    }),
    { numRuns: 20_000 },
  );
});

test('an object is refused exactly when two of its names are the same after unescaping', () => {
  const spelling = fc.constantFrom(
    'a',
    '\\u0061',
    'b',
    '\\u0062',
    'ab',
    '\\u0061b',
    '1',
    '\\u0031',
  );
  fc.assert(
    fc.property(fc.array(spelling, { maxLength: 5 }), (names) => {
      const distinct = new Set(names.map((name) => JSON.parse(`"${name}"`))).size === names.length;
      const result = parseJson(`{${names.map((name) => `"${name}":1`).join(',')}}`);
      expect(result.ok).toBe(distinct);
      if (!result.ok) expect(result.problem).toBe('duplicate_member');
    }),
  );
});

test('every double that JSON.stringify writes comes back regular and the same', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
      fc.pre(Math.abs(double) < 1e21 && !Object.is(double, -0));
      const result = parseJson(JSON.stringify([double]));
      expect(result).toStrictEqual({ ok: true, value: [double], numbers: undefined });
    }),
    { numRuns: 5000 },
  );
});

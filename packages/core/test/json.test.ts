import { describe, expect, test } from 'vitest';
import {
  holdsInadmissibleNumber,
  isJsonObject,
  type JsonObject,
  type JsonResult,
  type JsonValue,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  parseJson,
  parseJsonStrict,
  TOP_LEVEL,
} from '../src/json.ts';
import { verdictOf } from './json-verdict.ts';

const MEGABYTE = 1 << 20;

function parsed(result: JsonResult): { value: JsonValue; result: JsonResult & { ok: true } } {
  if (!result.ok) throw new Error(`refused: ${result.problem}`);
  return { value: result.value, result };
}

function nested(open: string, close: string, depth: number, inner: string): string {
  return open.repeat(depth) + inner + close.repeat(depth);
}

function listOf(count: number, element: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => element(index)).join(',');
}

/** The text repeated to about a megabyte. */
function flood(text: string): string {
  return text.repeat(Math.ceil(MEGABYTE / text.length));
}

const parsers = [
  ['parseJson', parseJson],
  ['parseJsonStrict', parseJsonStrict],
] as const;

describe.each(parsers)('%s', (_name, parse) => {
  test.each<[string, JsonValue]>([
    ['null', null],
    ['true', true],
    ['false', false],
    ['0', 0],
    ['-7', -7],
    ['2.5', 2.5],
    ['""', ''],
    ['[]', []],
    ['{}', {}],
    [' \t\r\n[ 1 ,\n2 ] ', [1, 2]],
    ['{ "a" : { } , "b" : [ ] }', { a: {}, b: [] }],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC"', '"\\/\b\f\n\r\tA\u00e9\u20ac'],
    ['"\\uD83D\\uDE00"', '\u{1f600}'],
    ['"\u{1f600}"', '\u{1f600}'],
    ['"\\\\ud800"', '\\ud800'],
    ['"\u007f\u2028\u2029\ufeff"', '\u007f\u2028\u2029\ufeff'],
    ['"__proto__"', '__proto__'],
    ['{"proto":1,"__proto":2,"_\\u005fproto_":3}', { proto: 1, __proto: 2, __proto_: 3 }],
    ['{"":1," ":2}', { '': 1, ' ': 2 }],
    ['{"b":1,"a":2}', { b: 1, a: 2 }],
    ['{"aud":1,"AUD":2}', { aud: 1, AUD: 2 }],
    ['{"\u00e9":1,"e\u0301":2}', { '\u00e9': 1, 'e\u0301': 2 }],
    ['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['{"a":{"a":1}}', { a: { a: 1 } }],
    ['100000000000000000000', 1e20],
  ])('accepts %j', (text, value) => {
    expect(parsed(parse(text)).value).toEqual(value);
  });

  test.each<[string, number]>([
    ['', 0],
    [' ', 1],
    ['nul', 0],
    ['nulll', 4],
    ['True', 0],
    ['NaN', 0],
    ['Infinity', 0],
    ['-Infinity', 1],
    ['undefined', 0],
    ['1 2', 2],
    ['{}{}', 2],
    ['[1,]', 3],
    ['[,1]', 1],
    ['[1 2]', 3],
    ['[1', 2],
    ['[', 1],
    [']', 0],
    ['[}', 1],
    ['{"a":1,}', 7],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1', 6],
    ['{a:1}', 1],
    ["{'a':1}", 1],
    ['{1:1}', 1],
    ['{"a" 1}', 5],
    ['"a', 2],
    ['"\\', 1],
    ['"\\x41"', 1],
    ['"\\u12"', 1],
    ['"\\u12G4"', 1],
    ['"\\U0041"', 1],
    ['"a\nb"', 2],
    ['"\u0000"', 1],
    ['"\u001f"', 1],
    ['\ufeff{}', 0],
    ['{}\u0000', 2],
    ['\u00a01', 0],
    ['\u000b1', 0],
    ['[1]//', 3],
    ['/**/1', 0],
    ['01', 1],
    ['-01', 2],
    ['00', 1],
    ['+1', 0],
    ['-', 1],
    ['--1', 1],
    ['.5', 0],
    ['1.', 2],
    ['1.e1', 2],
    ['1e', 2],
    ['1e+', 3],
    ['1E-', 3],
    ['1e1.5', 3],
    ['0x10', 1],
    ['1_000', 1],
    ['1n', 1],
    ['\uff11', 0],
  ])('refuses %j as syntax at %i', (text, offset) => {
    expect(verdictOf(parse(text))).toEqual({ problem: 'syntax', offset });
  });

  test.each<[string, number]>([
    ['{"a":1,"a":1}', 7],
    ['{"aud":"x","\\u0061ud":"y"}', 11],
    ['{"":1,"":2}', 6],
    ['{"toString":1,"toString":2}', 14],
    ['{"0":1,"0":2}', 7],
    ['{"\u00e9":1,"\\u00E9":2}', 7],
    ['[{"a":[{"b":1,"c":2,"b":3}]}]', 20],
    ['{"/":1,"\\/":2}', 7],
  ])('refuses %j: a member name twice in one object, compared after unescaping', (text, offset) => {
    expect(verdictOf(parse(text))).toEqual({ problem: 'duplicate_member', offset });
  });

  test.each<[string, number]>([
    ['{"__proto__":null}', 1],
    ['{"__proto__":{"admin":true}}', 1],
    ['{"\\u005f_proto__":1}', 1],
    ['[{"a":{ "__proto\\u005F_":1}}]', 8],
  ])('refuses %j: a member named __proto__, escaped or not', (text, offset) => {
    expect(verdictOf(parse(text))).toEqual({ problem: 'forbidden_member', offset });
  });

  test.each<[string, number]>([
    ['"\\ud800"', 1],
    ['"\\udc00"', 1],
    ['"a\\uDBFFb"', 2],
    ['"\\udc00\\ud800"', 1],
    ['"\\ud800\\ud800\\udc00"', 1],
    ['"\\ud83d\\ude00\\ud83d"', 13],
    ['{"\\ud800":1}', 2],
    ['"\\udc00\\udc00"', 1],
    ['"\\ud800\\ue000"', 1],
    ['"\\ud83dxxde00"', 1],
    ['"\\ud83d\\nde00"', 1],
    ['"\udc00\udc00"', 1],
    ['"\ud800\ue000"', 1],
    ['["\ud800"]', 2],
    ['"\udc00"', 1],
    ['{"a\ud83d":1}', 3],
    ['"\ud83d\\ude00"', 1],
    ['"\\ud83d\ude00"', 1],
  ])(
    'refuses %j: a surrogate without its pair, in names and values, raw or escaped',
    (text, offset) => {
      expect(verdictOf(parse(text))).toEqual({ problem: 'lone_surrogate', offset });
    },
  );

  test.each([
    ['arrays', '[', ']', '1'],
    ['empty arrays', '[', ']', ''],
    ['objects', '{"a":', '}', '1'],
    ['spaced arrays', '[ ', ' ]', '""'],
  ])('accepts the greatest depth of %s and refuses one more', (_what, open, close, inner) => {
    expect(parse(nested(open, close, MAX_JSON_DEPTH, inner)).ok).toBe(true);
    expect(parse(nested(open, close, MAX_JSON_DEPTH + 1, inner))).toMatchObject({
      ok: false,
      problem: 'too_deep',
      offset: MAX_JSON_DEPTH * open.length,
    });
  });

  test('counts depth, not containers or brackets inside strings', () => {
    const wide = `[${Array(1000).fill('{"a":[]}').join(',')}]`;
    expect(parse(wide).ok).toBe(true);
    expect(parse(JSON.stringify(['[{'.repeat(500)])).ok).toBe(true);
    expect(parse(JSON.stringify([`\\"${'['.repeat(500)}`, '{']))).toMatchObject({ ok: true });
    const hidden = `["\\"",${nested('[', ']', MAX_JSON_DEPTH, '')},"\\""]`;
    expect(parse(hidden)).toMatchObject({ ok: false, problem: 'too_deep' });
    expect(parse(`[${wide},${nested('[', ']', MAX_JSON_DEPTH, '')}]`)).toMatchObject({
      ok: false,
      problem: 'too_deep',
    });
  });

  test('reports the problem that comes first in the text', () => {
    expect(verdictOf(parse('{"a":1,"a":2,}'))).toEqual({ problem: 'duplicate_member', offset: 7 });
    expect(verdictOf(parse('{"a":,"a":2}'))).toEqual({ problem: 'syntax', offset: 5 });
    expect(verdictOf(parse('["\\ud800",{"__proto__":1}]'))).toMatchObject({
      problem: 'lone_surrogate',
    });
  });

  test.each(['toString', 'constructor', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
    'gives the inherited name %s as an own, ordinary data property',
    (name) => {
      for (const space of ['', ' ']) {
        const object = parsed(parse(`{${space}"${name}":1}`)).value;
        expect(Object.getOwnPropertyDescriptor(object, name)).toEqual({
          value: 1,
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
    },
  );

  test('never runs a setter that somebody put on Object.prototype', () => {
    const seen: unknown[] = [];
    Object.defineProperty(Object.prototype, 'trapped', {
      configurable: true,
      set: (value) => seen.push(value),
    });
    try {
      for (const text of ['{"trapped":"secret"}', '{ "trapped":"secret"}']) {
        const object = parsed(parse(text)).value as JsonObject;
        expect(Object.hasOwn(object, 'trapped')).toBe(true);
      }
    } finally {
      delete (Object.prototype as { trapped?: unknown }).trapped;
    }
    expect(seen).toEqual([]);
  });

  describe('judges the text of numbers', () => {
    test.each([
      '0',
      '1',
      '-1',
      '0.1',
      '2.50',
      '-1.5e-7',
      '1e-7',
      '1E-07',
      '123456789012345',
      '9007199254740991',
      '9007199254740994',
      '100000000000000000000',
      '1000000000000000000000',
      '5e-324',
      '0.10000000000000000000000000000000000000000',
      '4.35e-310',
    ])('regular: %s', (number) => {
      for (const text of [number, `[${number}]`, `{"a":${number}}`]) {
        expect(verdictOf(parse(text))).toMatchObject({ regular: true, forms: [] });
      }
    });

    test.each([
      '1.0',
      '-0',
      '0.0',
      '-0.0',
      '0e0',
      '0E+5',
      '0e99999999999',
      '0.000e-99999999999',
      '1e0',
      '1E2',
      '1e20',
      '1e21',
      '1e+21',
      '10e-1',
      '12.5e1',
      '9007199254740992.0e0',
      '1.7976931348623157e308',
    ])('an integer written with a fraction, an exponent or as -0: %s', (number) => {
      const form = 'not_integer_form';
      expect(verdictOf(parse(number))).toMatchObject({ forms: [['', form]] });
      expect(verdictOf(parse(`[7,${number}]`))).toMatchObject({ forms: [['/1', form]] });
      expect(verdictOf(parse(`{"a":${number}}`))).toMatchObject({ forms: [['/a', form]] });
    });

    test.each([
      '9007199254740993',
      '-9007199254740993',
      '9007199254740993.0',
      '12345678901234567890',
      '-9223372036854775808',
      '1.00000000000000001',
      '0.1000000000000000055511151231257827',
      '0.30000000000000001',
      '1e400',
      '-1e400',
      '1e-400',
      '-1e-400',
      '4.9e-324',
      '2.4703282292062327208e-324',
      '1.7976931348623158e308',
      `1${'0'.repeat(400)}`,
      `0.${'0'.repeat(400)}1`,
    ])('a number that its double does not denote: %s', (number) => {
      const form = 'inadmissible';
      expect(verdictOf(parse(number))).toMatchObject({ forms: [['', form]] });
      expect(verdictOf(parse(`[${number},7]`))).toMatchObject({ forms: [['/0', form]] });
      expect(verdictOf(parse(`{"a":{"b":${number}},"c":7}`))).toMatchObject({
        forms: [['/a/b', form]],
      });
    });

    test('files each number under its own container', () => {
      const text = '{"a":1.0,"b":[2,-0,{"c":1e400}],"d":9007199254740993,"e":3}';
      expect(verdictOf(parse(text))).toMatchObject({
        regular: false,
        forms: [
          ['/a', 'not_integer_form'],
          ['/b/1', 'not_integer_form'],
          ['/b/2/c', 'inadmissible'],
          ['/d', 'inadmissible'],
        ],
      });
    });

    test('reads digits beyond a double as JSON.parse does', () => {
      for (const text of [
        '0.1',
        '123456789012345678',
        '1e23',
        '8.5e-300',
        '-1.5',
        '999999999999999',
      ]) {
        expect(parsed(parse(text)).value).toBe(JSON.parse(text));
      }
      expect(Object.is(parsed(parse('-0')).value, -0)).toBe(true);
    });

    test('decides a megabyte of digits, wherever they stand', () => {
      const digits = '7'.repeat(MEGABYTE);
      const zeros = '0'.repeat(MEGABYTE);
      const formOf = (text: string) => parsed(parse(text)).result.numbers?.get(TOP_LEVEL)?.get(0);
      expect(formOf(digits)).toBe('inadmissible');
      expect(formOf(`0.${digits}`)).toBe('inadmissible');
      expect(formOf(`1e${digits}`)).toBe('inadmissible');
      expect(formOf(`1e-${digits}`)).toBe('inadmissible');
      expect(formOf(`0e${digits}`)).toBe('not_integer_form');
      expect(formOf(`1e${zeros}`)).toBe('not_integer_form');
      expect(formOf(`2.5e${zeros}`)).toBeUndefined();
      expect(formOf(`1.${zeros}`)).toBe('not_integer_form');
      expect(formOf(`0.${zeros}1e${MEGABYTE + 1}`)).toBe('not_integer_form');
      expect(formOf(`1${zeros}e-${MEGABYTE}`)).toBe('not_integer_form');
    });
  });

  test.each([
    ['opening brackets', flood('['), 'too_many_values'],
    ['opening objects', flood('{"a":'), 'too_many_values'],
    ['balanced brackets', nested('[', ']', MEGABYTE / 2, ''), 'too_many_values'],
    ['backslashes without an end', `"${flood('\\\\')}`, 'syntax'],
    ['quotes', flood('"'), 'syntax'],
    ['spaces', flood(' '), 'syntax'],
    ['commas', `[1${flood(',')}`, 'too_many_values'],
    ['one name', `{${Array(100_000).fill('"aaaa":1').join(',')}}`, 'too_many_values'],
    ['a bad last byte', `["${flood('a')}"x]`, 'syntax'],
    ['distinct names', `{${listOf(100_000, (i) => `"k${i}":${i}`)}}`, 'too_many_values'],
    ['empty arrays', `[${listOf(300_000, () => '[]')}]`, 'too_many_values'],
  ])('refuses a megabyte of %s (R01, R02)', (_what, text, problem) => {
    expect(parse(text)).toMatchObject({ ok: false, problem });
  });

  test.each<[string, string]>([
    ['escaped backslashes', `"${flood('\\\\')}"`],
    ['escaped quotes', `"${flood('\\"')}"`],
    ['escaped surrogate pairs', `"${flood('\\ud83d\\ude00')}"`],
    ['commas and brackets in a string', `["${flood(',[{\\"')}"]`],
  ])('accepts a megabyte of %s, as JSON.parse reads it', (_what, text) => {
    const { value } = parsed(parse(text));
    expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
  });

  test.each<[string, (count: number) => string]>([
    ['distinct names', (count) => `{${listOf(count, (i) => `"k${i}":${i}`)}}`],
    ['numeric names', (count) => `{${listOf(count, (i) => `"${count - i}":0`)}}`],
    ['strings with escapes', (count) => `[${listOf(count, () => '"\\n,["')}]`],
    ['minus zeros', (count) => `[ ${listOf(count, () => '-0')}]`],
  ])('accepts as many %s as MAX_JSON_VALUES, and not one more', (_what, textOf) => {
    const most = textOf(MAX_JSON_VALUES);
    expect(JSON.stringify(parsed(parse(most)).value)).toBe(JSON.stringify(JSON.parse(most)));
    expect(parse(textOf(MAX_JSON_VALUES + 1))).toMatchObject({ problem: 'too_many_values' });
  });
});

test('an object is neither null nor an array', () => {
  expect([{}, { a: 1 }].every(isJsonObject)).toBe(true);
  expect([null, [], [{}], 'a', 1, true, undefined].some(isJsonObject)).toBe(false);
});

describe('holdsInadmissibleNumber', () => {
  const text = '{"bad":{"list":[1,{"deep":[1e400]}]},"good":{"n":1.0,"l":[-0,2.5]},"direct":1e400}';
  const { value, result } = parsed(parseJson(text));
  const claims = value as { bad: JsonObject; good: JsonObject; direct: number };

  test('finds one in a container at any depth', () => {
    expect(holdsInadmissibleNumber(claims.bad, result.numbers)).toBe(true);
    expect(holdsInadmissibleNumber([claims.bad], result.numbers)).toBe(true);
    expect(holdsInadmissibleNumber({ direct: claims.direct }, result.numbers)).toBe(false);
    expect(holdsInadmissibleNumber(value, result.numbers)).toBe(true);
  });

  test('looks at nothing outside the value, and not_integer_form is admissible', () => {
    expect(holdsInadmissibleNumber(claims.good, result.numbers)).toBe(false);
  });

  test('leaves a number that itself is the value to its container', () => {
    expect(holdsInadmissibleNumber(claims.direct, result.numbers)).toBe(false);
    expect(result.numbers?.get(claims)?.get('direct')).toBe('inadmissible');
    expect(result.numbers?.get(claims)?.has('bad')).toBe(false);
  });

  test('finds none where every number is regular', () => {
    expect(holdsInadmissibleNumber([1, { a: 2.5 }], undefined)).toBe(false);
  });
});

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { TaperError } from '../src/error.ts';
import { canonicalize } from '../src/jcs.ts';
import { MAX_JSON_DEPTH } from '../src/json.ts';

function codeOf(value: unknown): string {
  try {
    return `accepted: ${canonicalize(value)}`;
  } catch (error) {
    return error instanceof TaperError ? error.code : `thrown: ${error}`;
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('canonicalize writes', () => {
  test.each<[unknown, string]>([
    [null, 'null'],
    [true, 'true'],
    [false, 'false'],
    [[], '[]'],
    [{}, '{}'],
    ['', '""'],
    [[1, [2, {}], 'a'], '[1,[2,{}],"a"]'],
    [{ b: 2, a: { d: [], c: null } }, '{"a":{"c":null,"d":[]},"b":2}'],
    [{ 10: 1, 9: 2, a: 3, '': 4 }, '{"":4,"10":1,"9":2,"a":3}'],
    [{ a: 1, A: 2, aa: 3, _: 4 }, '{"A":2,"_":4,"a":1,"aa":3}'],
  ])('%j as %s', (value, text) => {
    expect(canonicalize(value)).toBe(text);
  });

  test('members by UTF-16 code units, not by code points (RFC 8785 section 3.2.3)', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const object = Object.fromEntries(names.map((name) => [name, 0]));
    expect(Object.keys(JSON.parse(canonicalize(object)))).toEqual([
      '1', // JSON.parse moves it to the front
      '\r',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\u{1f600}',
      '\ufb33',
    ]);
  });

  test.each<[number, string]>([
    [-0, '0'],
    [1.0, '1'],
    [-1.5, '-1.5'],
    [1 / 3, '0.3333333333333333'],
    [1e30, '1e+30'],
    [4.5, '4.5'],
    [2e-3, '0.002'],
    [1e-27, '1e-27'],
    [1e21, '1e+21'],
    [1e20, '100000000000000000000'],
    [1e-7, '1e-7'],
    [5e-324, '5e-324'],
    [2 ** 53, '9007199254740992'],
    [2 ** 70, '1.1805916207174113e+21'],
  ])('the double %d as %s', (value, text) => {
    expect(canonicalize(value)).toBe(text);
  });

  test.each<[string, string]>([
    ['\u20ac$\u000f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
    ['\b\t\n\f\r', '"\\b\\t\\n\\f\\r"'],
    ['\u0000\u001f', '"\\u0000\\u001f"'],
    ['\u007f\u0080\u2028\u2029', '"\u007f\u0080\u2028\u2029"'],
    ['\u{1f600}', '"\u{1f600}"'],
    ['A\u030a', '"A\u030a"'],
    ['</script>', '"</script>"'],
    ['a"b', '"a\\"b"'],
    ['a\\b', '"a\\\\b"'],
    [' ~', '" ~"'],
  ])('the string %j as %s, as a name too', (value, text) => {
    expect(canonicalize(value)).toBe(text);
    expect(canonicalize({ [value]: 1 })).toBe(`{${text}:1}`);
  });
});

describe('canonicalize refuses', () => {
  class Money {
    amount = 1;
  }
  class List extends Array {}
  const cycle: unknown[] = [];
  cycle.push(cycle, cycle);
  const loop: { self?: unknown } = {};
  loop.self = loop;

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', '\udc00b'],
    ['surrogates in the wrong order', '\udc00\ud800'],
    ['a Date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['a RegExp', /a/],
    ['an Error', new Error('a')],
    ['a boxed string', Object('a')],
    ['a boxed number', Object(1)],
    ['bytes', new Uint8Array(1)],
    ['a Promise', Promise.resolve(1)],
    ['an instance of a class', new Money()],
    ['an instance of an array class', List.of(1)],
    ['an object that inherits from a plain one', Object.create({ a: 1 })],
    ['an object that inherits from a bare one', Object.create(Object.create(null))],
    ['an array that inherits from nothing', Object.setPrototypeOf([1], null)],
    ['a class itself', Money],
    ['a cycle of arrays', cycle],
    ['a cycle of objects', loop],
  ])('%s, alone, in an array and in a member', (_what, value) => {
    expect([value, [value], { a: value }, [[{ a: [value] }]]].map(codeOf)).toEqual(
      Array(4).fill('json_invalid'),
    );
  });

  test('an array with a hole, also where Array.prototype would fill it', () => {
    const holed = [1, 2, 3];
    delete holed[1];
    expect(codeOf([1, 2, 3])).toBe('accepted: [1,2,3]');
    expect([holed, new Array(1)].map(codeOf)).toEqual(['json_invalid', 'json_invalid']);
    Object.defineProperty(Array.prototype, 1, { configurable: true, value: 2 });
    try {
      expect(codeOf(holed)).toBe('json_invalid');
    } finally {
      delete (Array.prototype as unknown[])[1];
    }
  });

  test('an accessor, and never runs it', () => {
    let runs = 0;
    const get = (): number => ++runs;
    const withSetter = Object.defineProperty({}, 'a', { set: get, enumerable: true });
    const inArray = Object.defineProperty([1, 2], 1, { get });
    const own = {
      get a(): number {
        return get();
      },
    };
    expect([own, withSetter, inArray].map(codeOf)).toEqual(Array(3).fill('json_invalid'));
    expect(runs).toBe(0);
  });

  test('toJSON as a member, and never runs one that is inherited', () => {
    expect(codeOf({ toJSON: () => 'x' })).toBe('json_invalid');
    expect(codeOf({ toJSON: 1 })).toBe('accepted: {"toJSON":1}');
    Object.defineProperty(Object.prototype, 'toJSON', { configurable: true, value: () => 'x' });
    try {
      expect(codeOf({ a: ['b'] })).toBe('accepted: {"a":["b"]}');
    } finally {
      delete (Object.prototype as { toJSON?: unknown }).toJSON;
    }
  });

  test('a lone surrogate in a name', () => {
    expect(codeOf({ '\ud800': 1 })).toBe('json_invalid');
    expect(codeOf({ '\ud83d\ude00': 1 })).toBe('accepted: {"\u{1f600}":1}');
  });

  test('an own member named __proto__', () => {
    expect(codeOf(JSON.parse('{"__proto__":1}'))).toBe('json_invalid');
    expect(codeOf(Object.fromEntries([['__proto__', null]]))).toBe('json_invalid');
    expect(codeOf({ __proto__: null, a: 1 })).toBe('accepted: {"a":1}');
  });

  test('more than the greatest depth', () => {
    expect(codeOf(nested(MAX_JSON_DEPTH))).toMatch(/^accepted/);
    expect(codeOf(nested(MAX_JSON_DEPTH + 1))).toBe('json_invalid');
    expect(codeOf(nested(100_000))).toBe('json_invalid');
  });
});

describe('canonicalize takes as plain', () => {
  test('objects and arrays of another realm, but not its Date', () => {
    expect(codeOf(runInNewContext('({ b: [1, { c: "x" }], a: null })'))).toBe(
      'accepted: {"a":null,"b":[1,{"c":"x"}]}',
    );
    expect(codeOf(runInNewContext('new Date(0)'))).toBe('json_invalid');
    expect(codeOf(runInNewContext('new (class Money { a = 1 })()'))).toBe('json_invalid');
    expect(codeOf(runInNewContext('new (class List extends Array {})()'))).toBe('json_invalid');
  });

  test('objects without a prototype, and frozen ones', () => {
    expect(canonicalize(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
    expect(canonicalize(Object.freeze({ a: Object.freeze([1]) }))).toBe('{"a":[1]}');
  });

  test('own enumerable string members only', () => {
    const object = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 });
    expect(canonicalize(object)).toBe('{"a":1}');
    expect(canonicalize(Object.assign([1], { extra: 2 }))).toBe('[1]');
  });

  test('a value that stands in two places', () => {
    const shared = { a: 1 };
    expect(canonicalize([shared, { b: shared }])).toBe('[{"a":1},{"b":{"a":1}}]');
  });

  test('each property once', () => {
    const reads: PropertyKey[] = [];
    const watched = new Proxy(
      { b: 1, a: [2] },
      {
        get: (target, key) => {
          reads.push(key);
          return Reflect.get(target, key);
        },
        getOwnPropertyDescriptor: (target, key) => {
          reads.push(key);
          return Reflect.getOwnPropertyDescriptor(target, key);
        },
      },
    );
    expect(canonicalize(watched)).toBe('{"a":[2],"b":1}');
    // Object.keys asks for every descriptor too, to learn what is enumerable; values come from the second round alone.
    expect(reads).toEqual(['b', 'a', 'a', 'b']);
  });
});

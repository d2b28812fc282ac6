import { describe, expect, test } from 'vitest';
import { createVerifier, type JsonObject, type JsonValue } from '../../src/index.ts';
import {
  AUDIENCE,
  anchors,
  call,
  childToken,
  exact,
  outcome,
  place,
  proofOf,
  rootToken,
  verify,
} from './attacker.ts';

// Groups H, I and K of the attack catalogue, as the core types and the closed world meet them.

/** What comes of a call with this one argument, under this one constraint. */
function judged(constraint: unknown, arg: unknown): string {
  return outcome(call([rootToken({ tool: { arg: constraint } })], 'tool', { arg }));
}

/** What comes of handing on a constraint as another. */
function handedOn(parent: unknown, child: unknown): string {
  const root = rootToken({ tool: { arg: parent } });
  return outcome(verify([root, childToken(root, { tool: { arg: child } })]));
}

const range = (bounds: object) => ({ constraint_type: 'range', ...bounds });
const oneOf = (...values: readonly JsonValue[]) => ({ constraint_type: 'one_of', values });
const notOneOf = (...excluded: readonly JsonValue[]) => ({
  constraint_type: 'not_one_of',
  excluded,
});

describe('names of tools', () => {
  test.each([
    ['read', 'READ'],
    ['read', 'read '],
    ['read', 'rea'],
    ['read', 'reader'],
    ['read', 'read\u0000'],
    ['read', 'r\u0435ad'],
    ['read', 'read\u200b'],
    ['read', '\uff52ead'],
    ['\u212a', 'k'],
    ['\u017f', 's'],
    ['i', '\u0131'],
    ['a__b', 'a_b'],
    ['server__tool', 'tool'],
    ['a__b__c', 'b__c'],
    ['https://x.example/tool', 'https://x.example/tool/'],
    ['https://x.example/tool', 'https://x.example/%74ool'],
    ['read write', 'read'],
    ['read,write', 'write'],
    ['read\nwrite', 'write'],
    ['*', 'read'],
    ['re*', 'read'],
    ['.*', 'read'],
    ['^read$', 'read'],
    ['r?ad', 'read'],
    ['{read,write}', 'read'],
    ['', ' '],
  ])('H04 H06 H07 H08 H10 H18 H20 compare exactly: %j does not grant %j', (granted, wanted) => {
    const token = rootToken({ [granted]: {} });
    expect(outcome(call([token], wanted, {}))).toBe('tool_not_granted');
    if (granted !== '') expect(outcome(call([token], granted, {}))).toBe('permit');
    expect(outcome(verify([token, childToken(token, { [wanted]: {} })]))).toBe('tool_added');
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'size', 'get', '0'])(
    'H15 X02 %s is a name like any other: granted only where it is granted, as tool and as argument',
    (name) => {
      expect(outcome(call([rootToken({ read: {} })], name, {}))).toBe('tool_not_granted');
      expect(outcome(call([rootToken({ [name]: {} })], name, {}))).toBe('permit');
      const required = rootToken({ read: { [name]: exact(1) } });
      expect(outcome(call([required], 'read', {}))).toBe('argument_missing');
      expect(outcome(call([required], 'read', { [name]: 2 }))).toBe('argument_refused');
      expect(outcome(call([required], 'read', { [name]: 1 }))).toBe('permit');
      const closed = rootToken({ read: { path: exact('/a') } });
      expect(outcome(call([closed], 'read', { path: '/a', [name]: 1 }))).toBe(
        'argument_unexpected',
      );
    },
  );

  test.each(['__proto__', 'prototype'])('X01 H15 %s is refused or nothing special', (name) => {
    const text = `{"${name}":{"admin":true}}`;
    const open = rootToken({ read: {} });
    const decision = call([open], 'read', text, { proof: proofOf(open, 'read', {}) });
    expect(decision.verdict).toBe('deny');
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    const tools = JSON.parse(`{"read":{},"${name}":{}}`);
    const claims = { authorization_details: [{ type: 'attenuating_agent_token', tools }] };
    const token = rootToken({}, { claims });
    expect(outcome(verify([token]))).toBe(name === '__proto__' ? 'claims_malformed' : 'verified');
    expect(outcome(call([open], name, {}))).toBe('tool_not_granted');
  });

  test.each([
    '',
    ' ',
    '\u0000',
    '\u202egnp.exe',
    '<script>alert(1)</script>',
    "'; DROP TABLE tools; --",
    '$(reboot)',
    '%s%n',
    '\u{1f4a9}'.repeat(100),
    'x'.repeat(40_000),
    '-1',
    'NaN',
    'undefined',
    '\ufdfd',
    '$\u007bjndi:ldap://x}',
  ])('H21 naughty text is text: %j', (name) => {
    const token = rootToken({ tool: { arg: exact(name) } });
    expect(outcome(call([token], 'tool', { arg: name }))).toBe('permit');
    expect(outcome(call([token], 'tool', { arg: `${name}.` }))).toBe('argument_refused');
    expect(outcome(call([token], name, {}))).toBe('tool_not_granted');
  });
});

describe('values of arguments', () => {
  test.each<[JsonValue, JsonValue]>([
    ['admin', ['admin']],
    ['admin', 'administrator'],
    ['admin', { 0: 'a' }],
    ['5', 5],
    [5, '5'],
    [true, 'true'],
    [true, 1],
    [0, false],
    [0, ''],
    [null, 'null'],
    [null, false],
    ['', null],
    ['*', 'anything'],
    ['a.c', 'abc'],
    ['K', '\u212a'],
    ['caf\u00e9', 'cafe\u0301'],
    [0.3, 0.1 + 0.2],
    [9007199254740992, 9007199254740994],
  ])('H04 H06 H14 K09 I05 have a type: %j does not admit %j', (value, arg) => {
    for (const constraint of [exact(value), oneOf(value), oneOf(...Array(9).fill(value))]) {
      expect(judged(constraint, arg)).toBe('argument_refused');
      expect(judged(constraint, value)).toBe('permit');
    }
    expect(handedOn(oneOf(value), exact(arg))).toMatch(/constraint_(widened|malformed)/);
    expect(handedOn(exact(value), exact(arg))).toMatch(/constraint_(widened|malformed)/);
  });

  test.each<JsonValue>(['100', '1e1', '0x10', ' 5', [5], { value: 5 }, true, null, '', '5\n'])(
    'I01 I05 a range takes numbers only: %j',
    (arg) => {
      expect(judged(range({}), arg)).toBe('argument_refused');
      expect(judged(range({ min: 0, max: 100 }), arg)).toBe('argument_refused');
    },
  );

  test('I01 J02 what is no finite number is no argument', () => {
    const token = rootToken({ tool: { arg: range({}) } });
    const proof = proofOf(token, 'tool', { arg: 1 });
    for (const arg of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(outcome(call([token], 'tool', { arg }, { proof }))).toBe('arguments_malformed');
    }
  });

  test.each<[object, number, boolean]>([
    [{ max: 0 }, 1, false],
    [{ max: 0 }, 0, true],
    [{ max: 0 }, -1, true],
    [{ min: 0 }, -0, true],
    [{ min: 0, max: 0 }, Number.MIN_VALUE, false],
    [{ min: 0, max: 0, max_inclusive: false }, 0, false],
    [{ max: 5, max_inclusive: false }, 5, false],
    [{ min: 5, min_inclusive: false }, 5, false],
    [{ min: -1e308, max: 1e308 }, 1.7e308, false],
  ])('I02 I07 I16 a bound of 0 is a bound: %j admits %d: %s', (bounds, arg, admitted) => {
    expect(judged(range(bounds), arg)).toBe(admitted ? 'permit' : 'argument_refused');
  });

  test.each<object>([
    { min: 2, max: 1 },
    { min: '1' },
    { max: null },
    { max: '100' },
    { max: [1] },
    { max_inclusive: true },
    { min: 1, min_inclusive: 'false' },
    { min: 1, min_inclusive: null },
    { maximum: 5 },
    { max: 5, Max: 6 },
    { limit: 5 },
  ])('I01 I05 I15 I16 a bound that is none is refused, not ignored: %j', (bounds) => {
    expect(outcome(verify([rootToken({ tool: { arg: range(bounds) } })]))).toBe(
      'constraint_malformed',
    );
  });
});

describe('handing a constraint on', () => {
  test.each<[unknown, unknown]>([
    [range({ max: 5 }), range({ max: 6 })],
    [range({ max: 5 }), range({})],
    [range({ max: 5 }), range({ max: 5.000000000000001 })],
    [range({ max: 5, max_inclusive: false }), range({ max: 5 })],
    [range({ max: 0 }), range({ min: 0 })],
    [range({ min: 1, max: 5 }), range({ max: 5 })],
    [range({ min: 1, max: 5 }), range({ min: 1 })],
    [range({ max: 5 }), exact('5')],
    [range({ max: 5 }), oneOf(1)],
    [range({ max: 5 }), exact(null)],
  ])('I13 a limit is not raised: %j to %j', (parent, child) => {
    expect(handedOn(parent, child)).toBe('constraint_widened');
  });

  test.each<[unknown, unknown]>([
    [notOneOf('a', 'b'), notOneOf('a')],
    [notOneOf('a'), notOneOf()],
    [notOneOf('a'), oneOf('b')],
    [notOneOf('a'), exact('b')],
    [oneOf('a'), notOneOf('b')],
    [
      { constraint_type: 'contains', required: ['a', 'b'] },
      { constraint_type: 'contains', required: ['a'] },
    ],
    [
      { constraint_type: 'subset', allowed: ['a'] },
      { constraint_type: 'subset', allowed: ['a', 'b'] },
    ],
  ])('H13 an exclusion is not lost: %j to %j', (parent, child) => {
    expect(handedOn(parent, child)).toBe('constraint_widened');
  });

  const all = (...constraints: readonly unknown[]) => ({ constraint_type: 'all', constraints });
  const any = (...constraints: readonly unknown[]) => ({ constraint_type: 'any', constraints });
  test.each<[unknown, unknown]>([
    [any(exact('a')), any(exact('a'), exact('b'))],
    [any(exact('a')), any(exact('a'), { constraint_type: 'wildcard' })],
    [all(exact('a'), notOneOf('b')), all(exact('a'))],
    [all(exact('a')), any(exact('a'), exact('b'))],
    [any(exact('a'), exact('b')), all({ constraint_type: 'wildcard' })],
    [all(any(exact('a'))), all(any(exact('a'), exact('b')))],
    [exact('a'), any(exact('a'), exact('b'))],
    [oneOf('a', 'b'), any(exact('a'), exact('c'))],
    [{ constraint_type: 'cidr', network: '10.0.0.0/8' }, range({})],
    [{ constraint_type: 'path', root: '/a', reach: 'subtree' }, notOneOf('/b')],
  ])(
    'K02 K03 H05 H12 what cannot be compared, or adds a clause, widens: %j to %j',
    (parent, child) => {
      expect(handedOn(parent, child)).toBe('constraint_widened');
    },
  );

  test.each(['all', 'any'])('K03 H11 an empty %s is refused in both places', (constraint_type) => {
    const empty = { constraint_type, constraints: [] };
    expect(handedOn(empty, empty)).toBe('constraint_malformed');
    expect(handedOn({ constraint_type: 'wildcard' }, empty)).toBe('constraint_malformed');
    expect(handedOn({ constraint_type: 'wildcard' }, any(empty))).toBe('constraint_malformed');
    expect(handedOn({ constraint_type: 'wildcard' }, oneOf())).toBe('constraint_malformed');
  });

  test('I08 I13 K01 what two children may do together is no more than their parent may', () => {
    const parent = rootToken({ tool: { arg: oneOf('a', 'b') } });
    for (const value of ['a', 'b']) {
      const child = childToken(parent, { tool: { arg: exact(value) } });
      expect(outcome(call([parent, child], 'tool', { arg: value }))).toBe('permit');
      expect(outcome(call([parent, child], 'tool', { arg: value === 'a' ? 'b' : 'a' }))).toBe(
        'argument_refused',
      );
    }
    expect(handedOn(oneOf('a', 'b'), oneOf('a', 'b', 'c'))).toBe('constraint_widened');
  });
});

describe('the closed world', () => {
  const map = {
    path: exact('/a'),
    limit: { ...range({ max: 5 }), optional: true },
    filter: { constraint_type: 'wildcard', optional: true },
  };
  const token = rootToken({ tool: map });

  test.each<[string, JsonObject, string]>([
    ['everything', { path: '/a', limit: 5, filter: { any: [1] } }, 'permit'],
    ['only what is required', { path: '/a' }, 'permit'],
    ['a required argument absent', { limit: 5 }, 'argument_missing 6b 0'],
    ['a required argument null', { path: null }, 'argument_refused 6b 0'],
    ['a required argument empty', { path: '' }, 'argument_refused 6b 0'],
    ['an optional argument beyond its limit', { path: '/a', limit: 6 }, 'argument_refused 6b 0'],
    ['an optional argument that is null', { path: '/a', limit: null }, 'argument_refused 6b 0'],
    ['an unknown argument', { path: '/a', more: 1 }, 'argument_unexpected 6b 0'],
    ['an unknown argument that is null', { path: '/a', more: null }, 'argument_unexpected 6b 0'],
    ['an argument named "*"', { path: '/a', '*': 1 }, 'argument_unexpected 6b 0'],
    ['an argument in another case', { path: '/a', Limit: 99 }, 'argument_unexpected 6b 0'],
    ['an empty name', { path: '/a', '': 1 }, 'argument_unexpected 6b 0'],
  ])('K06 K07 %s', (_what, args, expected) => {
    expect(place(call([token], 'tool', args))).toBe(expected);
  });

  test('K07 opens for "*" alone, and keeps what is named', () => {
    const open = rootToken({ tool: { path: exact('/a'), '*': { constraint_type: 'wildcard' } } });
    expect(outcome(call([open], 'tool', { path: '/a', more: 1, '*': 2 }))).toBe('permit');
    expect(outcome(call([open], 'tool', { path: '/b', more: 1 }))).toBe('argument_refused');
    expect(outcome(call([open], 'tool', { more: 1 }))).toBe('argument_missing');
    for (const star of [
      exact(1),
      { constraint_type: 'wildcard', optional: true },
      { constraint_type: 'wildcard', optional: false },
      null,
      true,
    ]) {
      const token = rootToken({ tool: { '*': star } });
      expect(outcome(verify([token]))).toBe('constraint_malformed');
    }
  });

  test.each<unknown>([1, 'true', null, {}, []])(
    'K06 optional is true or it is malformed: %j',
    (optional) => {
      expect(outcome(verify([rootToken({ tool: { arg: { ...exact(1), optional } } })]))).toBe(
        'constraint_malformed',
      );
    },
  );

  test('K06 optional: false means required, and optional does not hide in a clause', () => {
    const required = rootToken({ tool: { arg: { ...exact(1), optional: false } } });
    expect(outcome(call([required], 'tool', {}))).toBe('argument_missing');
    const clause = { constraint_type: 'all', constraints: [{ ...exact(1), optional: true }] };
    expect(outcome(verify([rootToken({ tool: { arg: clause } })]))).toBe('constraint_malformed');
  });

  test('K08 H22 hands back exactly what was judged, under the name that was judged', () => {
    const decision = call([token], 'tool', '{ "limit": 5.0, "path": "\\u002fa" }', {
      by: createVerifier({ anchors, audience: AUDIENCE }),
      proof: proofOf(token, 'tool', { path: '/a', limit: 5 }),
    });
    expect(decision).toMatchObject({ verdict: 'permit', tool: 'tool' });
    expect(decision.verdict === 'permit' && decision.args).toEqual({ path: '/a', limit: 5 });
  });
});

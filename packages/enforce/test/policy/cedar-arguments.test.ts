import { type JsonObject, parseJson } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { type CedarEngineOptions, createCedarEngine } from '../../src/policy/cedar/index.ts';
import type { PolicyDecision, PolicyInput } from '../../src/port/policy-engine.ts';
import { policyInput } from './input.ts';

const ANY = 'permit (principal, action, resource);';
const permitWhen = (condition: string): string =>
  `permit (principal, action, resource) when { ${condition} };`;

async function decide(
  policies: string,
  types: string,
  value: JsonObject,
  overrides: Partial<PolicyInput> = {},
  options: Partial<CedarEngineOptions> = {},
): Promise<PolicyDecision> {
  const tool = overrides.tool ?? 'act';
  const schema = `action ${JSON.stringify('act')}, "\ufffd" appliesTo {
    principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: { ${types} } } };`;
  return createCedarEngine({ policies, schema, ...options }).decide(
    policyInput({ tool, arguments: value, ...overrides }),
  );
}

function parsed(text: string): JsonObject {
  const answer = parseJson(text);
  if (!answer.ok) throw new Error('This is no JSON.');
  return answer.value as JsonObject;
}

describe('names that objects in JavaScript have anyway', () => {
  const NAMES = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype', 'length'];

  test.each(NAMES)('are arguments like others: %s', async (name) => {
    const isRead = permitWhen(`context.arguments["${name}"] == "x"`);
    const value = parsed(`{"${name}":"x"}`);
    expect((await decide(isRead, `"${name}": String`, value)).verdict).toBe('permit');
    expect((await decide(ANY, '', value)).verdict).toBe('deny');
    expect((await decide(ANY, '', {})).verdict).toBe('permit');
  });

  test.each(NAMES)('are not there when the call has none: %s', async (name) => {
    const has = permitWhen(`context.arguments has "${name}"`);
    const types = `"${name}"?: String`;
    expect((await decide(has, types, {})).verdict).toBe('deny');
    expect((await decide(has, types, parsed(`{"${name}":"x"}`))).verdict).toBe('permit');
  });

  test('a `__proto__` of its own gives an argument no members', async () => {
    const own = Object.defineProperty({ n: 1 }, '__proto__', {
      value: { admin: true },
      enumerable: true,
    }) as JsonObject;
    const admin = permitWhen('context.arguments has admin && context.arguments.admin');
    const types = 'n: Long, admin?: Bool';
    expect((await decide(admin, types, own)).verdict).toBe('deny');
    expect((await decide(admin, types, { n: 1, admin: true })).verdict).toBe('permit');
  });

  test('are ids of policies like others', async () => {
    for (const id of [...NAMES, '__proto__']) {
      const forbid = `@id("${id}") forbid (principal, action, resource) when { context.arguments.n == 1 };`;
      expect(await decide(`${ANY}\n${forbid}`, 'n: Long', { n: 1 })).toMatchObject({
        verdict: 'deny',
        reasons: [id],
      });
      expect((await decide(`${ANY}\n${forbid}`, 'n: Long', { n: 2 })).verdict).toBe('permit');
      const asks = `@approval("finance") ${forbid}`;
      expect(await decide(`${ANY}\n${asks}`, 'n: Long', { n: 1 })).toMatchObject({
        verdict: 'approval_required',
        reasons: [id],
      });
    }
  });
});

describe('Y10: a list is a set', () => {
  test.each<[string, string, unknown[], unknown[]]>([
    ['numbers', 'Long', [1, 2], [1, 1]],
    ['texts', 'String', ['a', 'A'], ['a', 'a']],
    [
      'records',
      '{ a: Long, b: Long }',
      [
        { a: 1, b: 2 },
        { a: 2, b: 1 },
      ],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    ['lists', 'Set<Long>', [[1], [2]], [[1], [1]]],
  ])(
    'of different %s; with one of them twice the call is denied',
    async (_what, type, once, twice) => {
      const fits = (n: unknown) => decide(ANY, `n: Set<${type}>`, { n } as JsonObject);
      expect((await fits(once)).verdict).toBe('permit');
      expect(await fits(twice)).toMatchObject({ verdict: 'deny', reasons: ['request_invalid'] });
    },
  );
});

describe('text', () => {
  test.each([
    ['composed and decomposed', '\u00e9', 'e\u0301'],
    ['Latin and Cyrillic', 'admin', '\u0430dmin'],
    ['with and without a zero-width space', 'admin', 'ad\u200bmin'],
    ['with and without a NUL', 'admin', 'admin\0'],
    ['small and great', 'admin', 'Admin'],
  ])('is compared as it is: %s', async (_title, text, other) => {
    const is = permitWhen(`context.arguments.s == ${cedarText(text)}`);
    expect((await decide(is, 's: String', { s: text })).verdict).toBe('permit');
    expect((await decide(is, 's: String', { s: other })).verdict).toBe('deny');
  });

  test('half a surrogate pair makes no name of another tool, resource or action', async () => {
    const half = { tool: '\ud800', resource: '\ud800', action: '\ud800' };
    for (const [member, name] of Object.entries(half)) {
      expect(await decide(ANY, '', {}, { [member]: name })).toMatchObject({
        verdict: 'deny',
        reasons: ['request_invalid'],
      });
      expect((await decide(ANY, '', {}, { [member]: '\ufffd' })).verdict).toBe('permit');
    }
  });

  test('quotes, backslashes and what looks like a policy stay text', async () => {
    const is = permitWhen('context.arguments.s == "x"');
    for (const s of [
      'x" || true || "',
      '\\"',
      '"); permit (principal, action, resource); //',
      '?principal',
    ])
      expect((await decide(is, 's: String', { s })).verdict).toBe('deny');
    const tool = 'act" || true';
    expect((await decide(ANY, '', {}, { tool })).verdict).toBe('deny');
  });
});

describe('size', () => {
  test('a megabyte of text is judged by what it says', async () => {
    const starts = permitWhen('context.arguments.s like "b*"');
    const long = 'a'.repeat(1_000_000);
    expect((await decide(starts, 's: String', { s: `b${long}` })).verdict).toBe('permit');
    expect((await decide(starts, 's: String', { s: long })).verdict).toBe('deny');
  });

  test('so are 20,000 elements and 2,000 members', async () => {
    const has = permitWhen('context.arguments.n.contains(19999)');
    const n = Array.from({ length: 20_000 }, (_, index) => index);
    expect((await decide(has, 'n: Set<Long>', { n })).verdict).toBe('permit');
    expect((await decide(has, 'n: Set<Long>', { n: n.slice(1, -1) })).verdict).toBe('deny');
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`m${index}`, 1]));
    expect((await decide(ANY, 'm0: Long', many)).verdict).toBe('deny');
  });

  const nested = (levels: number): JsonObject =>
    levels === 0 ? { n: 1 } : { a: nested(levels - 1) };
  const typeOf = (levels: number): string =>
    levels === 0 ? 'n: Long' : `a: { ${typeOf(levels - 1)} }`;

  test('31 records in each other are judged, 32 and 100,000 are denied', async () => {
    expect((await decide(ANY, typeOf(30), nested(30))).verdict).toBe('permit');
    expect((await decide(ANY, typeOf(31), nested(31))).verdict).toBe('permit');
    expect(await decide(ANY, typeOf(32), nested(32))).toMatchObject({
      reasons: ['request_invalid'],
    });
    let deep: JsonObject = {};
    for (let level = 0; level < 100_000; level += 1) deep = { a: deep };
    expect(await decide(ANY, typeOf(3), deep)).toMatchObject({ reasons: ['request_invalid'] });
  });
});

describe('Y10: money', () => {
  const limit = permitWhen('context.arguments.amount.lessThanOrEqual(decimal("100.00"))');

  test.each(['100.00', '100.0', '100.0000', '0.0001', '-5.0', '00100.00'])(
    '%j is an amount',
    async (amount) => {
      expect((await decide(limit, 'amount: decimal', { amount })).verdict).toBe('permit');
    },
  );

  test.each(['100.0001', '100.01', '922337203685477.5807'])(
    '%j is one, and too much',
    async (amount) => {
      expect(await decide(limit, 'amount: decimal', { amount })).toMatchObject({
        verdict: 'deny',
        reasons: [],
      });
    },
  );

  test.each<unknown>([
    '',
    ' ',
    '1',
    '1.',
    '.5',
    '1.00000',
    '+1.00',
    '1e2',
    '1,00',
    '1_0.0',
    '0x1.0',
    ' 1.00',
    '1.00\n',
    '１.００',
    'NaN',
    'Infinity',
    '922337203685477.5808',
    '-922337203685477.5809',
    '9'.repeat(400),
    1,
    100.5,
    null,
    true,
    ['1.00'],
    {},
    { __extn: { fn: 'decimal', arg: '1.00' } },
    { fn: 'decimal', arg: '1.00' },
  ])('%j is none: denied', async (amount) => {
    expect(
      await decide(`${ANY}\n${limit}`, 'amount: decimal', { amount } as JsonObject),
    ).toMatchObject({ verdict: 'deny', reasons: ['request_invalid'] });
  });
});

describe('Y06: a record is what it looks like', () => {
  const call = { fn: 'decimal', arg: '1.00' };

  test.each<[string, JsonObject]>([
    ['decimal', call],
    ['decimal', { fn: 'decimal', args: ['1.00'] }],
    ['decimal', { ...call, more: 1 }],
    ['datetime', { fn: 'offset', args: ['2026-01-01', '1d'] }],
    ['{ fn: String, arg: String }', call],
  ])('and never a call of a function: %s, %j', async (type, n) => {
    expect(await decide(ANY, `n: ${type}`, { n })).toMatchObject({
      verdict: 'deny',
      reasons: ['request_invalid'],
    });
    expect((await decide(ANY, 'n: { fn: String }', { n: { fn: 'decimal' } })).verdict).toBe(
      'permit',
    );
  });

  test('an entity has no members that no policy sees', async () => {
    const agent = { type: 'Taper::Agent', id: 'a' };
    expect((await decide(ANY, 'n: Taper::Agent', { n: agent })).verdict).toBe('permit');
    expect((await decide(ANY, 'n: Taper::Agent', { n: { ...agent, amount: 9 } })).verdict).toBe(
      'deny',
    );
    expect(
      (await decide(ANY, 'n: Set<Taper::Agent>', { n: [agent, { ...agent, amount: 9 }] })).verdict,
    ).toBe('deny');
    const card = { type: 'card', id: '7', digits: 4 };
    const type = 'n: { type: String, id: String, digits: Long }';
    expect((await decide(ANY, type, { n: card })).verdict).toBe('permit');
    expect((await decide(ANY, type, { n: { ...card, more: 1 } })).verdict).toBe('deny');
  });
});

describe('a group of actions', () => {
  const schema = `action "money"; action "pay" in ["money"] appliesTo {
      principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: {} } };
    action "read" appliesTo {
      principal: Taper::Agent, resource: Taper::Resource, context: { call: Taper::Call, arguments: {} } };`;

  test('is forbidden with all that belongs to it, and nothing else', () => {
    const engine = createCedarEngine({
      schema,
      policies: `${ANY}\n@id("no-money") forbid (principal, action in Action::"money", resource);`,
    });
    const on = (tool: string) => engine.decide(policyInput({ tool, arguments: {} }));
    expect(on('pay')).toMatchObject({ verdict: 'deny', reasons: ['no-money'] });
    expect(on('read')).toMatchObject({ verdict: 'permit' });
    expect(on('money')).toMatchObject({ verdict: 'deny', reasons: ['request_invalid'] });
  });
});

/** A text of Cedar's, of any characters. */
function cedarText(text: string): string {
  return `"${Array.from(text, (each) => `\\u{${(each.codePointAt(0) as number).toString(16)}}`).join('')}"`;
}

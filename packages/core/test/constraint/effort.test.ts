import { describe, expect, test } from 'vitest';
import { type Capabilities, findWidening, readCapabilities } from '../../src/capability.ts';
import { constraint as c, type JsonObject, type JsonValue } from '../../src/index.ts';
import { checkInvocation } from '../../src/invocation.ts';

function grant(constraint: JsonObject): Capabilities {
  const capabilities = readCapabilities({ tool: { arg: constraint } }, undefined, 256);
  if ('code' in capabilities) throw new Error(capabilities.code);
  return capabilities;
}

function many<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const money = c.decimal({ min: '0', max: '100000.00', scale: 2 });
const amounts = (count: number) => c.oneOf(...many(count, (index) => `${index}.00`));

describe('comparing a child with its parent is bounded work (R07)', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['a long list under one constraint', money, amounts(9000)],
    [
      'a long list under a long list',
      c.oneOf(...many(9000, String)),
      c.oneOf(...many(9000, String)),
    ],
    ['the same list under a short conjunction', c.all(money, c.wildcard()), c.all(amounts(3000))],
    [
      'many clauses with short lists',
      c.all(...many(60, () => money)),
      c.all(...many(60, () => c.exact('1.00'))),
    ],
    [
      'a long disjunction',
      c.any(...many(60, (index) => c.exact(index))),
      c.any(...many(60, (index) => c.exact(index))),
    ],
  ])('allows %s', (_what, parent, child) => {
    expect(findWidening(grant(parent), grant(child))).toBeUndefined();
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['a long list under many clauses', c.all(...many(255, () => money)), c.all(amounts(9000))],
    [
      'many clauses over long names',
      c.any(...many(255, () => c.path('/a', 'subtree'))),
      c.any(c.oneOf(...many(10, () => `/a/${'b'.repeat(4000)}`))),
    ],
    [
      'two trees at the limit of clauses',
      c.all(...many(255, (index) => c.exact(index))),
      c.all(...many(255, (index) => c.exact(index))),
    ],
  ])('refuses %s', (_what, parent, child) => {
    expect(findWidening(grant(parent), grant(child))).toMatchObject({
      code: 'constraint_too_costly',
      rule: 'p4',
      facts: { tool: 'tool', argument: 'arg' },
    });
  });

  test('counts all arguments of a token together', () => {
    const one = c.all(...many(80, () => c.exact('1.00')));
    const args = (count: number) => {
      const map = Object.fromEntries(many(count, (index) => [`arg${index}`, one] as const));
      const capabilities = readCapabilities({ tool: map }, undefined, 10_000);
      if ('code' in capabilities) throw new Error(capabilities.code);
      return capabilities;
    };
    expect(findWidening(args(1), args(1))).toBeUndefined();
    expect(findWidening(args(2), args(2))).toMatchObject({ code: 'constraint_too_costly' });
  });
});

describe('checking an argument is bounded work (R01, R07)', () => {
  const numbers: JsonValue = many(9000, (index) => index);
  const refused = c.notOneOf([1], 'x');
  test.each<[string, JsonObject, JsonValue, string | undefined]>([
    ['one constraint over many elements', c.notOneOf([1]), numbers, undefined],
    ['a few clauses over many elements', c.all(refused, c.wildcard()), numbers, undefined],
    [
      'many clauses over many elements',
      c.all(...many(255, () => refused)),
      numbers,
      'constraint_too_costly',
    ],
    [
      'many clauses over a long string, of which little is read',
      c.all(...many(100, () => refused)),
      'x'.repeat(1_000_000),
      undefined,
    ],
    ['many clauses over a short argument', c.all(...many(255, () => refused)), 'y', undefined],
    [
      'many clauses over long member names',
      c.all(...many(255, () => refused)),
      { [`${'k'.repeat(700_000)}`]: 0 },
      'constraint_too_costly',
    ],
    [
      'a few clauses over long strings in an array',
      c.all(refused, refused, refused),
      ['x'.repeat(1_000_000)],
      'constraint_too_costly',
    ],
  ])('%s', (_what, constraint, arg, code) => {
    expect(checkInvocation(grant(constraint), 'tool', { arg })?.code).toBe(code);
  });
});

import { describe, expect, test } from 'vitest';
import * as build from '../../src/constraint/builder.ts';
import { meetConstraints, validateConstraint } from '../../src/constraint/registry.ts';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';

function meet(left: JsonObject, right: JsonObject): JsonObject | undefined {
  for (const side of [left, right]) expect(validateConstraint(side)).toBeUndefined();
  return meetConstraints(left as Constraint, right as Constraint);
}

const web = (members: JsonObject): JsonObject => ({
  constraint_type: 'url',
  schemes: ['https'],
  host_suffix: 'example.com',
  path: { root: '/', reach: 'subtree' },
  ...members,
});

describe('meets', () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject, JsonObject | undefined])[] = [
    ['a wildcard leaves the other', build.wildcard(), build.exact(5), build.exact(5)],
    [
      'ranges overlap',
      build.range({ min: 1, max: 10 }),
      build.range({ min: 5 }),
      build.range({ min: 5, max: 10 }),
    ],
    ['ranges apart', build.range({ max: 1 }), build.range({ min: 2 }), undefined],
    [
      'ranges that touch in a point',
      build.range({ max: 2 }),
      build.range({ min: 2 }),
      build.range({ min: 2, max: 2 }),
    ],
    [
      'ranges that touch where one is open',
      build.range({ max: 2, max_inclusive: false }),
      build.range({ min: 2 }),
      undefined,
    ],
    [
      'the open bound is the tighter of equal ones',
      build.range({ max: 2, min: 0 }),
      build.range({ max: 2, max_inclusive: false }),
      build.range({ min: 0, max: 2, max_inclusive: false }),
    ],
    [
      'lists',
      build.oneOf('a', 'b', { x: 1 }),
      build.oneOf({ x: 1 }, 'c', 'b'),
      build.oneOf('b', { x: 1 }),
    ],
    ['lists apart', build.oneOf('a'), build.oneOf('b'), undefined],
    ['different values', build.exact(1), build.exact(2), undefined],
    [
      'a list and a path',
      build.oneOf('/data/a', '/etc/a'),
      build.path('/data', 'subtree'),
      build.oneOf('/data/a'),
    ],
    ['a list and a range, one value', build.oneOf(5, 50), build.range({ max: 10 }), build.exact(5)],
    [
      'a list and a range, several: a range subsumes no list',
      build.oneOf(5, 6),
      build.range({ max: 10 }),
      undefined,
    ],
    ['exclusions add up', build.notOneOf('a'), build.notOneOf('b', 'a'), build.notOneOf('b', 'a')],
    ['requirements add up', build.contains('a'), build.contains('b'), build.contains('a', 'b')],
    ['allowances shrink', build.subset('a', 'b'), build.subset('b', 'c'), build.subset('b')],
    [
      'allowances without an element in common leave the empty array',
      build.subset('a'),
      build.subset('b'),
      build.subset(),
    ],
    [
      'contains and subset: neither type subsumes the other',
      build.contains('a'),
      build.subset('a'),
      undefined,
    ],
    [
      'an exact under an any is provable by no rule',
      build.exact('a'),
      build.any(build.exact('a')),
      undefined,
    ],
    [
      'all: every clause',
      build.all(build.range({ min: 0 })),
      build.all(build.range({ max: 9 })),
      build.all(build.range({ min: 0 }), build.range({ max: 9 })),
    ],
    [
      'all: a clause that another makes superfluous goes',
      build.all(build.range({ max: 9 })),
      build.all(build.range({ max: 5 }), build.notOneOf(3)),
      build.all(build.range({ max: 5 }), build.notOneOf(3)),
    ],
    [
      'all: clauses apart leave nothing',
      build.all(build.range({ min: 10 }), build.notOneOf(1)),
      build.all(build.range({ max: 5 })),
      undefined,
    ],
    [
      'all: a list none of whose values the other clauses accept',
      build.all(build.oneOf(1, 2)),
      build.all(build.notOneOf(1, 2, 3)),
      undefined,
    ],
    [
      'any: the pairs that have something in common',
      build.any(build.exact('pdf'), build.exact('csv')),
      build.any(build.oneOf('csv', 'txt'), build.exact('xls')),
      build.any(build.exact('csv')),
    ],
    ['any: no pair', build.any(build.exact('a')), build.any(build.exact('b')), undefined],
    [
      'path: children of a root and everything below it',
      build.path('/a', 'children'),
      build.path('/a', 'subtree'),
      build.path('/a', 'children'),
    ],
    [
      'path: children, and the subtree of one of them',
      build.path('/a', 'children'),
      build.path('/a/b', 'subtree'),
      build.path('/a/b', 'self'),
    ],
    [
      'path: a sibling that begins alike',
      build.path('/a', 'subtree'),
      build.path('/ab', 'subtree'),
      undefined,
    ],
    [
      'path: the root itself and its descendants',
      build.path('/a', 'self'),
      build.path('/a', 'descendants'),
      undefined,
    ],
    [
      'url: a host below a suffix',
      web({ query: 'any' }),
      { ...web({ schemes: ['https', 'http'], host: 'api.example.com' }), host_suffix: 'x.y' },
      undefined,
    ],
    [
      'decimal: bounds move inwards to the coarser scale',
      build.decimal({ min: '0.001', max: '9.999', scale: 3 }),
      build.decimal({ min: '-5', max: '100', scale: 1 }),
      build.decimal({ min: '0.1', max: '9.9', scale: 1 }),
    ],
    [
      'decimal: below zero, inwards is up for the least and down for the greatest',
      build.decimal({ min: '-9.99', max: '-0.01', scale: 2 }),
      build.decimal({ min: '-100', max: '100', scale: 0 }),
      build.decimal({ min: '-9', max: '-1', scale: 0 }),
    ],
    [
      'decimal: no amount of the coarser scale between the bounds',
      build.decimal({ min: '0.1', max: '0.9', scale: 1 }),
      build.decimal({ min: '-5', max: '5', scale: 0 }),
      undefined,
    ],
    [
      'instant: the later start and the earlier end',
      build.instant('2026-01-01T00:00:00Z', '2026-12-31T00:00:00.5Z'),
      build.instant('2026-06-01T00:00:00Z', '2027-01-01T00:00:00Z'),
      build.instant('2026-06-01T00:00:00Z', '2026-12-31T00:00:00.5Z'),
    ],
    [
      'cidr: the smaller network',
      build.cidr('10.0.0.0/8'),
      build.cidr('10.1.0.0/16'),
      build.cidr('10.1.0.0/16'),
    ],
    ['cidr: networks apart', build.cidr('10.0.0.0/8'), build.cidr('192.168.0.0/16'), undefined],
    ['paths and urls have nothing in common', build.path('/', 'subtree'), web({}), undefined],
  ];

  test.each(cases.filter(([title]) => !title.startsWith('url:')))(
    '%s',
    (_, left, right, expected) => {
      expect(meet(left, right)).toEqual(expected);
    },
  );

  test('url: schemes whose ports agree, the narrower host and path, a query only where both allow one', () => {
    const left = web({ schemes: ['http', 'https'], port: 443, query: 'any' });
    const { host_suffix: _, ...rest } = web({ schemes: ['https', 'http'], query: 'any' });
    const right = { ...rest, host: 'api.example.com', path: { root: '/v1', reach: 'children' } };
    expect(meet(left, right)).toEqual({
      constraint_type: 'url',
      schemes: ['https'],
      host: 'api.example.com',
      port: 443,
      path: { root: '/v1', reach: 'children' },
      query: 'any',
    });
    expect(meet(left, { ...right, host: 'api.example.org' })).toBeUndefined();
    expect(meet(left, { ...right, port: 8443 })).toBeUndefined();
    const { query: __, ...bare } = right as { query?: string };
    expect(meet(left, bare as JsonObject)).not.toHaveProperty('query');
  });

  test('`optional` is no part of a meet', () => {
    const left = build.optional(build.exact(1));
    expect(meet(left, left)).toEqual(build.exact(1));
  });

  test('a range between equal bounds of which one is open accepts nothing, alone and as a clause', () => {
    const empty = build.range({ min: 1, max: 1, min_inclusive: false });
    expect(meet(build.wildcard(), empty)).toBeUndefined();
    expect(meet(build.wildcard(), build.any(empty))).toBeUndefined();
    expect(meet(build.wildcard(), build.any(empty, build.exact(1)))).toBeDefined();
  });

  test('of two lists with as many elements as a token has room for, each is looked at once', () => {
    const numbers = (from: number): number[][] =>
      Array.from({ length: 12_000 }, (_, index) => [index + from]);
    const either = meet(build.notOneOf(...numbers(0)), build.notOneOf(...numbers(6_000)));
    expect(either?.['excluded']).toHaveLength(18_000);
    const common = meet(build.oneOf(...numbers(0)), build.oneOf(...numbers(6_000)));
    expect(common?.['values']).toHaveLength(6_000);
  });

  test('composites whose comparison takes more work than a token may cost have no meet', () => {
    const wide = (offset: number): JsonObject =>
      build.any(
        ...Array.from({ length: 200 }, (_, index) => build.oneOf(index + offset, 'x'.repeat(400))),
      );
    expect(meet(wide(0), wide(1))).toBeUndefined();
  });
});

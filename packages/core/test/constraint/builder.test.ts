import { expect, test } from 'vitest';
import { constraint as c, checkConstraint, validateConstraint } from '../../src/index.ts';

test.each([
  ['exact', c.exact('a'), 'a', 'b'],
  ['range', c.range({ min: 1, max: 2, max_inclusive: false }), 1, 2],
  ['one_of', c.oneOf('a', 'b'), 'b', 'c'],
  ['not_one_of', c.notOneOf('a'), 'b', 'a'],
  ['contains', c.contains('a'), ['a', 'b'], ['b']],
  ['subset', c.subset('a', 'b'), ['a'], ['c']],
  ['all', c.all(c.range({ min: 1 }), c.notOneOf(3)), 2, 3],
  ['any', c.any(c.exact('a'), c.exact(1)), 1, 2],
  ['optional', c.optional(c.exact(1)), 1, 2],
  ['path', c.path('/a', 'children'), '/a/b', '/a/b/c'],
  [
    'url',
    c.url({ schemes: ['https'], host: 'x.example', path: { root: '/', reach: 'descendants' } }),
    'https://x.example/a',
    'https://y.example/a',
  ],
  ['decimal', c.decimal({ min: '0', max: '10.00', scale: 2 }), '9.99', '10.01'],
  [
    'instant',
    c.instant('2026-01-01T00:00:00Z', '2026-12-31T23:59:59Z'),
    '2026-06-01T12:00:00Z',
    '2027-01-01T00:00:00Z',
  ],
  ['cidr', c.cidr('10.0.0.0/8'), '10.1.2.3', '11.0.0.1'],
])(
  '%s builds a well-formed constraint that accepts and refuses',
  (_type, constraint, accepted, refused) => {
    expect(validateConstraint(constraint)).toBeUndefined();
    const wellFormed = constraint as Parameters<typeof checkConstraint>[0];
    expect(checkConstraint(wellFormed, accepted)).toBe(true);
    expect(checkConstraint(wellFormed, refused)).toBe(false);
  },
);

test('wildcard builds a well-formed constraint', () => {
  expect(validateConstraint(c.wildcard())).toBeUndefined();
});

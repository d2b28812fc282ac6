import { describe, expect, test } from 'vitest';
import { type Constraint, constraint as c, type JsonObject } from '../../src/index.ts';
import { constraintPhrase, narrowingPhrases } from '../../src/receipt/constraint-phrase.ts';
import { foreignText, type Phrase } from '../../src/receipt/phrase.ts';

function inWords(phrase: Phrase): string {
  return phrase
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      if ('thumbprint' in piece) return piece.thumbprint;
      return foreignText(piece, 200, { rightToLeft: true }).text;
    })
    .join('');
}

const letters = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`);

describe('a constraint in words', () => {
  test.each<[string, Constraint | JsonObject]>([
    ['any value', c.wildcard()],
    ['exact "paid"', c.exact('paid')],
    ['exact "5"', c.exact('5')],
    ['exact 5', c.exact(5)],
    ['exact null', c.exact(null)],
    ['range ≤ 100', c.range({ max: 100 })],
    ['range ≥ 0 and < 5.5', c.range({ min: 0, max: 5.5, max_inclusive: false })],
    ['range > -1', c.range({ min: -1, min_inclusive: false })],
    ['range any number', c.range({})],
    ['one_of "a", 1', c.oneOf('a', 1)],
    ['one_of "v0", "v1", "v2", "v3", "v4" and 7 more (12 values)', c.oneOf(...letters(12))],
    ['one_of {"k":[1,"\\u202e"]}', c.oneOf({ k: [1, '\u202e'] })],
    ['not_one_of "x"', c.notOneOf('x')],
    ['not_one_of nothing excluded', { constraint_type: 'not_one_of', excluded: [] }],
    ['contains "a", "b"', c.contains('a', 'b')],
    ['subset of "a"', c.subset('a')],
    ['subset of nothing: the empty list only', { constraint_type: 'subset', allowed: [] }],
    ['all of (range ≥ 1; not_one_of 3)', c.all(c.range({ min: 1 }), c.notOneOf(3))],
    ['any of (exact 1; any value)', c.any(c.exact(1), c.wildcard())],
    ['all of (all of (all of 2 constraints))', c.all(c.all(c.all(c.exact(1), c.exact(1))))],
    ['path anywhere below /srv/data', c.path('/srv/data', 'descendants')],
    ['path exactly "/a b"', c.path('/a b', 'self')],
    ['decimal from 0.50 to 10.00, decimals: 2', c.decimal({ min: '0.50', max: '10.00', scale: 2 })],
    ['cidr 10.0.0.0/8', c.cidr('10.0.0.0/8')],
    [
      'instant from 2026-01-01T00:00:00Z to 2026-12-31T23:59:59Z',
      c.instant('2026-01-01T00:00:00Z', '2026-12-31T23:59:59Z'),
    ],
    [
      'url "https", "wss", host x.example, port 8443, path directly below /api, any query',
      c.url({
        schemes: ['https', 'wss'],
        host: 'x.example',
        port: 8443,
        path: { root: '/api', reach: 'children' },
        query: 'any',
      }),
    ],
    [
      'url "https", hosts below x.example, path at or anywhere below /, no query',
      c.url({
        schemes: ['https'],
        host_suffix: 'x.example',
        path: { root: '/', reach: 'subtree' },
      }),
    ],
    ['resource id "r1", as_of 7', { constraint_type: 'resource', id: 'r1', as_of: 7 }],
  ])('%s', (words, constraint) => {
    expect(inWords(constraintPhrase(constraint))).toBe(words);
  });

  test('quotes a type that is no plain word', () => {
    expect(inWords(constraintPhrase({ constraint_type: 'a\u202eb' }))).toBe('"a\\u202eb" ');
  });
});

describe('a narrowing in words', () => {
  test.each<[string, string, Constraint, Constraint]>([
    ['range ≤ 100', '≤ 20', c.range({ max: 100 }), c.range({ max: 20 })],
    ['one_of "a", "b"', 'exact "a"', c.oneOf('a', 'b'), c.exact('a')],
    ['one_of 3 values', 'exact "v1"', c.oneOf(...letters(3)), c.exact('v1')],
    ['one_of 9 values', '"v0", "v1", "v2"', c.oneOf(...letters(9)), c.oneOf(...letters(3))],
    ['any value', 'range ≤ 5', c.wildcard(), c.range({ max: 5 })],
    ['any of 2 constraints', 'of (exact 1)', c.any(c.exact(1), c.exact(2)), c.any(c.exact(1))],
    ['path anywhere below /a', 'exactly /a/b', c.path('/a', 'descendants'), c.path('/a/b', 'self')],
  ])('%s → %s', (before, after, parent, child) => {
    const phrases = narrowingPhrases(parent, child);
    expect([inWords(phrases.before), inWords(phrases.after)]).toEqual([before, after]);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { path } from '../../src/constraint/path.ts';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';
import { listing, make, relationOf, tryEveryPair } from './soundness.ts';
import { universeOf } from './universe.ts';

const relation = relationOf(path);
const { constraints, values } = universeOf('path');
const own = constraints.map((constraint) => make(path, constraint));
const region = (root: string, reach: string): Constraint => make(path, { root, reach });
const other = (constraint: JsonObject): Constraint => constraint as Constraint;

describe('path subsumes', () => {
  test.each([
    ['/a', 'self', '/a', 'self'],
    ['/a', 'children', '/a', 'children'],
    ['/a', 'children', '/a/b', 'self'],
    ['/a', 'descendants', '/a', 'descendants'],
    ['/a', 'descendants', '/a', 'children'],
    ['/a', 'descendants', '/a/b', 'self'],
    ['/a', 'descendants', '/a/b', 'children'],
    ['/a', 'descendants', '/a/b', 'descendants'],
    ['/a', 'descendants', '/a/b', 'subtree'],
    ['/a', 'descendants', '/a/b/c/d', 'subtree'],
    ['/a', 'subtree', '/a', 'self'],
    ['/a', 'subtree', '/a', 'children'],
    ['/a', 'subtree', '/a', 'descendants'],
    ['/a', 'subtree', '/a', 'subtree'],
    ['/a', 'subtree', '/a/b', 'subtree'],
    ['/', 'subtree', '/', 'self'],
    ['/', 'descendants', '/a', 'subtree'],
    ['/', 'children', '/a', 'self'],
  ])('%s %s accepts the narrower %s %s', (outerRoot, outerReach, innerRoot, innerReach) => {
    expect(relation.subsumes(region(outerRoot, outerReach), region(innerRoot, innerReach))).toBe(
      true,
    );
  });

  test.each([
    ['/a', 'self', '/a', 'subtree', 'reaches further'],
    ['/a', 'self', '/a', 'children', 'reaches further'],
    ['/a', 'self', '/a/b', 'self', 'another path'],
    ['/a', 'children', '/a', 'self', 'children leave out the root'],
    ['/a', 'children', '/a', 'descendants', 'reaches further'],
    ['/a', 'children', '/a/b', 'children', 'one segment too deep'],
    ['/a', 'children', '/a/b/c', 'self', 'one segment too deep'],
    ['/a', 'descendants', '/a', 'self', 'descendants leave out the root'],
    ['/a', 'descendants', '/a', 'subtree', 'descendants leave out the root'],
    ['/a/b', 'subtree', '/a', 'self', 'above the root'],
    ['/a', 'subtree', '/ab', 'self', 'H01 sibling with the same beginning'],
    ['/a', 'subtree', '/ab/c', 'subtree', 'H01 sibling with the same beginning'],
    ['/a', 'subtree', '/A', 'self', 'H07 other case'],
    ['/\u00e9', 'subtree', '/e\u0301', 'self', 'H09 other normalization'],
    ['/', 'descendants', '/', 'self', 'descendants leave out the root'],
  ])('%s %s refuses %s %s: %s', (outerRoot, outerReach, innerRoot, innerReach) => {
    expect(relation.subsumes(region(outerRoot, outerReach), region(innerRoot, innerReach))).toBe(
      false,
    );
  });

  test('an exact value and every listed value must pass the check', () => {
    const parent = region('/a', 'descendants');
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: '/a/b' }))).toBe(
      true,
    );
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: '/a' }))).toBe(false);
    expect(relation.subsumes(parent, other({ constraint_type: 'exact', value: '/a/../b' }))).toBe(
      false,
    );
    expect(
      relation.subsumes(parent, other({ constraint_type: 'one_of', values: ['/a/b', '/a/c'] })),
    ).toBe(true);
    expect(
      relation.subsumes(parent, other({ constraint_type: 'one_of', values: ['/a/b', '/b'] })),
    ).toBe(false);
    expect(
      relation.subsumes(parent, other({ constraint_type: 'one_of', values: ['/a/b', null] })),
    ).toBe(false);
  });

  test.each([
    { constraint_type: 'wildcard' },
    { constraint_type: 'range', min: 0 },
    { constraint_type: 'not_one_of', excluded: ['/b'] },
    { constraint_type: 'subset', allowed: ['/a/b'] },
    { constraint_type: 'contains', required: ['/a/b'] },
    {
      constraint_type: 'all',
      constraints: [{ constraint_type: 'path', root: '/a', reach: 'self' }],
    },
    {
      constraint_type: 'any',
      constraints: [{ constraint_type: 'path', root: '/a', reach: 'self' }],
    },
    {
      constraint_type: 'url',
      schemes: ['https'],
      host: 'a.test',
      path: { root: '/a', reach: 'self' },
    },
  ])('K02 a child of another type is refused: %j', (child) => {
    expect(relation.subsumes(region('/', 'subtree'), other(child))).toBe(false);
  });
});

describe('path over the universe', () => {
  test('no accepted pair admits a value that its parent refuses, and no containment is missed', () => {
    const report = tryEveryPair(relation, own, own, values);
    expect(report.unsound).toEqual([]);
    expect(report.missed).toEqual([]);
    expect(report.accepted).toBeGreaterThan(own.length * 3);
  });

  test('the same holds over exact and one_of of every value', () => {
    const report = tryEveryPair(relation, own, listing(values), values);
    expect(report.unsound).toEqual([]);
    expect(report.missed).toEqual([]);
    expect(report.accepted).toBeGreaterThan(values.length);
  });
});

test('no accepted pair of generated constraints admits a generated value that the parent refuses', () => {
  const segments = fc.array(fc.constantFrom('a', 'b', 'ab', 'A', 'a b', '..', '.', ''), {
    maxLength: 4,
  });
  const plain = fc.array(fc.constantFrom('a', 'b', 'ab', 'A'), { maxLength: 3 });
  const generated = fc.record({
    root: plain.map((parts) => `/${parts.join('/')}`),
    reach: fc.constantFrom('self', 'children', 'descendants', 'subtree'),
  });
  let tried = 0;
  fc.assert(
    fc.property(generated, generated, segments, (outer, inner, below) => {
      const [parent, child] = [make(path, outer), make(path, inner)];
      const value = [inner.root === '/' ? '' : inner.root, ...below].join('/');
      if (!relation.subsumes(parent, child) || !relation.check(child, value)) return;
      tried += 1;
      expect(relation.check(parent, value)).toBe(true);
    }),
    { numRuns: 5000 },
  );
  expect(tried).toBeGreaterThan(50);
});

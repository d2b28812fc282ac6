import type { JsonObject, JsonValue } from '../../../src/constraint/type.ts';

/** JSON values of every kind that no type may mistake for one of its own. */
export const plainValues: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  2,
  5,
  10,
  0.1,
  0.3,
  1e21,
  2 ** 53,
  '',
  '0',
  '1',
  '5',
  '10',
  'a',
  'A',
  'b',
  'null',
  'true',
  '__proto__',
  'constructor',
  'toString',
  '[]',
  '{}',
  '\ud800',
  'a\u0000',
  [],
  [[]],
  [null],
  ['a'],
  ['b'],
  ['a', 'b'],
  ['b', 'a'],
  ['a', 'a'],
  ['a', 'b', 'c'],
  [1],
  [1, 2],
  ['1'],
  ['/a'],
  ['10.1.2.3'],
  ['5'],
  {},
  { a: 1 },
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  { value: '5' },
  { root: '/a' },
  { toString: '5' },
  { length: 1 },
  [{ a: 1, b: 2 }],
  [{ b: 2, a: 1 }],
];

/** Values that extension types admit, so that the core types meet them too. */
const foreign: readonly JsonValue[] = [
  '/a',
  '/a/b',
  'https://api.example.com/',
  '5',
  '10.00',
  '2026-01-01T00:00:00Z',
  '10.1.2.3',
  '::1',
];

const scalars = [null, true, false, 0, 1, 5, 0.3, 2 ** 53, '', '0', 'a', 'A', ...foreign];

const lists: readonly (readonly JsonValue[])[] = [
  [],
  ['a'],
  ['b'],
  ['a', 'b'],
  ['b', 'a'],
  ['a', 'a'],
  ['a', 'b', 'c'],
  [1],
  [1, 2],
  ['1'],
  [null],
  [[]],
  [{ a: 1, b: 2 }],
  [{ b: 2, a: 1 }],
  foreign,
  foreign.slice(0, 2),
  ['https://api.example.com/', 'https://api.example.com/v1'],
  ['2026-01-01T00:00:00Z', '2026-06-30T12:00:00Z'],
  ['10.1.2.3', '10.1.2.4'],
  ['/a', '/b'],
  ['10.1.2.3', '::1'],
  ['5', '10.00'],
];

const ranges: readonly JsonObject[] = [
  {},
  { min: 0 },
  { max: 10 },
  { min: 0, max: 10 },
  { min: 0, max: 10, min_inclusive: false },
  { min: 0, max: 10, max_inclusive: false },
  { min: 0, max: 10, min_inclusive: false, max_inclusive: false },
  { min: 0, max: 10, min_inclusive: true, max_inclusive: true },
  { min: 1, max: 5 },
  { min: 5, max: 5 },
  { min: 5, max: 5, min_inclusive: false },
  { min: -1, max: 0.3 },
  { min: 0.1 },
  { max: 2 ** 53 },
  { min: 11, max: 20 },
];

const typed = (constraint_type: string, members: JsonObject): JsonObject => ({
  constraint_type,
  ...members,
});

/** Leaf constraints of the seven core types that have no clauses. */
export const coreLeaves: readonly JsonObject[] = [
  typed('wildcard', {}),
  ...scalars.map((value) => typed('exact', { value })),
  ...ranges.map((range) => typed('range', range)),
  ...lists.filter((values) => values.length > 0).map((values) => typed('one_of', { values })),
  ...lists.map((excluded) => typed('not_one_of', { excluded })),
  ...lists.map((required) => typed('contains', { required })),
  ...lists.map((allowed) => typed('subset', { allowed })),
];

/** `all` and `any` over one, two and three of the leaves, in both orders, and over each other. */
export function composites(leaves: readonly JsonObject[]): readonly JsonObject[] {
  const clauseLists = leaves.flatMap((leaf, index) => {
    const [next = leaf, later = leaf] = [leaves[index + 1], leaves[index + 7]];
    return [[leaf], [leaf, next], [next, leaf], [leaf, later], [leaf, next, later], [leaf, leaf]];
  });
  const flat = clauseLists.flatMap((constraints) => [
    typed('all', { constraints }),
    typed('any', { constraints }),
  ]);
  const nested = flat
    .filter((_, index) => index % 9 === 0)
    .flatMap((inner, index) => [
      typed('all', { constraints: [inner, leaves[index % leaves.length] ?? inner] }),
      typed('any', { constraints: [inner, leaves[index % leaves.length] ?? inner] }),
    ]);
  return [...flat, ...nested];
}

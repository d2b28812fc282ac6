import { describe, expect, test } from 'vitest';
import {
  type Constraint,
  checkConstraint,
  type JsonValue,
  MAX_CONSTRAINT_DEPTH,
  parseJson,
  subsumes,
  validateConstraint,
} from '../../src/index.ts';

function make(constraint_type: string, members: Record<string, JsonValue> = {}): Constraint {
  const constraint = { constraint_type, ...members };
  expect(validateConstraint(constraint)).toBeUndefined();
  return constraint;
}

const exact = (value: JsonValue) => make('exact', { value });
const range = (members: Record<string, JsonValue>) => make('range', members);
const oneOf = (...values: JsonValue[]) => make('one_of', { values });
const notOneOf = (...excluded: JsonValue[]) => make('not_one_of', { excluded });
const contains = (...required: JsonValue[]) => make('contains', { required });
const subset = (...allowed: JsonValue[]) => make('subset', { allowed });
const wildcard = make('wildcard');
const all = (...constraints: Constraint[]) => make('all', { constraints });
const any = (...constraints: Constraint[]) => make('any', { constraints });

describe('check (draft section 3.4)', () => {
  test.each<[string, Constraint, JsonValue[], JsonValue[]]>([
    ['exact string', exact('a'), ['a'], ['A', 'a ', '', 1, null, ['a'], { a: 1 }, '\u0430']],
    ['exact number', exact(5), [5], ['5', 5.1, true, null, [5]]],
    ['exact zero has one form (I02)', exact(0), [0, -0], ['0', false, null]],
    ['exact true', exact(true), [true], ['true', 1, false]],
    ['exact null', exact(null), [null], ['null', 0, false, '']],
    ['range closed', range({ min: 1, max: 5 }), [1, 5, 2.5], [0.999, 5.001, '3', null, [3], true]],
    [
      'range open ends',
      range({ min: 1, max: 5, min_inclusive: false, max_inclusive: false }),
      [1.5, 4.999],
      [1, 5],
    ],
    [
      'range without bounds takes any number, and only numbers',
      range({}),
      [0, -1e300],
      ['1', null, true, []],
    ],
    ['range half', range({ max: 100 }), [-1e9, 100], [100.5]],
    [
      'one_of',
      oneOf('a', 1, null, [1, 2], { x: 1 }),
      ['a', 1, null, [1, 2], { x: 1 }],
      ['b', '1', [2, 1], { x: 1, y: 2 }, {}, true],
    ],
    [
      'one_of compares objects by canonical form',
      oneOf({ b: 1, a: 2 }),
      [{ a: 2, b: 1 }],
      [{ a: 2 }],
    ],
    ['not_one_of', notOneOf('a', 2), ['b', '2', 1, null, []], ['a', 2]],
    ['not_one_of of nothing excludes nothing', notOneOf(), ['a', null], []],
    [
      'contains',
      contains('a', 1),
      [
        ['a', 1],
        [1, 'b', 'a', 'a'],
      ],
      [['a'], 'a', null, [], ['1', 'a'], { 0: 'a', 1: 1 }],
    ],
    [
      'contains of nothing takes any array, and only arrays',
      contains(),
      [[], ['x']],
      ['x', null, {}],
    ],
    [
      'subset',
      subset('a', 1),
      [[], ['a'], [1, 'a', 'a']],
      [['b'], ['a', 'b'], 'a', null, {}, ['1']],
    ],
    ['wildcard', wildcard, ['x', 0, null, [], {}], []],
    ['all is a conjunction', all(range({ min: 1 }), range({ max: 5 })), [1, 3], [0, 6, '3']],
    ['any is a disjunction', any(exact('a'), range({ max: 1 })), ['a', 0], ['b', 2]],
  ])('%s', (_name, constraint, accepted, refused) => {
    for (const value of accepted)
      expect([value, checkConstraint(constraint, value)]).toEqual([value, true]);
    for (const value of refused)
      expect([value, checkConstraint(constraint, value)]).toEqual([value, false]);
  });
});

describe('subsumes: every valid pair of section 4.5, and the nearest invalid one', () => {
  const tree = (depth: number): Constraint => (depth === 1 ? exact(1) : all(tree(depth - 1)));
  test.each<[string, Constraint, Constraint, Constraint]>([
    ['exact over exact', exact('a'), exact('a'), exact('b')],
    ['exact over one_of is not listed, even of one value', exact('a'), exact('a'), oneOf('a')],
    ['exact number over the same text', exact(5), exact(5), exact('5')],
    ['range over a tighter max', range({ max: 10 }), range({ max: 9 }), range({ max: 11 })],
    ['range over a tighter min', range({ min: 1 }), range({ min: 2 }), range({ min: 0 })],
    [
      'range over a range that drops its bound',
      range({ max: 10 }),
      range({ max: 10, min: 0 }),
      range({ min: 0 }),
    ],
    [
      'range, inclusive over exclusive at one bound',
      range({ min: 1 }),
      range({ min: 1, min_inclusive: false }),
      range({ min: 0.5, min_inclusive: false }),
    ],
    [
      'range, exclusive over inclusive at one bound (I16)',
      range({ max: 5, max_inclusive: false }),
      range({ max: 5, max_inclusive: false }),
      range({ max: 5 }),
    ],
    ['range over an exact number', range({ max: 5 }), exact(5), exact(6)],
    ['range over an exact string', range({ max: 5 }), exact(1), exact('1')],
    [
      'range with an open end over an exact at the end',
      range({ max: 5, max_inclusive: false }),
      exact(4),
      exact(5),
    ],
    ['one_of over fewer values', oneOf(1, 2), oneOf(2), oneOf(2, 3)],
    ['one_of over exact', oneOf('a', null), exact(null), exact('null')],
    ['one_of over not_one_of', oneOf('a'), oneOf('a'), notOneOf('b')],
    ['one_of over range', oneOf(1, 2), exact(1), range({ min: 1, max: 2 })],
    ['not_one_of over more exclusions', notOneOf('a'), notOneOf('a', 'b'), notOneOf('b')],
    ['not_one_of over exact is not listed', notOneOf('a'), notOneOf('a'), exact('b')],
    ['contains over more requirements', contains('a'), contains('a', 'b'), contains('b')],
    ['subset over fewer elements', subset('a', 'b'), subset('a'), subset('a', 'c')],
    ['subset over the empty array only', subset('a'), subset(), contains('a')],
    ['subset over exact is not listed', subset('a'), subset('a'), exact('a')],
    [
      'all over an added clause',
      all(range({ max: 9 })),
      all(range({ max: 9 }), exact(1)),
      all(exact('x')),
    ],
    [
      'all: one clause may cover two',
      all(wildcard, range({ max: 9 })),
      all(exact(5)),
      all(exact(10)),
    ],
    [
      'all flattened to a bare range',
      all(range({ max: 9 })),
      all(range({ max: 5 })),
      range({ max: 5 }),
    ],
    [
      'any over fewer clauses',
      any(exact('a'), exact('b')),
      any(exact('a')),
      any(exact('a'), exact('c')),
    ],
    ['any over a narrower clause', any(oneOf('a', 'b')), any(exact('b')), any(oneOf('b', 'c'))],
    ['any over a bare exact is not listed', any(exact('a')), any(exact('a')), exact('a')],
    ['any over all is not listed', any(exact('a')), any(exact('a')), all(exact('a'))],
    ['wildcard over anything', wildcard, all(any(exact(1))), wildcard],
    [
      'at the greatest depth',
      tree(MAX_CONSTRAINT_DEPTH),
      tree(MAX_CONSTRAINT_DEPTH),
      tree(MAX_CONSTRAINT_DEPTH - 1),
    ],
  ])('%s', (name, parent, narrower, wider) => {
    expect(subsumes(parent, narrower)).toBe(true);
    expect(subsumes(parent, wider)).toBe(name === 'wildcard over anything');
  });

  test('nothing but wildcard subsumes wildcard (H12)', () => {
    const parents = [
      exact(1),
      range({}),
      oneOf(1),
      notOneOf(),
      contains(),
      subset(),
      all(wildcard),
      any(wildcard),
    ];
    for (const parent of parents) expect(subsumes(parent, wildcard)).toBe(false);
  });

  test('the member `optional` plays no part', () => {
    expect(subsumes({ ...exact(1), optional: true }, exact(1))).toBe(true);
    expect(subsumes(exact(1), { ...exact(1), optional: true })).toBe(true);
  });
});

describe('well-formedness (draft section 3.4; steps 3n and 4o)', () => {
  const deep = (levels: number): JsonValue =>
    levels === 1
      ? { constraint_type: 'wildcard' }
      : { constraint_type: 'any', constraints: [deep(levels - 1)] };

  test.each<[string, JsonValue, string]>([
    ['an unknown type (D14)', { constraint_type: 'regex', pattern: '.*' }, 'constraint_unknown'],
    ['an inherited name as type (X02)', { constraint_type: 'constructor' }, 'constraint_unknown'],
    ['no type', {}, 'constraint_malformed'],
    ['a type that is not a string', { constraint_type: 1 }, 'constraint_malformed'],
    ['null', null, 'constraint_malformed'],
    ['an array', [], 'constraint_malformed'],
    ['a string', 'wildcard', 'constraint_malformed'],
    [
      'a member the type does not define',
      { constraint_type: 'exact', value: 1, max: 2 },
      'constraint_malformed',
    ],
    ['exact without value (D13)', { constraint_type: 'exact' }, 'constraint_malformed'],
    ['exact of an array', { constraint_type: 'exact', value: [1] }, 'constraint_malformed'],
    ['exact of an object', { constraint_type: 'exact', value: {} }, 'constraint_malformed'],
    [
      'range with min over max (I16)',
      { constraint_type: 'range', min: 2, max: 1 },
      'constraint_malformed',
    ],
    [
      'range with a string bound (I05)',
      { constraint_type: 'range', max: '5' },
      'constraint_malformed',
    ],
    ['range with a null bound', { constraint_type: 'range', max: null }, 'constraint_malformed'],
    [
      'range with inclusivity but no bound',
      { constraint_type: 'range', min_inclusive: true },
      'constraint_malformed',
    ],
    [
      'range with inclusivity that is a number',
      { constraint_type: 'range', min: 1, min_inclusive: 0 },
      'constraint_malformed',
    ],
    ['an empty one_of (H11)', { constraint_type: 'one_of', values: [] }, 'constraint_malformed'],
    [
      'one_of of a string (H14)',
      { constraint_type: 'one_of', values: 'admin' },
      'constraint_malformed',
    ],
    ['not_one_of without list (H13)', { constraint_type: 'not_one_of' }, 'constraint_malformed'],
    [
      'contains of an object',
      { constraint_type: 'contains', required: { 0: 'a' } },
      'constraint_malformed',
    ],
    ['subset of null', { constraint_type: 'subset', allowed: null }, 'constraint_malformed'],
    ['an empty all (K03)', { constraint_type: 'all', constraints: [] }, 'constraint_malformed'],
    ['an empty any', { constraint_type: 'any', constraints: [] }, 'constraint_malformed'],
    [
      'all of one object',
      { constraint_type: 'all', constraints: { constraint_type: 'wildcard' } },
      'constraint_malformed',
    ],
    [
      'a malformed clause',
      { constraint_type: 'any', constraints: [{ constraint_type: 'exact' }] },
      'constraint_malformed',
    ],
    [
      'an unknown clause',
      { constraint_type: 'all', constraints: [{ constraint_type: 'cel' }] },
      'constraint_unknown',
    ],
    [
      'optional that is not a boolean',
      { constraint_type: 'wildcard', optional: 'true' },
      'constraint_malformed',
    ],
    [
      'optional inside all',
      { constraint_type: 'all', constraints: [{ constraint_type: 'wildcard', optional: true }] },
      'constraint_malformed',
    ],
    ['nesting one too deep', deep(MAX_CONSTRAINT_DEPTH + 1), 'constraint_too_deep'],
  ])('refuses %s', (_name, constraint, code) => {
    expect(validateConstraint(constraint)?.code).toBe(code);
  });

  test.each<[string, JsonValue]>([
    ['nesting at the limit (G08)', deep(MAX_CONSTRAINT_DEPTH)],
    ['optional at the top', { constraint_type: 'wildcard', optional: true }],
    ['optional false', { constraint_type: 'exact', value: null, optional: false }],
    ['equal bounds', { constraint_type: 'range', min: 1, max: 1, min_inclusive: false }],
    ['an empty excluded list', { constraint_type: 'not_one_of', excluded: [] }],
  ])('accepts %s', (_name, constraint) => {
    expect(validateConstraint(constraint)).toBeUndefined();
  });

  test.each([
    ['{"constraint_type":"exact","value":9007199254740993}', 'constraint_malformed'],
    [
      '{"constraint_type":"one_of","values":[[1,{"a":1.00000000000000001}]]}',
      'constraint_malformed',
    ],
    ['{"constraint_type":"range","max":1e400}', 'constraint_malformed'],
    ['{"constraint_type":"exact","value":9007199254740994}', undefined],
    ['{"constraint_type":"range","max":1.50}', undefined],
  ])('judges numbers as they were written: %s (I03)', (text, code) => {
    const parsed = parseJson(text);
    expect(parsed.ok && validateConstraint(parsed.value, parsed.numbers)?.code).toBe(code);
  });
});

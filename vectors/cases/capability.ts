import type { DenialCode, JsonObject, JsonValue } from '@taper/core';
import type { Hop, Scenario, ToolMaps } from '@taper/testkit';
import { at, type Case } from '../case.ts';

type Map = Readonly<Record<string, JsonObject>>;

const WILDCARD: JsonObject = { constraint_type: 'wildcard' };

function exact(value: JsonValue): JsonObject {
  return { constraint_type: 'exact', value };
}

function oneOf(...values: JsonValue[]): JsonObject {
  return { constraint_type: 'one_of', values };
}

function range(bounds: JsonObject): JsonObject {
  return { constraint_type: 'range', ...bounds };
}

function all(...constraints: JsonObject[]): JsonObject {
  return { constraint_type: 'all', constraints };
}

function any(...constraints: JsonObject[]): JsonObject {
  return { constraint_type: 'any', constraints };
}

/** A root that grants tool `t`, a child that narrows it or does not, and a call. */
function maps(parent: Map, child: Map, args: JsonObject): Scenario {
  return { hops: [{ tools: { t: parent } }, { tools: { t: child } }], tool: 't', args };
}

/** The same, for one argument that both hops constrain. */
function pair(parent: JsonObject, child: JsonObject, value: JsonValue): Scenario {
  return maps({ a: parent }, { a: child }, { a: value });
}

/** A chain of one token whose tool `t` has one constraint. */
function single(constraint: unknown, value: JsonValue, payload?: Hop['payload']): Scenario {
  const tools = { t: { a: constraint } } as unknown as ToolMaps;
  const hop: Hop = payload === undefined ? { tools } : { tools, payload };
  return { hops: [hop], tool: 't', args: { a: value } };
}

const malformed = at('3n', 'constraint_malformed', 0);

/** Constraint trees of this many levels. */
function nested(levels: number): JsonObject {
  return levels === 1 ? exact(1) : any(nested(levels - 1));
}

const FORM: readonly Case[] = [
  at('3n', 'constraint_unknown', 0)(
    'unknown',
    'refuses a constraint of an unknown type (D14)',
    single({ constraint_type: 'regex', pattern: '.*' }, 1),
    'accepts a wildcard',
    single(WILDCARD, 1),
  ),
  at('3n', 'constraint_unknown', 0)(
    'prototype',
    'refuses a type named as a member that every object inherits (X02)',
    single({ constraint_type: 'toString' }, 1),
    'accepts an argument value of that name',
    single(exact('toString'), 'toString'),
  ),
  malformed(
    'extra-member',
    'refuses a member that the type does not define',
    single({ ...exact(1), note: 'x' }, 1),
    'accepts the constraint without it',
    single(exact(1), 1),
  ),
  malformed(
    'exact-array',
    'refuses `exact` with an array',
    single(exact([1]), [1]),
    'accepts `one_of` with an array among its values',
    single(oneOf([1]), [1]),
  ),
  malformed(
    'one-of-empty',
    'refuses `one_of` without values',
    single(oneOf(), 1),
    'accepts `one_of` with one value',
    single(oneOf(1), 1),
  ),
  malformed(
    'range-reversed',
    'refuses a range whose minimum is above its maximum',
    single(range({ min: 2, max: 1 }), 1),
    'accepts a range whose minimum is its maximum',
    single(range({ min: 1, max: 1 }), 1),
  ),
  malformed(
    'inclusive-alone',
    'refuses `max_inclusive` without `max`',
    single(range({ max_inclusive: true }), 1),
    'accepts it with `max`',
    single(range({ max: 1, max_inclusive: true }), 1),
  ),
  malformed(
    'all-empty',
    'refuses `all` without clauses (K03)',
    single(all(), 1),
    'accepts `all` with one',
    single(all(exact(1)), 1),
  ),
  malformed(
    'any-empty',
    'refuses `any` without clauses',
    single(any(), 1),
    'accepts `any` with one',
    single(any(exact(1)), 1),
  ),
  malformed(
    'optional-nested',
    'refuses `optional` inside `any`',
    single(any({ ...exact(1), optional: true }), 1),
    'accepts `optional` on the top-level constraint',
    single({ ...any(exact(1)), optional: true }, 1),
  ),
  malformed(
    'optional-text',
    'refuses `optional` that is no boolean',
    single({ ...exact(1), optional: 'true' }, 1),
    'accepts `optional` false',
    single({ ...exact(1), optional: false }, 1),
  ),
  malformed(
    'inadmissible-number',
    'refuses a constraint with a number that a double does not hold (C11)',
    single(exact(9007199254740992), 9007199254740992, (text) =>
      text.replace('9007199254740992', '9007199254740993'),
    ),
    'accepts one that a double does hold',
    single(exact(9007199254740992), 9007199254740992),
  ),
  malformed(
    'star-exact',
    'refuses "*" with anything but a wildcard',
    { hops: [{ tools: { t: { '*': exact(1) } } }], tool: 't', args: { a: 1 } },
    'accepts "*" with a wildcard',
    { hops: [{ tools: { t: { '*': WILDCARD } } }], tool: 't', args: { a: 1 } },
  ),
  malformed(
    'star-optional',
    'refuses "*" with `optional`',
    {
      hops: [{ tools: { t: { '*': { ...WILDCARD, optional: true } } } }],
      tool: 't',
      args: { a: 1 },
    },
    'accepts an optional wildcard under a name',
    {
      hops: [{ tools: { t: { a: { ...WILDCARD, optional: true } } } }],
      tool: 't',
      args: {},
    },
  ),
  at('3n', 'constraint_too_deep', 0)(
    'depth-33',
    'refuses a constraint of depth 33 (R02)',
    single(nested(33), 1),
    'accepts a constraint of depth 32',
    single(nested(32), 1),
  ),
  at('3n', 'constraint_too_many', 0)(
    'count-257',
    'refuses 257 constraints for one tool',
    single(any(...Array.from({ length: 256 }, (_, value) => exact(value))), 1),
    'accepts 256',
    single(any(...Array.from({ length: 255 }, (_, value) => exact(value))), 1),
    { stricter: true },
  ),
];

const CHILD_FORM: readonly Case[] = (
  [
    [
      'constraint_unknown',
      'unknown',
      'an unknown constraint, even below a wildcard (D14)',
      { constraint_type: 'cel', expression: 'true' },
    ],
    [
      'constraint_malformed',
      'extra-member',
      'a member that the type does not define, even below a wildcard',
      { ...exact(1), note: 'x' },
    ],
    [
      'constraint_too_deep',
      'depth-33',
      'a constraint of depth 33, even below a wildcard',
      nested(33),
    ],
    [
      'constraint_too_many',
      'count-257',
      '257 constraints, even below a wildcard',
      any(...Array.from({ length: 256 }, (_, value) => exact(value))),
    ],
  ] as readonly (readonly [DenialCode, string, string, JsonObject])[]
).map(([code, word, what, constraint]) =>
  at('4o', code, 1)(
    word,
    `refuses a child with ${what}`,
    pair(WILDCARD, constraint, 1),
    'accepts a child with a well-formed constraint',
    pair(WILDCARD, exact(1), 1),
    code === 'constraint_too_many' ? { stricter: true } : {},
  ),
);

const added = at('4p1', 'tool_added', 1);
const keys = at('4p2', 'argument_keys_widened', 1);

function tools(parent: ToolMaps, child: ToolMaps): Scenario {
  return { hops: [{ tools: parent }, { tools: child }], tool: 't', args: {} };
}

const optional = (constraint: JsonObject): JsonObject => ({ ...constraint, optional: true });

const KEYS: readonly Case[] = [
  added(
    'added',
    'refuses a child with a tool that its parent lacks (D20)',
    tools({ t: {} }, { t: {}, u: {} }),
    'accepts a child with fewer tools',
    tools({ t: {}, u: {} }, { t: {} }),
  ),
  added(
    'other-case',
    'refuses a tool that differs in case',
    tools({ t: {}, Pay: {} }, { t: {}, pay: {} }),
    'accepts the same tool',
    tools({ t: {}, Pay: {} }, { t: {}, Pay: {} }),
  ),
  added(
    'other-form',
    'refuses a tool that differs in Unicode normalization',
    tools({ t: {}, 'caf\u00e9': {} }, { t: {}, 'cafe\u0301': {} }),
    'accepts the same tool',
    tools({ t: {}, 'caf\u00e9': {} }, { t: {}, 'caf\u00e9': {} }),
  ),
  added(
    'prototype',
    'refuses a tool named as a member that every object inherits (X02)',
    tools({ t: {} }, { t: {}, constructor: {} } as unknown as ToolMaps),
    'accepts such a tool when the parent has it',
    tools(
      { t: {}, constructor: {} } as unknown as ToolMaps,
      {
        t: {},
        constructor: {},
      } as unknown as ToolMaps,
    ),
  ),
  keys(
    'named',
    'refuses an argument that the parent does not name (K07)',
    maps({ a: exact(1) }, { a: exact(1), b: exact(1) }, { a: 1 }),
    'accepts it when the parent has "*"',
    maps({ a: exact(1), '*': WILDCARD }, { a: exact(1), b: optional(exact(1)) }, { a: 1 }),
  ),
  keys(
    'dropped',
    'refuses to drop a required argument (D13)',
    maps({ a: exact(1), b: exact(1) }, { a: exact(1) }, { a: 1 }),
    'accepts to drop an optional one',
    maps({ a: exact(1), b: optional(exact(1)) }, { a: exact(1) }, { a: 1 }),
  ),
  keys(
    'star-added',
    'refuses "*" where the parent has none (D13)',
    maps({ a: exact(1) }, { a: exact(1), '*': WILDCARD }, { a: 1 }),
    'accepts "*" where the parent has it',
    maps({ a: exact(1), '*': WILDCARD }, { a: exact(1), '*': WILDCARD }, { a: 1 }),
  ),
  keys(
    'emptied',
    'refuses an empty map, which is "*", below a map that is not (D13)',
    maps({ a: optional(exact(1)) }, {}, {}),
    'accepts an empty map below an empty map',
    maps({}, {}, {}),
  ),
  keys(
    'dropped-under-star',
    'refuses to drop an optional argument and keep "*", under which it would return',
    maps({ a: optional(exact(1)), '*': WILDCARD }, { '*': WILDCARD }, {}),
    'accepts to drop both',
    maps({ a: optional(exact(1)), b: exact(1), '*': WILDCARD }, { b: exact(1) }, { b: 1 }),
  ),
  at('4p3', 'argument_made_optional', 1)(
    'optional',
    'refuses to make a required argument optional (K06)',
    maps({ a: exact(1) }, { a: optional(exact(1)) }, { a: 1 }),
    'accepts to make an optional argument required',
    maps({ a: optional(exact(1)) }, { a: exact(1) }, { a: 1 }),
  ),
];

const wider = at('4p4', 'constraint_widened', 1);

const contains = (...required: JsonValue[]): JsonObject => ({
  constraint_type: 'contains',
  required,
});
const subset = (...allowed: JsonValue[]): JsonObject => ({ constraint_type: 'subset', allowed });
const not = (...excluded: JsonValue[]): JsonObject => ({ constraint_type: 'not_one_of', excluded });

/** Word, what is refused and its pair, what is accepted and its pair with a value. */
type Pair = readonly [
  string,
  string,
  JsonObject,
  JsonObject,
  string,
  JsonObject,
  JsonObject,
  JsonValue,
];

const PAIRS: readonly Pair[] = [
  [
    'exact-other',
    'another exact value',
    exact(1),
    exact(2),
    'the same exact value',
    exact(1),
    exact(1),
    1,
  ],
  [
    'exact-text',
    'the text of an exact number (K09)',
    exact(5),
    exact('5'),
    'the number',
    exact(5),
    exact(5),
    5,
  ],
  [
    'exact-one-of',
    '`one_of` below `exact`, even of the same value',
    exact(1),
    oneOf(1),
    '`exact` below `one_of`',
    oneOf(1, 2),
    exact(1),
    1,
  ],
  [
    'range-raised',
    'a range with a higher maximum',
    range({ max: 10 }),
    range({ max: 11 }),
    'a range with a lower one',
    range({ max: 10 }),
    range({ max: 9 }),
    9,
  ],
  [
    'range-unbounded',
    'a range without the parent’s minimum',
    range({ min: 0, max: 10 }),
    range({ max: 10 }),
    'a range with one more bound',
    range({ max: 10 }),
    range({ min: 0, max: 10 }),
    0,
  ],
  [
    'range-inclusive',
    'an inclusive bound where the parent’s is exclusive',
    range({ max: 10, max_inclusive: false }),
    range({ max: 10 }),
    'an exclusive bound where the parent’s is inclusive',
    range({ max: 10 }),
    range({ max: 10, max_inclusive: false }),
    9,
  ],
  [
    'range-exact',
    'an exact number outside the range',
    range({ max: 10 }),
    exact(11),
    'an exact number inside',
    range({ max: 10 }),
    exact(10),
    10,
  ],
  [
    'range-one-of',
    '`one_of` below a range (K02)',
    range({ max: 10 }),
    oneOf(1, 2),
    '`exact` below a range',
    range({ max: 10 }),
    exact(1),
    1,
  ],
  [
    'one-of-added',
    'a value that the parent does not list',
    oneOf(1, 2),
    oneOf(1, 3),
    'fewer values',
    oneOf(1, 2),
    oneOf(2),
    2,
  ],
  [
    'one-of-excluded',
    '`not_one_of` below `one_of` (K02)',
    oneOf(1, 2),
    not(3),
    '`exact` below `one_of`',
    oneOf(1, 2),
    exact(2),
    2,
  ],
  [
    'not-one-of-dropped',
    'a shorter list of exclusions',
    not(1, 2),
    not(1),
    'a longer one',
    not(1),
    not(1, 2),
    3,
  ],
  [
    'not-one-of-exact',
    '`exact` below `not_one_of` (K02)',
    not(1),
    exact(2),
    'more exclusions',
    not(1),
    not(1, 3),
    2,
  ],
  [
    'contains-dropped',
    'a shorter list of required elements',
    contains('a', 'b'),
    contains('a'),
    'a longer one',
    contains('a'),
    contains('a', 'b'),
    ['b', 'a'],
  ],
  [
    'subset-added',
    'an element that the parent does not allow',
    subset('a'),
    subset('a', 'b'),
    'fewer allowed elements',
    subset('a', 'b'),
    subset('a'),
    ['a', 'a'],
  ],
  [
    'wildcard',
    'a wildcard below anything else',
    exact(1),
    WILDCARD,
    'anything below a wildcard',
    WILDCARD,
    not(1),
    2,
  ],
  [
    'all-dropped',
    '`all` without one of the parent’s clauses',
    all(range({ min: 0 }), range({ max: 9 })),
    all(range({ max: 9 })),
    '`all` with one clause for both',
    all(range({ min: 0 }), range({ max: 9 })),
    all(range({ min: 1, max: 2 })),
    1,
  ],
  [
    'all-flattened',
    'a bare clause below `all`, even if narrower',
    all(range({ max: 9 })),
    range({ max: 1 }),
    '`all` with that clause',
    all(range({ max: 9 })),
    all(range({ max: 1 })),
    1,
  ],
  [
    'any-added',
    '`any` with a clause that the parent has not (K03)',
    any(exact(1), exact(2)),
    any(exact(1), exact(3)),
    '`any` with fewer clauses',
    any(exact(1), exact(2)),
    any(exact(2)),
    2,
  ],
  [
    'any-exact',
    '`exact` below `any`, even of a value that a clause accepts',
    any(exact(1), exact(2)),
    exact(1),
    '`any` of that value alone',
    any(oneOf(1, 2)),
    any(exact(1)),
    1,
  ],
  [
    'any-all',
    '`all` below `any` (K02)',
    any(exact(1)),
    all(exact(1)),
    '`any` below `any`',
    any(exact(1)),
    any(exact(1)),
    1,
  ],
  [
    'nested',
    'a wider clause two levels down',
    all(any(range({ max: 5 }))),
    all(any(range({ max: 6 }))),
    'a narrower one',
    all(any(range({ max: 5 }))),
    all(any(range({ max: 4 }))),
    4,
  ],
];

const WIDTH: readonly Case[] = PAIRS.map(
  ([word, refused, outer, inner, accepted, above, below, value]) =>
    wider(
      word,
      `refuses ${refused}`,
      pair(outer, inner, value),
      `accepts ${accepted}`,
      pair(above, below, value),
    ),
);

const GRANDPARENT: readonly Case[] = [
  wider(
    'regained',
    'refuses a third hop that returns to what the first allowed (D27)',
    {
      hops: [
        { tools: { t: { a: range({ max: 9 }) } } },
        { tools: { t: { a: range({ max: 5 }) } } },
        { tools: { t: { a: range({ max: 9 }) } } },
      ],
      tool: 't',
      args: { a: 5 },
    },
    'accepts a third hop that keeps to the second',
    {
      hops: [
        { tools: { t: { a: range({ max: 9 }) } } },
        { tools: { t: { a: range({ max: 5 }) } } },
        { tools: { t: { a: range({ max: 5 }) } } },
      ],
      tool: 't',
      args: { a: 5 },
    },
  ),
].map((each) => ({ ...each, hop: 2 }));

function numbers(count: number): JsonObject {
  return any(...Array.from({ length: count }, (_, value) => exact(value)));
}

const COST: readonly Case[] = [
  at('4p4', 'constraint_too_costly', 1)(
    'too-costly',
    'refuses to compare 128 clauses with 128 others',
    pair(numbers(128), numbers(128), 1),
    'accepts to compare 80 with 80',
    pair(numbers(80), numbers(80), 1),
    { stricter: true },
  ),
  at('6b', 'constraint_too_costly', 0)(
    'too-costly',
    'refuses to check a long list against many clauses',
    single(any(WILDCARD, ...Array.from({ length: 254 }, (_, value) => exact(value))), list(200)),
    'accepts to check a shorter one',
    single(any(WILDCARD, ...Array.from({ length: 254 }, (_, value) => exact(value))), list(100)),
    { stricter: true },
  ),
];

function list(length: number): JsonValue {
  return Array.from({ length }, (_, value) => value);
}

export const CAPABILITY: readonly Case[] = [
  ...FORM,
  ...CHILD_FORM,
  ...KEYS,
  ...WIDTH,
  ...GRANDPARENT,
  ...COST,
];

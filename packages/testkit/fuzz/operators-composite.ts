import type { JsonObject } from '@taper/core';
import { detailsOf, handOver, issueToken, narrowConstraint } from '../src/index.ts';
import {
  type Attack,
  type Attempt,
  attackAt,
  type Expectation,
  exactly,
  type Operator,
  ofType,
  operator,
  type Site,
  WILDCARD,
  withConstraint,
} from './attack.ts';

const BOTH: readonly string[] = ['all', 'any'];

type Clauses = readonly JsonObject[];

function clausesOf({ constraint }: Site): Clauses {
  return (constraint['constraints'] ?? []) as Clauses;
}

/** Puts another constraint in the place of a wanted one. */
function changed(
  expect: Expectation,
  wanted: (constraint: JsonObject) => boolean,
  change: (site: Site, attack: Attack) => JsonObject | undefined,
): (attack: Attack) => Attempt | undefined {
  return (from) => {
    const found = attackAt(from, wanted);
    const made = found && change(found.site, found.attack);
    if (found === undefined || made === undefined) return undefined;
    const { site, attack } = found;
    return attack.childWithTools(expect, withConstraint(attack.tools, site, made));
  };
}

/** Puts other clauses in the place of a composite's. */
function clauses(
  expect: Expectation,
  types: readonly string[],
  change: (clauses: Clauses, attack: Attack) => Clauses | undefined,
): (attack: Attack) => Attempt | undefined {
  return changed(expect, ofType(...types), (site, attack) => {
    const made = change(clausesOf(site), attack);
    return made && { ...site.constraint, constraints: made };
  });
}

/** Another constraint in the place of one that the parent leaves free. */
function underWildcard(
  expect: Expectation,
  make: (attack: Attack) => JsonObject,
): (attack: Attack) => Attempt | undefined {
  return changed(expect, ofType('wildcard'), (site, attack) => keepOptional(site, make(attack)));
}

function keepOptional({ constraint }: Site, { optional: _, ...made }: JsonObject): JsonObject {
  return constraint['optional'] === true ? { ...made, optional: true } : made;
}

/** A chain of composites of so many levels, the innermost a constraint. */
function nested(levels: number): JsonObject {
  let constraint = exactly('x');
  for (let level = 1; level < levels; level += 1)
    constraint = { constraint_type: level % 2 === 0 ? 'all' : 'any', constraints: [constraint] };
  return constraint;
}

function wide(count: number): JsonObject {
  return {
    constraint_type: 'any',
    constraints: Array.from({ length: count }, (_, value) => exactly(value)),
  };
}

/** What is wrong with these is their shape, whatever the parent says. */
const MALFORMED: readonly unknown[] = [
  { constraint_type: 'exact' },
  { constraint_type: 'exact', value: [1] },
  { constraint_type: 'exact', value: 1, extra: true },
  { constraint_type: 'range', min: 2, max: 1 },
  { constraint_type: 'range', min: '1' },
  { constraint_type: 'range', max_inclusive: false },
  { constraint_type: 'range', min: 1, min_inclusive: 'no' },
  { constraint_type: 'one_of', values: [] },
  { constraint_type: 'one_of', values: 'x' },
  { constraint_type: 'not_one_of' },
  { constraint_type: 'contains', required: {} },
  { constraint_type: 'subset', allowed: null },
  { constraint_type: 'all', constraints: [] },
  { constraint_type: 'any', constraints: [] },
  { constraint_type: 'any', constraints: {} },
  { constraint_type: 'all', constraints: [{ ...WILDCARD, optional: true }] },
  { constraint_type: 'any', constraints: [null] },
  { constraint_type: 'wildcard', optional: 'true' },
  { constraint_type: 'wildcard', value: 1 },
  { constraint_type: 'Exact', value: 1 },
  { constraint_type: 'regex', pattern: '.*' },
  { constraint_type: 'toString' },
  { constraint_type: null },
  { value: 1 },
  [],
  'wildcard',
  null,
  { constraint_type: 'path', root: '/a/../b', reach: 'subtree' },
  { constraint_type: 'path', root: '/a' },
  {
    constraint_type: 'url',
    schemes: ['javascript'],
    host: 'x.test',
    path: { root: '/', reach: 'subtree' },
  },
  { constraint_type: 'decimal', min: '1.0', max: '2', scale: 0 },
  {
    constraint_type: 'instant',
    not_before: '2026-02-30T00:00:00Z',
    not_after: '2027-01-01T00:00:00Z',
  },
  { constraint_type: 'cidr', network: '10.0.0.1/8' },
];

/** The parent's own constraint, with one thing wrong that no comparison would find. */
function spoiled(site: Site, { random }: Attack): JsonObject {
  const { constraint } = site;
  const wrong: JsonObject[] = [
    { ...constraint, extra: true },
    { ...constraint, Optional: true },
    { ...constraint, optional: 1 },
    { ...constraint, optional: null },
  ];
  const [first, ...rest] = clausesOf(site);
  if (first !== undefined) {
    wrong.push({ ...constraint, constraints: [{ ...first, optional: true }, ...rest] });
    wrong.push({ ...constraint, constraints: [{ ...first, optional: false }, ...rest] });
    wrong.push({ ...constraint, constraints: [{ ...first, extra: 1 }, ...rest] });
  }
  return random.pick(wrong);
}

/** Two hops whose constraints would take too long to compare: the first is fine below a wildcard, the second is not. */
function tooCostly(from: Attack): Attempt | undefined {
  const found = attackAt(from, ofType('wildcard'));
  if (found === undefined) return undefined;
  const { site, attack } = found;
  const { own, parent, prefix, key, id } = attack;
  const tools = withConstraint(attack.tools, site, keepOptional(site, wide(128)));
  const claims = attack.claims({ authorization_details: detailsOf(tools) });
  const child = issueToken(claims, key, own, parent);
  const again = issueToken(handOver(child, own, `${id}-again`), own, own, child);
  const { del_depth: depth, del_max_depth: deepest } = again.payload;
  if ((depth as number) > Math.min(8, deepest as number)) return undefined;
  const chain = [...prefix, child, again].map(({ compact }) => compact);
  return { expect: 'deny', chain, by: key };
}

function starAsConstraint(attack: Attack): Attempt | undefined {
  const open = Object.entries(attack.tools).filter(([, map]) => Object.hasOwn(map, '*'));
  if (open.length === 0) return undefined;
  const [tool, map] = attack.random.pick(open);
  const star = attack.random.pick<JsonObject>([
    { ...WILDCARD, optional: true },
    { ...WILDCARD, optional: false },
    exactly(1),
    { constraint_type: 'any', constraints: [WILDCARD] },
  ]);
  return attack.childWithTools('deny', { ...attack.tools, [tool]: { ...map, '*': star } });
}

export const COMPOSITE: readonly Operator[] = [
  operator(
    'composite_reordered',
    clauses('accept', BOTH, (own, { random }) => random.shuffle(own)),
  ),
  operator(
    'composite_clause_twice',
    clauses('accept', BOTH, (own) => [...own, ...own]),
  ),
  operator(
    'composite_narrowed',
    clauses('accept', BOTH, (own, { random }) =>
      own.map((clause) => narrowConstraint(clause, random)),
    ),
  ),
  operator(
    'all_clause_added',
    clauses('accept', ['all'], (own) => [exactly('added'), ...own]),
  ),
  operator(
    'any_clause_dropped',
    clauses('accept', ['any'], (own) => (own.length > 1 ? own.slice(1) : undefined)),
    2,
  ),
  operator(
    'any_wildcard_added',
    clauses('judge', ['any'], (own) => [...own, WILDCARD]),
  ),
  operator(
    'composite_emptied',
    clauses('deny', BOTH, () => []),
  ),
  operator(
    'composite_flipped',
    changed('deny', ofType(...BOTH), ({ constraint }) => ({
      ...constraint,
      constraint_type: constraint['constraint_type'] === 'all' ? 'any' : 'all',
    })),
  ),
  operator(
    'composite_unwrapped',
    changed('deny', ofType(...BOTH), (site) => {
      const [clause] = clausesOf(site) as readonly [JsonObject];
      // A composite would be judged clause by clause again.
      return ofType(...BOTH)(clause) ? undefined : keepOptional(site, clause);
    }),
  ),
  operator(
    'composite_wrapped',
    changed(
      'deny',
      (constraint) => !ofType(...BOTH, 'wildcard')(constraint),
      (site, { random }) => {
        const { optional: _, ...clause } = site.constraint;
        return keepOptional(site, { constraint_type: random.pick(BOTH), constraints: [clause] });
      },
    ),
  ),
  operator(
    'nested_to_the_limit',
    underWildcard('accept', () => nested(32)),
  ),
  operator(
    'nested_too_deep',
    underWildcard('deny', ({ random }) => nested(random.pick([33, 40, 55]))),
  ),
  operator(
    'clauses_to_the_limit',
    underWildcard('judge', () => wide(250)),
  ),
  operator(
    'too_many_clauses',
    underWildcard('deny', () => wide(256)),
  ),
  operator('too_costly_to_compare', tooCostly),
  operator(
    'constraint_malformed',
    changed(
      'deny',
      () => true,
      (_, { random }) => random.pick(MALFORMED) as JsonObject,
    ),
  ),
  operator(
    'constraint_spoiled',
    changed('deny', () => true, spoiled),
    2,
  ),
  operator('star_not_wildcard', starAsConstraint),
];

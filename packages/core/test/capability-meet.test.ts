import {
  createRandom,
  DOMAINS,
  narrowTools,
  type Random,
  randomConstraint,
  type ToolMaps,
} from '@taper/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constraint as build, compareTools, type JsonObject, meetTools } from '../src/index.ts';

const { exact, optional, oneOf, range, wildcard } = build;
const ANY = { '*': wildcard() };

function meet(left: JsonObject, right: JsonObject): unknown {
  const forth = meetTools({ t: left }, { t: right });
  const back = meetTools({ t: right }, { t: left });
  if ('code' in forth || 'code' in back) return expect.unreachable();
  expect('t' in back.tools).toBe('t' in forth.tools);
  const [dropped] = forth.dropped;
  return dropped === undefined ? forth.tools['t'] : dropped.reason;
}

describe('the meet of two tool maps', () => {
  test('has the tools that both have, and says which it dropped', () => {
    const met = meetTools({ a: ANY, b: ANY }, { b: { x: exact(1) }, c: ANY });
    expect(met).toEqual({
      tools: { b: { x: exact(1) } },
      dropped: [
        { tool: 'c', reason: 'not_in_both' },
        { tool: 'a', reason: 'not_in_both' },
      ],
    });
  });

  test('tool names are compared as they are', () => {
    for (const other of ['Read', 'read ', 'r\u0435ad'])
      expect(meetTools({ read: ANY }, { [other]: ANY })).toMatchObject({ tools: {} });
  });

  test.each<readonly [string, JsonObject, JsonObject, unknown]>([
    [
      'an argument that only an open map does not name keeps its constraint',
      { x: exact(1), ...ANY },
      ANY,
      { x: exact(1), ...ANY },
    ],
    ['open only where both are', { x: exact(1) }, ANY, { x: exact(1) }],
    ['an empty map is open', {}, { x: exact(1) }, { x: exact(1) }],
    ['two empty maps stay open', {}, {}, ANY],
    [
      'required where either requires it',
      { x: optional(exact(1)) },
      { x: exact(1) },
      { x: exact(1) },
    ],
    [
      'optional where both say so',
      { x: optional(exact(1)) },
      { x: optional(oneOf(1, 2)) },
      { x: optional(exact(1)) },
    ],
    [
      'a required argument that the other forbids: nothing',
      { x: exact(1) },
      { y: exact(1) },
      'argument_required',
    ],
    [
      'an optional argument that the other forbids is forbidden',
      { x: optional(exact(1)), y: exact(1) },
      { y: exact(1) },
      { y: exact(1) },
    ],
    [
      'a required argument without a common value: nothing',
      { x: exact(1) },
      { x: exact(2) },
      'nothing_in_common',
    ],
    [
      'an optional argument without a common value is forbidden',
      { x: optional(exact(1)), y: exact(1) },
      { x: optional(exact(2)), y: exact(1) },
      { y: exact(1) },
    ],
    [
      'and stays so: "*" would bring it back',
      { x: optional(exact(1)), y: exact(1), ...ANY },
      { x: optional(exact(2)), ...ANY },
      { y: exact(1) },
    ],
    [
      'where only the call without arguments is left, nothing: an empty map would allow any',
      { x: optional(exact(1)) },
      { x: optional(exact(2)) },
      'no_argument_left',
    ],
    [
      'names of the language are names',
      { constructor: exact(1) },
      { toString: exact(1), ...ANY },
      'argument_required',
    ],
  ])('%s', (_, left, right, expected) => {
    expect(meet(left, right)).toEqual(expected);
  });

  test('a malformed side is a problem and not a meet', () => {
    const odd = { t: { x: { constraint_type: 'regex', pattern: '.*' } } };
    expect(meetTools(odd, { t: ANY })).toMatchObject({ code: 'constraint_unknown' });
    expect(meetTools({ t: ANY }, odd)).toMatchObject({ code: 'constraint_unknown' });
    expect(meetTools({ t: ANY }, { t: { '*': range({ max: 1 }) } })).toMatchObject({
      code: 'constraint_malformed',
    });
  });

  test('is within both sides by the rules of every verifier, and all of a side that is narrower already', () => {
    fc.assert(
      fc.property(
        fc.integer().map((seed) => createRandom(`tools ${seed}`)),
        (random) => {
          const base = toolsOf(random);
          const left = narrowTools(base, random) as JsonObject;
          const right = (random.chance(0.5) ? narrowTools(base, random) : base) as JsonObject;
          const met = meetTools(left, right);
          if ('code' in met) return expect.unreachable(met.code);
          expect(compareTools(left, met.tools)).toBeUndefined();
          expect(compareTools(right, met.tools)).toBeUndefined();
          const names = new Set([...Object.keys(left), ...Object.keys(right)]);
          expect(Object.keys(met.tools).length + met.dropped.length).toBe(names.size);
          return undefined;
        },
      ),
      { numRuns: 1500 },
    );
  });
});

function toolsOf(random: Random): ToolMaps {
  const tools = Array.from({ length: random.between(1, 3) }, (_, index) => {
    const named = Array.from({ length: random.between(0, 3) }, (__, at) => {
      const made = randomConstraint(random.pick(DOMAINS), random, 2);
      return [`argument-${at}`, random.chance(0.4) ? { ...made, optional: true } : made] as const;
    });
    const open = random.chance(0.4) ? Object.entries(ANY) : [];
    return [`tool-${index}`, Object.fromEntries([...named, ...open])] as const;
  });
  return Object.fromEntries(tools) as ToolMaps;
}

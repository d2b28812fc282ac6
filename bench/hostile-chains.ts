import { constraint as c, type JsonObject, type JsonValue } from '@taper/core';
import { forgeChain, forgeProof, type Grant } from './forge.ts';
import { type HostileInput, TOKEN_PAYLOAD } from './hostile-presentations.ts';

/** Chains of four tokens as large as they may be, which only narrow as they should, but take their time to prove it. */
export async function hostileChains(): Promise<readonly HostileInput[]> {
  return Promise.all([
    ...[...comparedWithThemselves()].map(([name, constraint]) =>
      narrowed(name, constraint, constraint),
    ),
    ...[...comparedWithOthers()].map(([name, [outer, inner]]) => narrowed(name, outer, inner)),
  ]);
}

/** So many values as fit into a token, and no more than a text may hold. */
function fullList(valuesEach: number, make: (index: number) => JsonValue): JsonValue[] {
  const values: JsonValue[] = [];
  for (let size = 0; size < TOKEN_PAYLOAD - 2000 && values.length * valuesEach < 9_800; ) {
    const value = make(values.length);
    values.push(value);
    size += JSON.stringify(value).length + 1;
  }
  return values;
}

function clauses(
  type: 'all' | 'any',
  count: number,
  make: (index: number) => JsonValue,
): JsonObject {
  return { constraint_type: type, constraints: Array.from({ length: count }, (_, n) => make(n)) };
}

function tree(type: 'all' | 'any', depth: number): JsonObject {
  return depth === 0 ? c.exact(1) : clauses(type, 2, () => tree(type, depth - 1));
}

function comparedWithThemselves(): ReadonlyMap<string, JsonObject> {
  const wide = Object.fromEntries(
    fullList(1, (n) => n)
      .map((n) => [`k${n}`, 1])
      .slice(0, 4500),
  );
  return new Map<string, JsonObject>([
    ['a list of 9,800 numbers', c.oneOf(...fullList(1, (n) => n))],
    ['a list of fractions', c.oneOf(...fullList(1, (n) => n / 7))],
    ['a list of objects', c.oneOf(...fullList(2, (n) => ({ id: n })))],
    ['a list of one object', c.oneOf(wide)],
    ['a list of one array', c.oneOf(fullList(2, (n) => ({ [`k${n}`]: n })))],
    ['exclusions that are arrays', c.notOneOf(...fullList(2, (n) => [n]))],
    ['any, 7 deep', tree('any', 7)],
    ['any, 5 deep', tree('any', 5)],
    ['all of eight any, 4 deep', clauses('all', 8, () => tree('any', 4))],
    ['short lists of objects', clauses('any', 30, (n) => c.oneOf({ a: 'x'.repeat(40) }, { b: n }))],
    ['a range', c.range({ min: 0, max: 1 })],
  ]);
}

/** What a parent grants, and what its child; the later tokens grant what the child does. */
function comparedWithOthers(): ReadonlyMap<string, readonly [JsonObject, JsonObject]> {
  const upwards = (type: 'all' | 'any', count: number): JsonObject =>
    clauses(type, count, (n) => c.exact(n));
  const downwards = (type: 'all' | 'any', count: number): JsonObject =>
    clauses(type, count, (n) => c.exact(count - 1 - n));
  const listed = (make: (index: number) => JsonValue): JsonObject => c.oneOf(...fullList(1, make));
  const anywhere = { root: '/', reach: 'descendants' } as const;
  return new Map<string, readonly [JsonObject, JsonObject]>([
    ['any of 254', [upwards('any', 254), downwards('any', 254)]],
    ['any of 60', [upwards('any', 60), downwards('any', 60)]],
    ['all of 60', [upwards('all', 60), downwards('all', 60)]],
    ['a path over a list', [c.path('/a', 'descendants'), listed((n) => `/a/b/${n}`)]],
    [
      'a URL over a list',
      [
        c.url({ schemes: ['https'], host_suffix: 'example.com', path: anywhere }),
        listed((n) => `https://a${n}.example.com/x/${n}`),
      ],
    ],
    [
      'a network over a list',
      [c.cidr('2001:db8::/32'), listed((n) => `2001:db8::${(n + 1).toString(16)}`)],
    ],
    [
      'a decimal over a list',
      [
        c.decimal({ min: '0', max: '1000000', scale: 18 }),
        listed((n) => `${n}.000000000000000001`),
      ],
    ],
    [
      'an instant over a list',
      [
        c.instant('2000-01-01T00:00:00Z', '2100-01-01T00:00:00Z'),
        listed((n) => `20${10 + (n % 80)}-01-01T00:00:00.${(n % 1000) + 1}Z`),
      ],
    ],
  ]);
}

/** A chain in which every token has to be compared with its parent in full, and a call that it permits. */
async function narrowed(name: string, outer: JsonObject, inner: JsonObject): Promise<HostileInput> {
  // As many tools with this constraint as fit into a token.
  const size = Math.max(JSON.stringify(outer).length, JSON.stringify(inner).length);
  const copies = Math.max(1, Math.min(900, Math.floor((TOKEN_PAYLOAD - 1500) / (size + 40))));
  const tools = (constraint: JsonObject): JsonObject => {
    const grant: Grant = { x: { ...constraint, optional: true } };
    return Object.fromEntries(Array.from({ length: copies }, (_, n) => [`tool ${n}`, grant]));
  };
  const tokens = await forgeChain([tools(outer), tools(inner), tools(inner), tools(inner)]);
  const tool = 'tool 0';
  const presentation = { aat_chain: tokens, aat_pop: await forgeProof(tokens, tool, {}) };
  return { name: `chain: ${name}`, by: 'holder', presentation, tool, args: {} };
}

import { constraint as c, type JsonObject, type JsonValue } from '@taper/core';
import { forgeChain, forgeProof, type Grant } from './forge.ts';
import type { HostileInput } from './hostile-presentations.ts';
import { MB } from './hostile-texts.ts';
import { TOOL } from './scene.ts';

/** What a holder signs with every right to keep the verifier busy: calls whose arguments and proof make about a megabyte. */
export async function hostileCalls(): Promise<readonly HostileInput[]> {
  const calls = [
    ...[...costlyArguments()].map(([name, value]) => call(name, {}, value)),
    ...[...costlyConstraints()].map(([name, [grant, value]]) => call(name, grant, value)),
  ];
  return (await Promise.all(calls)).flat();
}

/** Just below what a text may hold. */
const VALUES = 9_900;

function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function objectOf(count: number, name: (index: number) => string): JsonObject {
  return Object.fromEntries(times(count, (index) => [name(index), index]));
}

/** Arguments that cost something to read, compare and freeze; the tool takes any. */
function costlyArguments(): ReadonlyMap<string, JsonValue> {
  const deep = times(120, () => 0).reduce<JsonValue>((inner) => [inner], 1);
  return new Map<string, JsonValue>([
    ['an object of 9,900 members', objectOf(VALUES, (index) => `member ${index}`)],
    [
      '9,900 names, last ones first',
      objectOf(VALUES, (index) => `${'n'.repeat(24)}${1e6 - index}`),
    ],
    ['200,000 members, too many', objectOf(40_000, (index) => `${index}`)],
    ['an array of 9,900 fractions', times(VALUES, (index) => index / 7)],
    ['an array of 9,900 objects', times(VALUES / 2, (index) => ({ a: index }))],
    ['80 arrays, 120 deep', times(80, () => deep)],
    ['text full of escapes', '\u0001"\\'.repeat(MB / 32)],
    ['text beyond ASCII', '\u20ac'.repeat(MB / 8)],
  ]);
}

/** A constraint and an argument that it takes long to check, or to refuse to. */
function costlyConstraints(): ReadonlyMap<string, readonly [Grant, JsonValue]> {
  const object = objectOf(VALUES, (index) => `member ${index}`);
  const strings = times(VALUES, (index) => `element ${index}`);
  const anyPath = c.path('/', 'descendants');
  const url = (host: string): JsonObject =>
    c.url({ schemes: ['https'], host, path: { root: '/', reach: 'descendants' } });
  const clauses = (count: number, make: (index: number) => JsonObject): Grant => ({
    x: { constraint_type: 'any', constraints: times(count, make) },
  });
  return new Map<string, readonly [Grant, JsonValue]>([
    ['250 lists of objects, object', [clauses(250, () => c.oneOf({ a: 1 })), object]],
    ['1 list of objects, object', [clauses(1, () => c.oneOf({ a: 1 })), object]],
    ['250 times contains, array', [clauses(250, () => c.contains('never')), strings]],
    ['1 time contains, array', [clauses(1, () => c.contains('never')), strings]],
    [
      '250 URLs, URL',
      [clauses(250, (n) => url(`h${n}.example`)), `https://h/${'%C3%A9'.repeat(670)}`],
    ],
    [
      '110 URLs, URL',
      [clauses(110, (n) => url(`h${n}.example`)), `https://h/${'%C3%A9'.repeat(670)}`],
    ],
    [
      '250 paths, path',
      [clauses(250, (n) => c.path(`/${n}`, 'children')), `/${'a/'.repeat(2000)}b`],
    ],
    [
      '110 paths, path',
      [clauses(110, (n) => c.path(`/${n}`, 'children')), `/${'a/'.repeat(2000)}b`],
    ],
    ['250 networks, address', [clauses(250, (n) => c.cidr(`10.0.${n}.0/24`)), '2001:db8::1']],
    ['a path of 256 KB', [{ x: anyPath }, `/${'a/'.repeat(MB / 8)}b`]],
    [
      'a decimal of 256 KB',
      [{ x: c.decimal({ min: '0', max: '1', scale: 2 }) }, `0.${'0'.repeat(MB / 4)}`],
    ],
    ['a subset of objects', [{ x: c.subset({ a: 1 }) }, times(VALUES / 2, () => ({ a: 1 }))]],
  ]);
}

/** A call of a tool with such a grant, by its holder: as text and as an object. */
async function call(
  name: string,
  grant: Grant,
  value: JsonValue,
): Promise<readonly HostileInput[]> {
  const args: JsonObject = { x: value };
  const tokens = await forgeChain([{ [TOOL]: grant }]);
  const presentation = { aat_chain: tokens, aat_pop: await forgeProof(tokens, TOOL, args) };
  const common = { by: 'holder', presentation, tool: TOOL } as const;
  return [
    { ...common, name: `call: ${name}, as text`, args: JSON.stringify(args) },
    { ...common, name: `call: ${name}, as object`, args },
  ];
}

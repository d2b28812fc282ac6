import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';
import { url } from '../../src/constraint/url.ts';
import { listing, make, relationOf, tryEveryPair } from './soundness.ts';
import { universeOf } from './universe.ts';

const relation = relationOf(url);
const { constraints, values } = universeOf('url');
const own = constraints.map((constraint) => make(url, constraint));
const other = (constraint: JsonObject): Constraint => constraint as Constraint;

const rest = { schemes: ['https'], path: { root: '/v1', reach: 'subtree' } };
const at = (members: JsonObject): Constraint => make(url, { ...rest, ...members });

describe('url subsumes', () => {
  test.each([
    ['the same', { host: 'a.test' }, { host: 'a.test' }],
    ['fewer schemes', { host: 'a.test', schemes: ['http', 'https'] }, { host: 'a.test' }],
    [
      'schemes in another order',
      { host: 'a.test', schemes: ['http', 'https'] },
      { host: 'a.test', schemes: ['https', 'http'] },
    ],
    ['a host below the suffix', { host_suffix: 'b.test' }, { host: 'a.b.test' }],
    ['the same suffix', { host_suffix: 'b.test' }, { host_suffix: 'b.test' }],
    ['a longer suffix', { host_suffix: 'b.test' }, { host_suffix: 'a.b.test' }],
    [
      'a smaller region',
      { host: 'a.test' },
      { host: 'a.test', path: { root: '/v1/users', reach: 'children' } },
    ],
    ['no query any more', { host: 'a.test', query: 'any' }, { host: 'a.test' }],
    ['the same query', { host: 'a.test', query: 'any' }, { host: 'a.test', query: 'any' }],
    ['the same port', { host: 'a.test', port: 8443 }, { host: 'a.test', port: 8443 }],
    ['the default port written out', { host: 'a.test' }, { host: 'a.test', port: 443 }],
    ['the default port left out', { host: 'a.test', port: 443 }, { host: 'a.test' }],
    [
      'default ports scheme by scheme',
      { host: 'a.test', schemes: ['http', 'https'] },
      { host: 'a.test', port: 443 },
    ],
  ])('accepts %s', (_, parent, child) => {
    expect(relation.subsumes(at(parent), at(child))).toBe(true);
  });

  test.each([
    ['a scheme more', { host: 'a.test' }, { host: 'a.test', schemes: ['https', 'http'] }],
    ['another host', { host: 'a.test' }, { host: 'b.test' }],
    ['H16 a host below an exact host', { host: 'b.test' }, { host: 'a.b.test' }],
    ['H16 a suffix under an exact host', { host: 'b.test' }, { host_suffix: 'b.test' }],
    ['H16 the suffix itself as host', { host_suffix: 'b.test' }, { host: 'b.test' }],
    [
      'H16 a host that only ends in the same letters',
      { host_suffix: 'b.test' },
      { host: 'ab.test' },
    ],
    [
      'H16 a suffix that only ends in the same letters',
      { host_suffix: 'b.test' },
      { host_suffix: 'ab.test' },
    ],
    ['H16 a shorter suffix', { host_suffix: 'a.b.test' }, { host_suffix: 'b.test' }],
    [
      'H16 an internationalized host in front of the suffix',
      { host_suffix: 'b.test' },
      { host: 'xn--bcher-kva.b.test' },
    ],
    [
      'H16 an internationalized suffix in front of the suffix',
      { host_suffix: 'b.test' },
      { host_suffix: 'xn--bcher-kva.b.test' },
    ],
    ['H17 an address below a suffix', { host_suffix: 'b.test' }, { host: '127.0.0.1' }],
    [
      'a larger region',
      { host: 'a.test' },
      { host: 'a.test', path: { root: '/', reach: 'subtree' } },
    ],
    [
      'H01 a sibling region',
      { host: 'a.test' },
      { host: 'a.test', path: { root: '/v1x', reach: 'self' } },
    ],
    ['a query', { host: 'a.test' }, { host: 'a.test', query: 'any' }],
    ['another port', { host: 'a.test', port: 8443 }, { host: 'a.test', port: 8444 }],
    ['the default port instead of another', { host: 'a.test', port: 8443 }, { host: 'a.test' }],
    ['a port where the default was meant', { host: 'a.test' }, { host: 'a.test', port: 8443 }],
    [
      'a port that is the default of another scheme only',
      { host: 'a.test', schemes: ['http', 'https'] },
      { host: 'a.test', schemes: ['http', 'https'], port: 443 },
    ],
    [
      'default ports where one port was meant',
      { host: 'a.test', schemes: ['http', 'https'], port: 443 },
      { host: 'a.test', schemes: ['http', 'https'] },
    ],
  ])('refuses %s', (_, parent, child) => {
    expect(relation.subsumes(at(parent), at(child))).toBe(false);
  });

  test('an exact value and every listed value must pass the check', () => {
    const parent = at({ host_suffix: 'b.test' });
    const exact = (value: string): Constraint => other({ constraint_type: 'exact', value });
    expect(relation.subsumes(parent, exact('https://a.b.test/v1'))).toBe(true);
    expect(relation.subsumes(parent, exact('https://b.test/v1'))).toBe(false);
    expect(relation.subsumes(parent, exact('https://a.b.test:443/v1'))).toBe(false);
    const pages = ['https://a.b.test/v1', 'https://c.b.test/v1/x'];
    expect(relation.subsumes(parent, other({ constraint_type: 'one_of', values: pages }))).toBe(
      true,
    );
    expect(
      relation.subsumes(
        parent,
        other({ constraint_type: 'one_of', values: [...pages, 'https://c.b.test/v2'] }),
      ),
    ).toBe(false);
  });

  test.each([
    { constraint_type: 'wildcard' },
    { constraint_type: 'not_one_of', excluded: ['https://b.test/'] },
    { constraint_type: 'subset', allowed: ['https://a.b.test/v1'] },
    { constraint_type: 'path', root: '/v1', reach: 'self' },
    {
      constraint_type: 'any',
      constraints: [{ constraint_type: 'exact', value: 'https://a.b.test/v1' }],
    },
  ])('K02 a child of another type is refused: %j', (child) => {
    expect(relation.subsumes(at({ host_suffix: 'b.test' }), other(child))).toBe(false);
  });
});

describe('url over the universe', () => {
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
  const schemes = fc.constantFrom(['https'], ['http'], ['http', 'https']);
  const host = fc
    .array(fc.constantFrom('a', 'b', 'xn--bcher-kva'), { maxLength: 2 })
    .map((labels) => [...labels, 'b', 'test'].join('.'));
  const place = fc.tuple(fc.constantFrom('host', 'host_suffix'), host);
  const port = fc.constantFrom({}, {}, { port: 80 }, { port: 443 }, { port: 8443 });
  const path = fc.record({
    root: fc.constantFrom('/', '/a', '/a/b', '/ab'),
    reach: fc.constantFrom('self', 'children', 'descendants', 'subtree'),
  });
  const query = fc.constantFrom({}, { query: 'any' });
  const parts: fc.Arbitrary<Parts> = fc.tuple(schemes, place, port, path, query);
  // A child keeps most members of its parent, else hardly any pair would be accepted.
  const family: fc.Arbitrary<readonly [Constraint, Constraint]> = fc
    .tuple(parts, parts, fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 5, maxLength: 5 }))
    .map(([outer, fresh, dice]) => {
      const inner = outer.map((part, index) => (dice[index] === 0 ? fresh[index] : part));
      return [assemble(outer), assemble(inner as unknown as Parts)];
    });
  const front = fc.constantFrom('', '', 'a.', 'b.', 'xn--bcher-kva.');
  const tail = fc.constantFrom('/', '/a', '/a/b', '/a/b/a', '/ab', '/a?q', '/ab/a?q');
  const ports = fc.constantFrom('', '', ':80', ':443', ':8443');
  const scheme = fc.constantFrom('https', 'http');
  let tried = 0;
  fc.assert(
    fc.property(family, scheme, front, ports, tail, ([parent, child], ...pieces) => {
      const name = String(child['host'] ?? child['host_suffix']);
      const value = `${pieces[0]}://${pieces[1]}${name}${pieces[2]}${pieces[3]}`;
      if (!relation.subsumes(parent, child) || !relation.check(child, value)) return;
      tried += 1;
      expect(relation.check(parent, value)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
  expect(tried).toBeGreaterThan(50);
});

type Parts = readonly [
  schemes: readonly string[],
  place: readonly [member: string, host: string],
  port: JsonObject,
  path: JsonObject,
  query: JsonObject,
];

function assemble([schemes, [member, host], port, path, query]: Parts): Constraint {
  return make(url, { schemes, [member]: host, path, ...port, ...query });
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidr } from '../../src/constraint/cidr.ts';
import type { Constraint, JsonObject } from '../../src/constraint/type.ts';
import { listing, make, relationOf, tryEveryPair } from './soundness.ts';
import { universeOf } from './universe.ts';

const relation = relationOf(cidr);
const { constraints, values } = universeOf('cidr');
const own = constraints.map((constraint) => make(cidr, constraint));
const net = (network: string): Constraint => make(cidr, { network });
const other = (constraint: JsonObject): Constraint => constraint as Constraint;

describe('cidr subsumes', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.0/8', '10.128.0.0/9'],
    ['10.0.0.0/8', '10.1.2.3/32'],
    ['0.0.0.0/0', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::/32', '2001:db8:1::/48'],
    ['::/0', '2001:db8::/32'],
    ['::1/128', '::1/128'],
  ])('%s accepts the narrower %s', (parent, child) => {
    expect(relation.subsumes(net(parent), net(child))).toBe(true);
  });

  test.each([
    ['10.0.0.0/9', '10.0.0.0/8', 'wider'],
    ['10.0.0.0/9', '10.128.0.0/9', 'the other half'],
    ['10.0.0.0/8', '11.0.0.0/8', 'the neighbour'],
    ['10.0.0.0/8', '0.0.0.0/0', 'H17 everything'],
    ['10.0.0.0/8', '0.0.0.0/32', 'longer prefix elsewhere'],
    ['0.0.0.0/0', '::/0', 'H17 the other family'],
    ['::/0', '10.0.0.0/8', 'H17 the other family'],
    ['::/96', '0.0.0.0/32', 'H17 the other family'],
    ['0.0.0.0/0', '::/128', 'H17 the other family'],
    ['2001:db8:1::/48', '2001:db8::/32', 'wider'],
  ])('%s refuses %s: %s', (parent, child) => {
    expect(relation.subsumes(net(parent), net(child))).toBe(false);
  });

  test('an exact value and every listed value must pass the check', () => {
    const exact = (value: string): Constraint => other({ constraint_type: 'exact', value });
    const listed = (...list: string[]): Constraint =>
      other({ constraint_type: 'one_of', values: list });
    expect(relation.subsumes(net('10.0.0.0/8'), exact('10.1.2.3'))).toBe(true);
    expect(relation.subsumes(net('10.0.0.0/8'), exact('10.1.2.03'))).toBe(false);
    expect(relation.subsumes(net('10.0.0.0/8'), exact('10.0.0.0/8'))).toBe(false);
    expect(relation.subsumes(net('10.0.0.0/8'), exact('::ffff:10.1.2.3'))).toBe(false);
    expect(relation.subsumes(net('10.0.0.0/8'), listed('10.1.2.3', '10.0.0.0'))).toBe(true);
    expect(relation.subsumes(net('10.0.0.0/8'), listed('10.1.2.3', '11.0.0.0'))).toBe(false);
  });

  test.each([
    { constraint_type: 'wildcard' },
    { constraint_type: 'not_one_of', excluded: ['11.0.0.0'] },
    { constraint_type: 'subset', allowed: ['10.1.2.3'] },
    { constraint_type: 'any', constraints: [{ constraint_type: 'cidr', network: '10.0.0.0/8' }] },
    {
      constraint_type: 'url',
      schemes: ['https'],
      host: '10.1.2.3',
      path: { root: '/', reach: 'self' },
    },
  ])('K02 a child of another type is refused: %j', (child) => {
    expect(relation.subsumes(net('0.0.0.0/0'), other(child))).toBe(false);
  });
});

describe('cidr over the universe', () => {
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

test('no accepted pair of generated networks admits a generated address that the parent refuses', () => {
  const bits = fc.tuple(fc.constantFrom(0, 8, 9, 12, 15, 16, 17, 24, 31, 32), fc.nat(0xffff_ffff));
  const generated = bits.map(([prefix, random]) => {
    // The first byte from few, so that networks meet; the bits behind the prefix cleared.
    const address = (10n << 24n) | (BigInt(random) & 0x0101_8181n);
    return { prefix, address: (address >> BigInt(32 - prefix)) << BigInt(32 - prefix) };
  });
  const write = (address: bigint): string =>
    [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
  let tried = 0;
  fc.assert(
    fc.property(generated, generated, fc.nat(0xffff_ffff), (outer, inner, random) => {
      const parent = net(`${write(outer.address)}/${outer.prefix}`);
      const child = net(`${write(inner.address)}/${inner.prefix}`);
      const value = write(
        inner.address | (BigInt(random) & ((1n << BigInt(32 - inner.prefix)) - 1n)),
      );
      expect(relation.check(child, value)).toBe(true);
      if (!relation.subsumes(parent, child)) return;
      tried += 1;
      expect(relation.check(parent, value)).toBe(true);
    }),
    { numRuns: 5000 },
  );
  expect(tried).toBeGreaterThan(50);
});

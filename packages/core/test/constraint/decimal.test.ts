import { describe, expect, test } from 'vitest';
import { decimal, MAX_INTEGER_DIGITS, MAX_SCALE } from '../../src/constraint/decimal.ts';
import type { JsonValue } from '../../src/constraint/type.ts';
import { make, NO_CLAUSES, wellFormed } from './soundness.ts';

function admits(min: string, max: string, scale: number, value: JsonValue): boolean {
  return decimal.check(make(decimal, { min, max, scale }), value, NO_CLAUSES);
}

/** Wide enough that a refusal can only come from the form of the value. */
const anything = (value: JsonValue): boolean => admits('-1000000', '1000000', MAX_SCALE, value);

describe('bounds', () => {
  test('I16 both bounds are included', () => {
    const values = ['0.99', '1', '1.00', '5', '9.99', '10', '10.00', '10.01'];
    expect(values.filter((value) => admits('1', '10', 2, value))).toEqual(values.slice(1, -1));
  });

  test('are compared by value, not as text', () => {
    expect(admits('2', '10', 0, '9')).toBe(true);
    expect(admits('2', '9', 0, '10')).toBe(false);
    expect(admits('0.5', '0.75', 2, '0.6')).toBe(true);
    expect(admits('0.05', '0.1', 2, '0.09')).toBe(true);
    expect(admits('0.05', '0.1', 2, '0.9')).toBe(false);
  });

  test('I02 a negative amount needs a negative lower bound', () => {
    expect(admits('0', '100', 2, '0')).toBe(true);
    expect(admits('0', '100', 2, '-0.01')).toBe(false);
    expect(admits('0', '100', 2, '-50')).toBe(false);
    expect(admits('-50', '100', 2, '-50')).toBe(true);
    expect(admits('-50', '-10', 2, '-9.99')).toBe(false);
    expect(admits('-50', '-10', 2, '-50.01')).toBe(false);
    expect(admits('-50', '-10', 2, '-20')).toBe(true);
  });

  test('I03 I06 every digit counts beyond 2^53 and beyond 64 bits', () => {
    expect(admits('0', '9007199254740992', 0, '9007199254740992')).toBe(true);
    expect(admits('0', '9007199254740992', 0, '9007199254740993')).toBe(false);
    expect(admits('0', '9223372036854775807', 0, '9223372036854775807')).toBe(true);
    expect(admits('0', '9223372036854775807', 0, '9223372036854775808')).toBe(false);
    expect(admits('0', '100', 0, '18446744073709551617')).toBe(false);
    expect(admits('0', '100', 0, '4294967297')).toBe(false);
    expect(admits('-100', '0', 0, '-18446744073709551617')).toBe(false);
  });

  test('I04 a fraction is exact: 0.3 is the sum of 0.1 and 0.2', () => {
    expect(admits('0.3', '0.3', 18, '0.3')).toBe(true);
    expect(admits('0.3', '0.3', 18, '0.30')).toBe(true);
    expect(admits('0', '0.3', 18, '0.300000000000000001')).toBe(false);
    expect(admits('0', '0.3', 18, '0.299999999999999999')).toBe(true);
  });
});

describe('scale', () => {
  test('is the greatest number of digits behind the point, zeros counted', () => {
    expect(admits('0', '100', 2, '10')).toBe(true);
    expect(admits('0', '100', 2, '10.0')).toBe(true);
    expect(admits('0', '100', 2, '10.00')).toBe(true);
    expect(admits('0', '100', 2, '10.000')).toBe(false);
    expect(admits('0', '100', 2, '10.005')).toBe(false);
    expect(admits('0', '100', 0, '10')).toBe(true);
    expect(admits('0', '100', 0, '10.0')).toBe(false);
  });
});

describe('form', () => {
  test.each([
    '0',
    '5',
    '10',
    '10.50',
    '0.5',
    '0.00',
    '-1',
    '-0.5',
    '1000000',
    '0.000000000000000001',
  ])('%j is a decimal', (value) => {
    expect(anything(value)).toBe(true);
  });

  test.each(['NaN', 'Infinity', '-Infinity', 'null', ''])('I01 %j is no decimal', (value) => {
    expect(anything(value)).toBe(false);
  });

  test.each(['-0', '-0.0', '-0.000000000000000000'])('I02 %j: zero has no sign', (value) => {
    expect(anything(value)).toBe(false);
  });

  test.each(['1e3', '1E3', '1e-3', '1e400', '1e1000000', '0x10', '0b1', '0o7', '5n'])(
    'I03 I05 %j: no exponent and no other base',
    (value) => {
      expect(anything(value)).toBe(false);
    },
  );

  test.each([
    ' 5',
    '5 ',
    '5\n',
    '\t5',
    '5\u00a0',
    '\ufeff5',
    '1,000',
    '1.000,00',
    '1_000',
    '1 000',
    "1'000",
    '1.2.3',
    '5 EUR',
    '$5',
    '5%',
    '1/2',
  ])('I05 %j: nothing but digits, one point and a minus', (value) => {
    expect(anything(value)).toBe(false);
  });

  test.each(['+5', '--5', '- 5', '00', '007', '-01', '00.5', '.5', '-.5', '5.', '.', '-', '5.-1'])(
    'I05 %j: one spelling for the digits in front',
    (value) => {
      expect(anything(value)).toBe(false);
    },
  );

  test.each(['\u0665', '\uff15', '\u22125', '\u2460', '5\u0301', '\u06f5.\u06f0'])(
    'H08 %j: ASCII digits only',
    (value) => {
      expect(anything(value)).toBe(false);
    },
  );

  test.each([
    [5],
    [5.5],
    [0],
    [-0],
    [1e21],
    [null],
    [true],
    [['5']],
    [[5]],
    [[]],
    [{ valueOf: '5' }],
  ])('I01 I03 I04 I05 %j is not a string', (value) => {
    expect(anything(value)).toBe(false);
  });

  test('R12 refuses the first digit over the bound, in front and behind', () => {
    const [front, behind] = ['9'.repeat(MAX_INTEGER_DIGITS), '9'.repeat(MAX_SCALE)];
    const open = (value: JsonValue): boolean => admits(`-${front}`, front, MAX_SCALE, value);
    expect([MAX_INTEGER_DIGITS, MAX_SCALE]).toEqual([30, 18]);
    expect(open(front)).toBe(true);
    expect(open(`-${front}`)).toBe(true);
    expect(open(`9${front}`)).toBe(false);
    expect(open(`0.${behind}`)).toBe(true);
    expect(open(`0.${behind}0`)).toBe(false);
    expect(open(`-${front.slice(1)}.${behind}`)).toBe(true);
    expect(open('1'.repeat(1_000_000))).toBe(false);
  });
});

describe('well-formedness', () => {
  test.each([
    ['0', '100', 2],
    ['0', '0', 0],
    ['-1', '1', 18],
    ['10.50', '10.5', 2],
  ])('min %j, max %j, scale %j is well-formed', (min, max, scale) => {
    expect(wellFormed(decimal, { min, max, scale })).toBe(true);
  });

  test('I16 a lower bound above the upper one is malformed', () => {
    expect(wellFormed(decimal, { min: '10', max: '9.99', scale: 2 })).toBe(false);
    expect(wellFormed(decimal, { min: '-1', max: '-2', scale: 2 })).toBe(false);
  });

  test('H11 every member is required: none is unbounded when absent', () => {
    expect(wellFormed(decimal, { max: '1', scale: 2 })).toBe(false);
    expect(wellFormed(decimal, { min: '1', scale: 2 })).toBe(false);
    expect(wellFormed(decimal, { min: '1', max: '1' })).toBe(false);
  });

  test.each([
    [5],
    [null],
    [''],
    ['1e3'],
    ['-0'],
    ['05'],
    ['5.005'],
    ['Infinity'],
    ['1'.repeat(31)],
  ])('I01 I05 bound %j is malformed', (bound) => {
    expect(wellFormed(decimal, { min: bound, max: '1000', scale: 2 })).toBe(false);
    expect(wellFormed(decimal, { min: '-1000', max: bound, scale: 2 })).toBe(false);
  });

  test.each([[-1], [19], [1.5], ['2'], [null], [true], [[2]], [1e21]])(
    'I05 scale %j is malformed',
    (scale) => {
      expect(wellFormed(decimal, { min: '0', max: '1', scale })).toBe(false);
    },
  );
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAmount, isAmount, isZero, parseAmount } from '../../src/budget/amount.ts';

const UNIT = 10n ** 18n;

describe('an amount', () => {
  test('I03 I04 I06 is read exactly, to the last of 18 digits', () => {
    expect(parseAmount('0')).toBe(0n);
    expect(parseAmount('12.50')).toBe((UNIT * 25n) / 2n);
    expect(parseAmount('0.000000000000000001')).toBe(1n);
    expect(parseAmount('9007199254740993')).toBe(9007199254740993n * UNIT);
    expect(parseAmount('9223372036854775808')).toBe((1n << 63n) * UNIT);
    expect(parseAmount(`${'9'.repeat(30)}.${'9'.repeat(18)}`)).toBe(10n ** 48n - 1n);
  });

  test('I01 I02 I03 I05 in any other form is none', () => {
    const texts = ['-1', '-0', '-0.00', '+1', '1e3', '1E3', '0x10', '0b1', ' 5', '5 ', '5\n', '05'];
    const more = ['00', '.5', '5.', '1,0', '1_000', '', '.', 'NaN', 'Infinity', '٣', '1.2.3'];
    const long = ['1e400', `1${'0'.repeat(30)}`, `0.${'0'.repeat(18)}1`, '9'.repeat(1e6)];
    const others = [1, 0, -0, Number.NaN, Infinity, 5n, ['5'], { valueOf: () => 5 }, null, true];
    for (const value of [...texts, ...more, ...long, ...others, undefined, Object('5')]) {
      expect(parseAmount(value)).toBe(undefined);
      expect(isAmount(value)).toBe(false);
    }
  });

  test('I07 is zero when it is nothing, however written', () => {
    for (const zero of ['0', '0.0', '0.000000000000000000']) expect(isZero(zero)).toBe(true);
    for (const other of ['0.000000000000000001', '1', '-0', '']) expect(isZero(other)).toBe(false);
  });

  test('is written in its shortest form, and read back the same', () => {
    expect(
      ['12.50', '100', '0.10', '0'].map((text) => formatAmount(parseAmount(text) ?? -1n)),
    ).toEqual(['12.5', '100', '0.1', '0']);
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 48n - 1n), (units) => {
        expect(parseAmount(formatAmount(units))).toBe(units);
      }),
    );
  });

  test('adds up like whole numbers of its least digit', () => {
    const cents = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(cents, (list) => {
        const sum = list.reduce((total, each) => {
          const text = `${Math.floor(each / 100)}.${String(each % 100).padStart(2, '0')}`;
          return total + (parseAmount(text) ?? 0n);
        }, 0n);
        expect(sum).toBe((BigInt(list.reduce((total, each) => total + each, 0)) * UNIT) / 100n);
      }),
    );
  });
});

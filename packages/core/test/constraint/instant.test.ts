import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instant } from '../../src/constraint/instant.ts';
import type { JsonValue } from '../../src/constraint/type.ts';
import { make, NO_CLAUSES, wellFormed } from './soundness.ts';

function admits(not_before: string, not_after: string, value: JsonValue): boolean {
  return instant.check(make(instant, { not_before, not_after }), value, NO_CLAUSES);
}

/** All of time, so that a refusal can only come from the form of the value. */
const ever = (value: JsonValue): boolean =>
  admits('0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', value);

describe('bounds', () => {
  test('J13 both ends are included, to the nanosecond', () => {
    const within = (value: string): boolean =>
      admits('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', value);
    expect(within('2025-12-31T23:59:59.999999999Z')).toBe(false);
    expect(within('2026-01-01T00:00:00Z')).toBe(true);
    expect(within('2026-01-01T12:30:00.5Z')).toBe(true);
    expect(within('2026-01-02T00:00:00Z')).toBe(true);
    expect(within('2026-01-02T00:00:00.000000001Z')).toBe(false);
  });

  test('a fraction counts by value: .5 and .500 are the same instant, .10 is after .09', () => {
    const half = '2026-01-01T00:00:00.5Z';
    expect(admits(half, half, '2026-01-01T00:00:00.500Z')).toBe(true);
    expect(admits(half, half, '2026-01-01T00:00:00.50001Z')).toBe(false);
    expect(
      admits('2026-01-01T00:00:00.09Z', '2026-01-01T00:00:00.5Z', '2026-01-01T00:00:00.10Z'),
    ).toBe(true);
    expect(admits('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.0Z')).toBe(
      true,
    );
  });
});

describe('form', () => {
  test.each([
    '2026-06-30T12:00:00Z',
    '2026-06-30T00:00:00.0Z',
    '2026-06-30T23:59:59.999999999Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2024-02-29T00:00:00Z',
    '2000-02-29T00:00:00Z',
  ])('%j is in the profile', (value) => {
    expect(ever(value)).toBe(true);
  });

  test.each([
    '2026-06-30T24:00:00Z',
    '2026-06-30T23:59:60Z',
    '2016-12-31T23:59:60Z',
    '2026-06-30T12:60:00Z',
    '2026-06-30T25:00:00Z',
  ])('C19 %j: no hour 24, no leap second, no minute 60', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    '2026-06-30t12:00:00Z',
    '2026-06-30T12:00:00z',
    '2026-06-30 12:00:00Z',
    '2026-06-30_12:00:00Z',
  ])('C19 %j: T and Z in upper case', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each(['2026-06-30T12:00:00', '2026-06-30', '2026-06-30T12:00:00.000'])(
    'J10 C19 %j: never without a zone',
    (value) => {
      expect(ever(value)).toBe(false);
    },
  );

  test.each([
    '2026-06-30T12:00:00+00:00',
    '2026-06-30T12:00:00-00:00',
    '2026-06-30T12:00:00+02:00',
    '2026-06-30T12:00:00+0000',
    '2026-06-30T12:00:00UTC',
    '2026-06-30T12:00:00ZZ',
    '2026-06-30T12:00:00Z+02:00',
    '2026-06-30T12:00:00Z[UTC]',
  ])('C19 %j: no offset, Z alone', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-06-31T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '0000-01-01T00:00:00Z',
  ])('C19 %j: no such day', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    '26-06-30T12:00:00Z',
    '10000-01-01T00:00:00Z',
    '+02026-06-30T12:00:00Z',
    '-0001-01-01T00:00:00Z',
    '2026-6-30T12:00:00Z',
    '2026-06-30T1:00:00Z',
    '2026-06-30T12:00Z',
    '2026-06-30T12Z',
    '20260630T120000Z',
    '2026-181T12:00:00Z',
    '2026-W27-2T12:00:00Z',
    '2026/06/30T12:00:00Z',
  ])('C19 %j: every field, at its width', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    '2026-06-30T12:00:00.Z',
    '2026-06-30T12:00:00,5Z',
    '2026-06-30T12:00:00.1234567890Z',
    '2026-06-30T12:00.5Z',
    '2026-06-30T12:00:00.5.5Z',
    '2026-06-30T12:00:00.-5Z',
  ])('C19 %j: a point and one to nine digits', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    ' 2026-06-30T12:00:00Z',
    '2026-06-30T12:00:00Z ',
    '2026-06-30T12:00:00Z\n',
    '\u0662026-06-30T12:00:00Z',
    '\uff12026-06-30T12:00:00Z',
    '\u0662\u0660\u0662\u0666-06-30T12:00:00Z',
    '2026\u201006-30T12:00:00Z',
    '',
    'now',
    'never',
    '9'.repeat(100_000),
  ])('H08 H10 %j: nothing around it, ASCII only', (value) => {
    expect(ever(value)).toBe(false);
  });

  test.each([
    [1782820800],
    [1782820800000],
    ['1782820800'],
    [null],
    [true],
    [['2026-06-30T12:00:00Z']],
    [{}],
    [0],
  ])('J03 J02 %j is not an RFC 3339 string', (value) => {
    expect(ever(value)).toBe(false);
  });

  test('C19 a day is admitted exactly when the Gregorian calendar has it', () => {
    const years = [
      '0001',
      '0004',
      '0100',
      '0400',
      '1582',
      '1900',
      '2000',
      '2023',
      '2024',
      '2100',
      '2400',
      '9999',
    ];
    const numbers = Array.from({ length: 34 }, (_, index) => String(index).padStart(2, '0'));
    for (const year of years) {
      for (const month of numbers.slice(0, 15)) {
        for (const day of numbers) {
          const text = `${year}-${month}-${day}T00:00:00Z`;
          const milliseconds = Date.parse(text);
          const real =
            !Number.isNaN(milliseconds) &&
            new Date(milliseconds).toISOString() === `${text.slice(0, -1)}.000Z`;
          expect([text, ever(text)]).toEqual([text, real]);
        }
      }
    }
  });
});

test('order agrees with the order of milliseconds since the epoch', () => {
  const moment = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(moment, moment, moment, (one, two, value) => {
      const [first, last] = [one, two].sort((left, right) => left.getTime() - right.getTime());
      if (first === undefined || last === undefined) return expect.unreachable();
      const constraint = make(instant, {
        not_before: first.toISOString(),
        not_after: last.toISOString(),
      });
      expect(instant.check(constraint, value.toISOString(), NO_CLAUSES)).toBe(
        value >= first && value <= last,
      );
    }),
  );
});

describe('well-formedness', () => {
  const end = '2026-06-30T12:00:00Z';

  test('one instant is a window; an end before its beginning is malformed', () => {
    expect(wellFormed(instant, { not_before: end, not_after: end })).toBe(true);
    expect(
      wellFormed(instant, { not_before: '2026-06-30T12:00:00.000000001Z', not_after: end }),
    ).toBe(false);
    expect(wellFormed(instant, { not_before: '2026-06-30T12:00:00.000Z', not_after: end })).toBe(
      true,
    );
  });

  test('H11 J01 neither end may be absent', () => {
    expect(wellFormed(instant, { not_before: end })).toBe(false);
    expect(wellFormed(instant, { not_after: end })).toBe(false);
  });

  test.each([
    [null],
    [''],
    ['never'],
    [1782820800],
    ['2026-06-30'],
    ['2026-06-30T24:00:00Z'],
    ['2026-06-30T12:00:00+00:00'],
    [[end]],
  ])('J01 J10 C19 end %j is malformed', (bound) => {
    expect(wellFormed(instant, { not_before: bound, not_after: '9999-12-31T00:00:00Z' })).toBe(
      false,
    );
    expect(wellFormed(instant, { not_before: '0001-01-01T00:00:00Z', not_after: bound })).toBe(
      false,
    );
  });
});

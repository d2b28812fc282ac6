import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { path } from '../../src/constraint/path.ts';
import { make, NO_CLAUSES } from './soundness.ts';
import { universeOf } from './universe.ts';

const below = make(path, { root: '/data', reach: 'descendants' });
const nasty = fc.oneof(
  fc.constantFrom(
    '.',
    '..',
    '/',
    '//',
    '\\',
    '%2e',
    ':',
    ' ',
    'a',
    'b',
    '\u0000',
    '\uff0e',
    '\uff0f',
    '\u2025',
    '\u200b',
    '~',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const candidate = fc.oneof(
  fc.array(nasty, { maxLength: 8 }).map((parts) => `/data/${parts.join('')}`),
  fc.array(nasty, { maxLength: 8 }).map((parts) => `/data/${parts.join('/')}`),
  fc.constantFrom(...universeOf('path').values.filter((value) => typeof value === 'string')),
);

/** Segments as whoever opens the path may come to see them. */
const readings: readonly ((value: string) => string)[] = [
  posix.normalize,
  (value) => win32.normalize(value).replaceAll('\\', '/'),
  (value) => posix.normalize(value.normalize('NFC')),
  (value) => posix.normalize(value.normalize('NFKC')),
  (value) => posix.normalize(decodeURIComponent(value)),
  (value) => new URL(`file://${value.replaceAll('#', '%23').replaceAll('?', '%3F')}`).pathname,
];

test('H02 H09 an admitted path lies below its root however it is normalized, decoded or folded', () => {
  let admitted = 0;
  fc.assert(
    fc.property(candidate, (value) => {
      if (!path.check(below, value, NO_CLAUSES)) return;
      admitted += 1;
      expect(posix.normalize(value)).toBe(value);
      expect(value.isWellFormed()).toBe(true);
      for (const read of readings) {
        expect(read(value).split('/').length).toBe(value.split('/').length);
        expect(read(value).startsWith('/data/')).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
  expect(admitted).toBeGreaterThan(100);
});

test('any string at all gets a verdict without an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (value) => {
      expect(typeof path.check(below, `/data/${value}`, NO_CLAUSES)).toBe('boolean');
    }),
  );
});

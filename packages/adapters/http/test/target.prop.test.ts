import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeQueryValue, encodeSegment, parseTarget } from '../src/target.ts';

/** Targets near the edge: made of the pieces that parsers disagree about. */
const pieces = fc
  .array(
    fc.constantFrom(
      '/',
      'a',
      'B',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2F',
      '%C3%BC',
      '%25',
      '%',
      ';',
      '\\',
      '?',
      '&',
      '=',
      '+',
      '#',
      ' ',
      '@',
      ':',
      '//',
      'ü',
      '%00',
      '\t',
    ),
    { maxLength: 14 },
  )
  .map((parts) => `/${parts.join('')}`);

test('a target that is accepted means the same to the URL parser of the web, which changes nothing in it', () => {
  let accepted = 0;
  fc.assert(
    fc.property(pieces, (target) => {
      const parsed = parseTarget(target);
      if (parsed === undefined) return;
      accepted += 1;
      const url = new URL(`http://pay.example${target}`);
      expect(url.pathname + url.search).toBe(target);
      expect(url.host + url.hash).toBe('pay.example');
      const segments = url.pathname.slice(1).split('/').map(decodeURIComponent);
      expect(parsed.segments).toEqual(url.pathname === '/' ? [] : segments);
      expect([...parsed.query]).toEqual([...url.searchParams]);
    }),
    { numRuns: 5000 },
  );
  expect(accepted).toBeGreaterThan(100);
});

test('what the client encodes is what the server reads', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (value) => {
      const segment = encodeSegment(value);
      if (segment !== undefined) expect(parseTarget(`/${segment}`)?.segments).toEqual([value]);
      const text = encodeQueryValue(value);
      if (text !== undefined) expect(parseTarget(`/?a=${text}`)?.query.get('a')).toBe(value);
    }),
    { numRuns: 2000 },
  );
  expect(encodeSegment('ü b')).toBe('%C3%BC%20b');
  expect(encodeSegment('..')).toBeUndefined();
});

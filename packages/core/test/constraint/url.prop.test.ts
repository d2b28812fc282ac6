import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Constraint, JsonValue } from '../../src/constraint/type.ts';
import { url } from '../../src/constraint/url.ts';
import { make, NO_CLAUSES } from './soundness.ts';
import { universeOf } from './universe.ts';

const schemes = ['http', 'https', 'ws', 'wss'];
const hosts = [
  'example.com',
  'a.example.com',
  'xn--bcher-kva.example.com',
  'localhost',
  '127.0.0.1',
  '[::1]',
  '[2001:db8::a]',
];
const open = { path: { root: '/', reach: 'subtree' }, query: 'any', schemes };
const ports = [undefined, 8443, 80, 443];
const constraints: readonly Constraint[] = ports.flatMap((port) =>
  [...hosts.map((host) => ({ host })), { host_suffix: 'example.com' }].map((place) =>
    make(url, { ...open, ...place, ...(port === undefined ? {} : { port }) }),
  ),
);
const admittedBy = (value: JsonValue): Constraint | undefined =>
  constraints.find((constraint) => url.check(constraint, value, NO_CLAUSES));

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '.',
    '..',
    '%',
    '%2e',
    '%2F',
    '%C3%A9',
    '%20',
    '?',
    '#',
    '@',
    ':',
    ';',
    '\\',
    'a',
    '443',
    '[',
    ']',
    "'",
    '|',
    ' ',
    '\t',
    '\n',
  ),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
);
const candidate = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...schemes),
      fc.constantFrom('', 'a.', 'u@', '.'),
      fc.constantFrom(...hosts),
      fc.constantFrom('', ':443', ':80', ':8443', ':'),
      fc.array(piece, { maxLength: 6 }),
    )
    .map(
      ([scheme, front, host, port, pieces]) =>
        `${scheme}://${front}${host}${port}/${pieces.join('')}`,
    ),
  fc
    .webUrl({ withQueryParameters: true, withFragments: true })
    .map((text) => text.replace(/\/\/[^/?#]*/, '//a.example.com')),
  fc.constantFrom(...universeOf('url').values.filter((value) => typeof value === 'string')),
);

test('H16 H19 an admitted URL is exactly what the WHATWG parser serializes it to, with nothing hidden in it', () => {
  let admitted = 0;
  fc.assert(
    fc.property(candidate, (value) => {
      const constraint = admittedBy(value);
      if (constraint === undefined) return;
      admitted += 1;
      const read = new URL(value);
      expect(read.href).toBe(value);
      expect([read.username, read.password, read.hash]).toEqual(['', '', '']);
      expect(schemes).toContain(read.protocol.slice(0, -1));
      const { host, host_suffix: suffix } = constraint;
      if (host !== undefined) expect(read.hostname).toBe(host);
      else expect(read.hostname.endsWith(`.${String(suffix)}`)).toBe(true);
      expect(read.pathname.split('/').includes('..')).toBe(false);
      expect(value.startsWith(`${read.origin}${read.pathname}`)).toBe(true);
    }),
    { numRuns: 10_000 },
  );
  expect(admitted).toBeGreaterThan(300);
});

test('H16 H17 a host is well-formed only if the WHATWG parser leaves it as it is', () => {
  const label = fc.oneof(
    fc.constantFrom(
      '0',
      '1',
      '08',
      '0x1',
      '0x',
      '255',
      '256',
      'a',
      '-',
      'a-',
      'xn--bcher-kva',
      '',
      'A',
      '%61',
      '_',
      '*',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 3 }),
  );
  const group = fc.constantFrom('0', '1', 'f', 'ffff', '0db8', 'A', '', '1.2.3.4');
  const host = fc.oneof(
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
    fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => `[${groups.join(':')}]`),
    fc.ipV6().map((text) => `[${text}]`),
    fc.ipV4Extended(),
    fc.domain(),
  );
  let accepted = 0;
  fc.assert(
    fc.property(host, (text) => {
      if (url.validate({ ...open, host: text }, NO_CLAUSES, 1) !== undefined) return;
      accepted += 1;
      expect(new URL(`https://${text}/`).hostname).toBe(text);
    }),
    { numRuns: 10_000 },
  );
  expect(accepted).toBeGreaterThan(300);
});

test('any string at all gets a verdict without an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
      for (const value of [text, `https://example.com/${text}`, `https://${text}/`])
        admittedBy(value);
    }),
  );
});

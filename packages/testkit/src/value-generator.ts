import type { JsonObject, JsonValue } from '@taper/core';
import type { Random } from './random.ts';

/** What an argument is about; constraints of one domain have values in common, so that narrowing means something. */
export const DOMAINS = [
  'number',
  'word',
  'list',
  'path',
  'url',
  'decimal',
  'instant',
  'address',
] as const;
export type Domain = (typeof DOMAINS)[number];

const NUMBERS: readonly number[] = [
  0,
  1,
  -1,
  5,
  10,
  20,
  99,
  100,
  0.5,
  0.1,
  -7.25,
  1e6,
  1e20,
  2 ** 53,
];

/** Words that are easily taken for one another: case, composition, white space, look-alikes, names of the language. */
const WORDS: readonly string[] = [
  'pdf',
  'csv',
  'PDF',
  'pdf ',
  'pd\u0444',
  'caf\u00e9',
  'cafe\u0301',
  'public',
  'release notes',
  'constructor',
  '__proto__',
  '5',
  'true',
  '',
  '\u{1f980}',
  'a"b\\c\n',
];

const SEGMENTS: readonly string[] = [
  'data',
  'data-old',
  'q3',
  'q4',
  'a b',
  'r\u00e9sum\u00e9',
  '...x',
  'x',
];
const HOSTS: readonly string[] = [
  'example.com',
  'api.example.com',
  'eu.api.example.com',
  'notexample.com',
  'example.com.evil.test',
  'evil.test',
  '192.0.2.7',
  '[2001:db8::7]',
];
const URL_SEGMENTS: readonly string[] = ['v1', 'v10', 'items', 'a%20b', 'caf%C3%A9', 'x'];
const DECIMALS: readonly string[] = [
  '0',
  '1',
  '0.5',
  '0.50',
  '9.99',
  '10',
  '-3.2',
  '100.001',
  '99999999999999999999',
];
const INSTANTS: readonly string[] = [
  '2026-01-01T00:00:00Z',
  '2026-06-30T23:59:59Z',
  '2026-06-30T23:59:59.5Z',
  '2026-11-20T12:00:00Z',
  '2024-02-29T12:00:00.000000001Z',
  '2031-12-31T00:00:00Z',
];
const ADDRESSES: readonly string[] = [
  '10.0.0.1',
  '10.0.1.200',
  '10.200.0.1',
  '192.0.2.1',
  '0.0.0.0',
  '2001:db8::1',
  '2001:db8:1::ffff',
  '::1',
];

export function randomPath(random: Random, root: string = '/', longest: number = 3): string {
  const below = Array.from({ length: random.between(root === '/' ? 1 : 0, longest) }, () =>
    random.pick(SEGMENTS),
  );
  return [root === '/' ? '' : root, ...below].join('/') || '/';
}

export function randomUrlPath(random: Random, root: string = '/', longest: number = 2): string {
  const below = Array.from({ length: random.between(root === '/' ? 1 : 0, longest) }, () =>
    random.pick(URL_SEGMENTS),
  );
  return [root === '/' ? '' : root, ...below].join('/') || '/';
}

export function randomHost(random: Random): string {
  return random.pick(HOSTS);
}

export function randomWords(random: Random, longest: number = 4): string[] {
  return Array.from({ length: random.between(0, longest) }, () => random.pick(WORDS));
}

/** A value of the domain, with no constraint in mind. */
export function randomValue(domain: Domain, random: Random): JsonValue {
  switch (domain) {
    case 'number':
      return random.chance(0.5) ? random.pick(NUMBERS) : random.between(-1000, 1000);
    case 'word':
      return random.pick(WORDS);
    case 'list':
      return random.chance(0.1) ? [randomWords(random), { a: 1 }] : randomWords(random);
    case 'path':
      return randomPath(random);
    case 'url':
      return `${random.pick(['https', 'http', 'wss'])}://${randomHost(random)}${random.pick(['', '', ':8443'])}${randomUrlPath(random)}${random.pick(['', '', '?q=1'])}`;
    case 'decimal':
      return random.pick(DECIMALS);
    case 'instant':
      return random.pick(INSTANTS);
    case 'address':
      return random.pick(ADDRESSES);
  }
}

/** Any JSON value at all. */
export function anyValue(random: Random): JsonValue {
  if (random.chance(0.2)) return random.pick([null, true, false, {}, []] as JsonValue[]);
  if (random.chance(0.1)) return { b: [random.pick(NUMBERS)], a: random.pick(WORDS) } as JsonObject;
  return randomValue(random.pick(DOMAINS), random);
}

import type { JsonObject, JsonValue } from '@taper/core';
import type { Scenario } from '@taper/testkit';
import { at, type Case } from '../case.ts';

function single(constraint: JsonObject, value: JsonValue): Scenario {
  return { hops: [{ tools: { t: { a: constraint } } }], tool: 't', args: { a: value } };
}

function pair(parent: JsonObject, child: JsonObject, value: JsonValue): Scenario {
  return {
    hops: [{ tools: { t: { a: parent } } }, { tools: { t: { a: child } } }],
    tool: 't',
    args: { a: value },
  };
}

const refused = at('6b', 'argument_refused', 0);
const malformed = at('3n', 'constraint_malformed', 0);
const wider = at('4p4', 'constraint_widened', 1);

/** Word, constraint, a value outside and why, the nearest value inside. */
type Values = readonly [string, JsonObject, string, JsonValue, JsonValue];

function path(root: string, reach: string): JsonObject {
  return { constraint_type: 'path', root, reach };
}

function url(members: JsonObject): JsonObject {
  return {
    constraint_type: 'url',
    schemes: ['https'],
    host: 'api.example.com',
    path: { root: '/v1', reach: 'subtree' },
    ...members,
  };
}

const ANY_HOST: JsonObject = {
  constraint_type: 'url',
  schemes: ['https'],
  host_suffix: 'example.com',
  path: { root: '/', reach: 'subtree' },
};

function decimal(min: string, max: string, scale: number): JsonObject {
  return { constraint_type: 'decimal', min, max, scale };
}

function instant(not_before: string, not_after: string): JsonObject {
  return { constraint_type: 'instant', not_before, not_after };
}

function cidr(network: string): JsonObject {
  return { constraint_type: 'cidr', network };
}

const YEAR = instant('2026-01-01T00:00:00Z', '2026-12-31T23:59:59Z');

const VALUES: readonly Values[] = [
  [
    'path-outside',
    path('/data', 'subtree'),
    'a sibling whose name begins alike',
    '/data-old/x',
    '/data/old/x',
  ],
  ['path-dots', path('/data', 'subtree'), 'a path with `..`', '/data/../etc', '/data/..etc'],
  ['path-slash', path('/data', 'subtree'), 'an empty segment', '/data//x', '/data/x'],
  ['path-trailing', path('/data', 'subtree'), 'a trailing slash', '/data/x/', '/data/x'],
  ['path-percent', path('/data', 'subtree'), 'a percent sign', '/data/%2e%2e', '/data/2e2e'],
  ['path-backslash', path('/data', 'subtree'), 'a backslash', '/data/..\\x', '/data/x'],
  ['path-nul', path('/data', 'subtree'), 'a NUL', '/data/x\u0000.pdf', '/data/x.pdf'],
  [
    'path-look-alike',
    path('/data', 'subtree'),
    'a fullwidth solidus',
    '/data/..\uff0fx',
    '/data/\u3042',
  ],
  [
    'path-root',
    path('/data', 'descendants'),
    'the root itself under `descendants`',
    '/data',
    '/data/x',
  ],
  [
    'path-grandchild',
    path('/data', 'children'),
    'a grandchild under `children`',
    '/data/x/y',
    '/data/x',
  ],
  ['path-number', path('/data', 'subtree'), 'a number', 7, '/data/7'],
  [
    'url-host',
    url({}),
    'another host',
    'https://api.example.com.evil.test/v1',
    'https://api.example.com/v1',
  ],
  [
    'url-userinfo',
    url({}),
    'user information',
    'https://api.example.com@evil.test/v1',
    'https://api.example.com/v1/@evil.test',
  ],
  [
    'url-scheme',
    url({}),
    'another scheme',
    'http://api.example.com/v1',
    'https://api.example.com/v1/x',
  ],
  [
    'url-case',
    url({}),
    'a host in upper case',
    'https://API.example.com/v1',
    'https://api.example.com/v1/API',
  ],
  [
    'url-port',
    url({}),
    'another port',
    'https://api.example.com:8443/v1',
    'https://api.example.com/v1/8443',
  ],
  [
    'url-default-port',
    url({}),
    'the default port written out',
    'https://api.example.com:443/v1',
    'https://api.example.com/v1',
  ],
  [
    'url-path',
    url({}),
    'a path that leaves the region by an escape',
    'https://api.example.com/v1/%2e%2e/v2',
    'https://api.example.com/v1/v2',
  ],
  [
    'url-query',
    url({}),
    'a query',
    'https://api.example.com/v1?x=1',
    'https://api.example.com/v1/x=1',
  ],
  [
    'url-fragment',
    url({ query: 'any' }),
    'a fragment',
    'https://api.example.com/v1#x',
    'https://api.example.com/v1?x',
  ],
  [
    'url-suffix',
    ANY_HOST,
    'a host that only ends alike',
    'https://notexample.com/',
    'https://not.example.com/',
  ],
  [
    'url-suffix-itself',
    ANY_HOST,
    'the suffix itself',
    'https://example.com/',
    'https://www.example.com/',
  ],
  [
    'url-suffix-xn',
    ANY_HOST,
    'an internationalized label below the suffix',
    'https://xn--80ak6aa92e.example.com/',
    'https://apple.example.com/',
  ],
  ['decimal-above', decimal('0.01', '500', 2), 'an amount above the maximum', '500.01', '500.00'],
  ['decimal-scale', decimal('0.01', '500', 2), 'a digit too many', '1.234', '1.23'],
  ['decimal-number', decimal('0', '500', 2), 'a JSON number (I-series)', 5, '5'],
  ['decimal-exponent', decimal('0', '500', 2), 'an exponent', '1e2', '100'],
  ['decimal-zero', decimal('-1', '1', 2), 'a negative zero', '-0', '0'],
  [
    'decimal-exact',
    decimal('0', '0.3', 18),
    'one part in 10^18 too much, which a double does not see',
    '0.300000000000000001',
    '0.300000000000000000',
  ],
  [
    'instant-after',
    YEAR,
    'a nanosecond too late',
    '2026-12-31T23:59:59.000000001Z',
    '2026-12-31T23:59:59.000000000Z',
  ],
  [
    'instant-zone',
    YEAR,
    'an offset, even of zero (C19)',
    '2026-06-30T00:00:00+00:00',
    '2026-06-30T00:00:00Z',
  ],
  ['instant-leap', YEAR, 'a leap second (C19)', '2026-06-30T23:59:60Z', '2026-06-30T23:59:59Z'],
  [
    'instant-day',
    YEAR,
    'a day that the month has not',
    '2026-02-29T00:00:00Z',
    '2026-02-28T00:00:00Z',
  ],
  ['instant-seconds', YEAR, 'a number of seconds (J03)', 1782777600, '2026-06-30T00:00:00Z'],
  ['cidr-outside', cidr('10.0.0.0/8'), 'an address outside', '11.0.0.0', '10.255.255.255'],
  ['cidr-octal', cidr('10.0.0.0/8'), 'a leading zero', '010.0.0.1', '10.0.0.1'],
  ['cidr-family', cidr('0.0.0.0/0'), 'an IPv4 address inside IPv6', '::ffff:10.0.0.1', '10.0.0.1'],
  ['cidr-case', cidr('2001:db8::/32'), 'upper case', '2001:DB8::1', '2001:db8::1'],
  [
    'cidr-zeros',
    cidr('2001:db8::/32'),
    'an address that is not as RFC 5952 writes it',
    '2001:db8:0:0::1',
    '2001:db8::1',
  ],
];

/** Word, what is wrong and the constraint, the nearest that is right and a value for it. */
type Forms = readonly [string, string, JsonObject, JsonObject, JsonValue];

const FORMS: readonly Forms[] = [
  [
    'path-root-dots',
    'a root with `..`',
    path('/data/..', 'subtree'),
    path('/data', 'subtree'),
    '/data',
  ],
  ['path-reach', 'an unknown reach', path('/data', 'all'), path('/data', 'self'), '/data'],
  [
    'url-two-hosts',
    'both `host` and `host_suffix`',
    url({ host_suffix: 'example.com' }),
    url({}),
    'https://api.example.com/v1',
  ],
  [
    'url-suffix-label',
    'a suffix of one label',
    { ...ANY_HOST, host_suffix: 'com' },
    { ...ANY_HOST, host_suffix: 'co.uk' },
    'https://x.co.uk/',
  ],
  [
    'url-query-text',
    'a query that is not `any`',
    url({ query: 'x=1' }),
    url({ query: 'any' }),
    'https://api.example.com/v1?x=1',
  ],
  [
    'decimal-no-maximum',
    'no maximum',
    { constraint_type: 'decimal', min: '0', scale: 2 },
    decimal('0', '1', 2),
    '1',
  ],
  [
    'decimal-number-bound',
    'a JSON number for a bound',
    { constraint_type: 'decimal', min: 0, max: '1', scale: 2 },
    decimal('0', '1', 2),
    '0.5',
  ],
  [
    'instant-reversed',
    'an end before its beginning',
    instant('2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z'),
    instant('2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
    '2026-01-01T00:00:00Z',
  ],
  [
    'cidr-host-bits',
    'a bit set behind the prefix',
    cidr('10.0.0.1/8'),
    cidr('10.0.0.0/8'),
    '10.0.0.1',
  ],
];

/** Word, what widens and its pair, what narrows and its pair with a value. */
type Pairs = readonly [
  string,
  string,
  JsonObject,
  JsonObject,
  string,
  JsonObject,
  JsonObject,
  JsonValue,
];

const exact = (value: JsonValue): JsonObject => ({ constraint_type: 'exact', value });
const oneOf = (...values: JsonValue[]): JsonObject => ({ constraint_type: 'one_of', values });

const PAIRS: readonly Pairs[] = [
  [
    'path-root',
    'a root above the parent’s',
    path('/data/a', 'subtree'),
    path('/data', 'subtree'),
    'a root below it',
    path('/data', 'subtree'),
    path('/data/a', 'subtree'),
    '/data/a',
  ],
  [
    'path-reach',
    'a wider reach',
    path('/data', 'descendants'),
    path('/data', 'subtree'),
    'a narrower one',
    path('/data', 'subtree'),
    path('/data', 'descendants'),
    '/data/a',
  ],
  [
    'path-children',
    'the children of a child under `children`',
    path('/data', 'children'),
    path('/data/a', 'children'),
    'a child itself',
    path('/data', 'children'),
    path('/data/a', 'self'),
    '/data/a',
  ],
  [
    'path-values',
    'a listed path outside',
    path('/data', 'subtree'),
    oneOf('/data/a', '/etc'),
    'listed paths inside',
    path('/data', 'subtree'),
    oneOf('/data/a', '/data'),
    '/data',
  ],
  [
    'path-under-exact',
    'a region below an exact path, even of one path',
    exact('/data'),
    path('/data', 'self'),
    'an exact path below a region',
    path('/data', 'self'),
    exact('/data'),
    '/data',
  ],
  [
    'url-scheme',
    'one more scheme',
    url({}),
    url({ schemes: ['https', 'http'] }),
    'one less',
    url({ schemes: ['https', 'http'] }),
    url({}),
    'https://api.example.com/v1',
  ],
  [
    'url-port',
    'another port',
    url({}),
    url({ port: 8443 }),
    'the default port written out',
    url({}),
    url({ port: 443 }),
    'https://api.example.com/v1',
  ],
  [
    'url-host',
    'a host that only ends like the suffix',
    ANY_HOST,
    { ...url({}), host: 'notexample.com' },
    'a host below the suffix',
    ANY_HOST,
    url({}),
    'https://api.example.com/v1',
  ],
  [
    'url-query',
    'a query where the parent allows none',
    url({}),
    url({ query: 'any' }),
    'none where it allows any',
    url({ query: 'any' }),
    url({}),
    'https://api.example.com/v1',
  ],
  [
    'url-path',
    'a wider region',
    url({}),
    url({ path: { root: '/', reach: 'subtree' } }),
    'a narrower one',
    url({}),
    url({ path: { root: '/v1/x', reach: 'self' } }),
    'https://api.example.com/v1/x',
  ],
  [
    'decimal-max',
    'a higher maximum',
    decimal('0', '10', 2),
    decimal('0', '10.01', 2),
    'the same maximum, spelled otherwise',
    decimal('0', '10', 2),
    decimal('0', '10.00', 2),
    '10',
  ],
  [
    'decimal-scale',
    'more digits',
    decimal('0', '10', 2),
    decimal('0', '10', 3),
    'fewer',
    decimal('0', '10', 2),
    decimal('0', '10', 1),
    '9.9',
  ],
  [
    'decimal-range',
    'a range of numbers',
    decimal('0', '10', 2),
    { constraint_type: 'range', min: 0, max: 10 },
    'one exact amount',
    decimal('0', '10', 2),
    exact('9.99'),
    '9.99',
  ],
  [
    'instant-later',
    'a later end',
    YEAR,
    instant('2026-01-01T00:00:00Z', '2026-12-31T23:59:59.1Z'),
    'an earlier one',
    YEAR,
    instant('2026-01-01T00:00:00Z', '2026-12-31T23:59:58.9Z'),
    '2026-06-30T00:00:00Z',
  ],
  [
    'cidr-shorter',
    'a shorter prefix',
    cidr('10.0.0.0/16'),
    cidr('10.0.0.0/15'),
    'a longer one',
    cidr('10.0.0.0/16'),
    cidr('10.0.128.0/17'),
    '10.0.128.1',
  ],
  [
    'cidr-family',
    'the other family',
    cidr('0.0.0.0/0'),
    cidr('::/128'),
    'a network of the same',
    cidr('::/0'),
    cidr('::/128'),
    '::',
  ],
  [
    'cross-type',
    'a URL below a path',
    path('/v1', 'subtree'),
    url({}),
    'a URL below a wildcard',
    { constraint_type: 'wildcard' },
    url({}),
    'https://api.example.com/v1',
  ],
];

export const EXTENSION: readonly Case[] = [
  ...VALUES.map(([word, constraint, what, outside, inside]) =>
    refused(
      word,
      `refuses ${what}`,
      single(constraint, outside),
      `accepts ${JSON.stringify(inside)}`,
      single(constraint, inside),
    ),
  ),
  ...FORMS.map(([word, what, wrong, right, value]) =>
    malformed(
      word,
      `refuses ${what}`,
      single(wrong, value),
      'accepts the constraint without the fault',
      single(right, value),
    ),
  ),
  ...PAIRS.map(([word, refuses, outer, inner, accepts, above, below, value]) =>
    wider(
      word,
      `refuses ${refuses}`,
      pair(outer, inner, value),
      `accepts ${accepts}`,
      pair(above, below, value),
    ),
  ),
];

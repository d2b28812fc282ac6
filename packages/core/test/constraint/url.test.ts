import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/constraint/type.ts';
import { MAX_URL_LENGTH, url } from '../../src/constraint/url.ts';
import { make, NO_CLAUSES, wellFormed } from './soundness.ts';

const EVERYWHERE = { root: '/', reach: 'subtree' };
const base = { schemes: ['https'], host: 'api.example.com', path: EVERYWHERE };

function admits(members: JsonObject, value: JsonValue): boolean {
  return url.check(make(url, { ...base, ...members }), value, NO_CLAUSES);
}

function below(suffix: string, value: JsonValue): boolean {
  const members = { schemes: ['https'], host_suffix: suffix, path: EVERYWHERE, query: 'any' };
  return url.check(make(url, members), value, NO_CLAUSES);
}

describe('schemes', () => {
  test('only a listed scheme is admitted', () => {
    expect(admits({}, 'https://api.example.com/')).toBe(true);
    expect(admits({}, 'http://api.example.com/')).toBe(false);
    expect(admits({ schemes: ['http', 'wss'] }, 'wss://api.example.com/')).toBe(true);
    expect(admits({ schemes: ['http', 'wss'] }, 'https://api.example.com/')).toBe(false);
  });

  test.each([
    'HTTPS://api.example.com/',
    'httpS://api.example.com/',
    'https:/api.example.com/',
    'https:api.example.com/',
    '//api.example.com/',
    'api.example.com/',
    'https:///api.example.com/',
    'https:\\\\api.example.com\\',
    'https://api.example.com',
    'view-source:https://api.example.com/',
  ])('H07 %j is not in canonical form', (value) => {
    expect(admits({}, value)).toBe(false);
  });

  test.each([
    ['file'],
    ['javascript'],
    ['data'],
    ['gopher'],
    ['ftp'],
    ['HTTPS'],
    ['https:'],
    ['*'],
    [''],
    ['constructor'],
    [1],
    [null],
  ])('W01 H11 H15 %j cannot be listed', (scheme) => {
    expect(wellFormed(url, { ...base, schemes: [scheme] })).toBe(false);
    expect(wellFormed(url, { ...base, schemes: ['https', scheme] })).toBe(false);
  });

  test.each([[undefined], [null], [[]], ['https'], [['https', 'https']], [{}]])(
    'H11 schemes %j is malformed',
    (schemes) => {
      const { schemes: _, ...rest } = base;
      expect(wellFormed(url, schemes === undefined ? rest : { ...rest, schemes })).toBe(false);
    },
  );
});

describe('host', () => {
  test.each([
    'https://example.com/',
    'https://www.api.example.com/',
    'https://evilapi.example.com/',
    'https://apiXexample.com/',
    'https://api.example.com.evil.test/',
    'https://api.example.comevil.test/',
    'https://api.example.co/',
  ])('H16 %j is another host', (value) => {
    expect(admits({}, value)).toBe(false);
  });

  test.each([
    'https://API.example.com/',
    'https://api.example.com./',
    'https://api.example.com../',
    'https://.api.example.com/',
    'https://api..example.com/',
    'https://api.example.com%2e/',
    'https://api%2eexample.com/',
    'https://api.example\u3002com/',
    'https://api.ex\u00adample.com/',
    'https://api.e\u200bxample.com/',
    'https://\uff41pi.example.com/',
    'https://api.example.com\\@evil.test/',
  ])(
    'H07 H08 H16 %j: case, trailing dot, escapes and characters that a parser folds away',
    (value) => {
      expect(admits({}, value)).toBe(false);
    },
  );

  test.each([
    'https://@api.example.com/',
    'https://u@api.example.com/',
    'https://u:p@api.example.com/',
    'https://:@api.example.com/',
    'https://api.example.com@evil.test/',
    'https://api.example.com:443@evil.test/',
    'https://evil.test#@api.example.com/',
    'https://evil.test?@api.example.com/',
  ])('H16 W05 %j: user information is refused', (value) => {
    expect(admits({}, value)).toBe(false);
  });

  test('H16 an internationalized host is admitted in Punycode only, where it is listed', () => {
    const host = 'xn--bcher-kva.example.com';
    expect(admits({ host }, `https://${host}/`)).toBe(true);
    expect(admits({ host }, 'https://b\u00fccher.example.com/')).toBe(false);
    expect(admits({ host }, 'https://XN--bcher-kva.example.com/')).toBe(false);
    expect(wellFormed(url, { ...base, host: 'b\u00fccher.example.com' })).toBe(false);
  });

  test.each([
    [
      '127.0.0.1',
      ['https://127.0.0.1/'],
      [
        'https://127.1/',
        'https://2130706433/',
        'https://0x7f000001/',
        'https://0x7f.0.0.1/',
        'https://0177.0.0.1/',
        'https://127.0.0.01/',
        'https://127.0.0.1./',
        'https://[::ffff:127.0.0.1]/',
        'https://[::ffff:7f00:1]/',
        'https://localhost/',
        'https://127.0.0.1.example.com/',
      ],
    ],
    [
      '[::1]',
      ['https://[::1]/'],
      [
        'https://[0:0:0:0:0:0:0:1]/',
        'https://[::01]/',
        'https://[::1%25lo]/',
        'https://[::1%lo]/',
        'https://::1/',
        'https://[::0.0.0.1]/',
        'https://[::1/',
      ],
    ],
    [
      '[2001:db8::a]',
      ['https://[2001:db8::a]/'],
      ['https://[2001:DB8::A]/', 'https://[2001:db8:0::a]/', 'https://[2001:db8::b]/'],
    ],
  ])('H17 %s is admitted in its canonical text only', (host, same, refused) => {
    expect(same.map((value) => admits({ host }, value))).toEqual(same.map(() => true));
    expect(refused.filter((value) => admits({ host }, value))).toEqual([]);
  });

  test.each([
    '',
    '*',
    '*.example.com',
    '.example.com',
    'example.com.',
    'a..b',
    'EXAMPLE.com',
    'a_b.com',
    '-a.com',
    'a-.com',
    'a b.com',
    'example.com:443',
    'u@example.com',
    'example.com/',
    '127.1',
    '2130706433',
    '0x7f',
    '0x',
    'a.0',
    'a.0x1',
    '1.2.3',
    '127.0.0.01',
    '256.0.0.1',
    '::1',
    '[::1',
    '[::FFFF]',
    '[::ffff:7f00:1]',
    '[::ffff:127.0.0.1]',
    '[fe80::1%25eth0]',
    '[127.0.0.1]',
    '[]',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(126)}com`,
  ])('H16 H17 host %j is malformed', (host) => {
    expect(wellFormed(url, { ...base, host })).toBe(false);
  });

  test.each([
    'localhost',
    'a',
    'a1.b2',
    '1password.com',
    'a--b.com',
    '0x.com',
    '10.0.0.1',
    '[::]',
    `${'a'.repeat(63)}.com`,
    `${'a.'.repeat(125)}com`,
  ])('host %j is well-formed', (host) => {
    expect(wellFormed(url, { ...base, host })).toBe(true);
  });

  test('H11 neither a host nor a suffix, or both, is malformed', () => {
    const { host: _, ...rest } = base;
    expect(wellFormed(url, rest)).toBe(false);
    expect(wellFormed(url, { ...base, host_suffix: 'example.com' })).toBe(false);
    expect(wellFormed(url, { ...rest, host_suffix: 'example.com' })).toBe(true);
    expect(wellFormed(url, { ...base, host: null })).toBe(false);
    expect(wellFormed(url, { ...base, host: ['api.example.com'] })).toBe(false);
  });
});

describe('host_suffix', () => {
  test.each([
    'https://a.example.com/',
    'https://a.b.example.com/',
    'https://1.example.com/',
    'https://a--b.example.com/',
  ])('H16 %j has a label more', (value) => {
    expect(below('example.com', value)).toBe(true);
  });

  test.each([
    'https://example.com/',
    'https://.example.com/',
    'https://evilexample.com/',
    'https://example.com.evil.test/',
    'https://a.example.com.evil.test/',
    'https://a.example.com./',
    'https://a@evil.test/.example.com',
    'https://evil.test/a.example.com',
    'https://evil.test?.example.com/',
    'https://evil.test#.example.com/',
    'https://-.example.com/',
    'https://a..example.com/',
    'https://*.example.com/',
    'https://a_b.example.com/',
    'https://A.example.com/',
  ])('H16 %j is not below example.com', (value) => {
    expect(below('example.com', value)).toBe(false);
  });

  test('H08 H16 a label in front that is internationalized is refused, one inside the suffix is not', () => {
    expect(below('example.com', 'https://xn--pypal-4ve.example.com/')).toBe(false);
    expect(below('example.com', 'https://a.xn--pypal-4ve.b.example.com/')).toBe(false);
    expect(below('xn--bcher-kva.example', 'https://a.xn--bcher-kva.example/')).toBe(true);
  });

  test('H17 an address is never below a suffix', () => {
    expect(below('example.com', 'https://127.0.0.1/')).toBe(false);
    expect(below('example.com', 'https://[::1]/')).toBe(false);
    expect(wellFormed(url, { schemes: ['https'], host_suffix: '0.0.1', path: EVERYWHERE })).toBe(
      false,
    );
    expect(
      wellFormed(url, { schemes: ['https'], host_suffix: '127.0.0.1', path: EVERYWHERE }),
    ).toBe(false);
    expect(wellFormed(url, { schemes: ['https'], host_suffix: '[::1]', path: EVERYWHERE })).toBe(
      false,
    );
  });

  test.each([
    '',
    'com',
    'localhost',
    '.example.com',
    '*.example.com',
    'example.com.',
    'Example.com',
  ])('H11 H16 suffix %j is malformed', (suffix) => {
    expect(wellFormed(url, { schemes: ['https'], host_suffix: suffix, path: EVERYWHERE })).toBe(
      false,
    );
  });
});

describe('port', () => {
  test('H16 absent, it means the default of the scheme and nothing else', () => {
    expect(admits({}, 'https://api.example.com/')).toBe(true);
    expect(admits({}, 'https://api.example.com:8443/')).toBe(false);
    expect(admits({}, 'https://api.example.com:80/')).toBe(false);
    expect(admits({ schemes: ['http'] }, 'http://api.example.com/')).toBe(true);
    expect(admits({ schemes: ['http'] }, 'http://api.example.com:443/')).toBe(false);
  });

  test('H16 given, it means that port alone', () => {
    expect(admits({ port: 8443 }, 'https://api.example.com:8443/')).toBe(true);
    expect(admits({ port: 8443 }, 'https://api.example.com/')).toBe(false);
    expect(admits({ port: 8443 }, 'https://api.example.com:8444/')).toBe(false);
    expect(admits({ port: 443 }, 'https://api.example.com/')).toBe(true);
    expect(admits({ schemes: ['https', 'http'], port: 443 }, 'http://api.example.com/')).toBe(
      false,
    );
    expect(admits({ schemes: ['https', 'http'], port: 443 }, 'http://api.example.com:443/')).toBe(
      true,
    );
  });

  test.each([
    ['https', ':443'],
    ['http', ':80'],
    ['wss', ':443'],
    ['ws', ':80'],
  ])('the default port of %s written out is a second spelling and is refused', (scheme, port) => {
    expect(admits({ schemes: [scheme] }, `${scheme}://api.example.com/`)).toBe(true);
    expect(admits({ schemes: [scheme] }, `${scheme}://api.example.com${port}/`)).toBe(false);
  });

  test.each([
    ':',
    ':0',
    ':08443',
    ':8443 ',
    ':+8443',
    ':8443.0',
    ':65536',
    ':73979',
    ':8443:8443',
    ':0x20fb',
    ':8443%20',
    ':99999999999999999999',
  ])('H16 I05 %j is no port', (port) => {
    expect(admits({ port: 8443 }, `https://api.example.com${port}/`)).toBe(false);
  });

  test.each([[0], [-1], [65536], [443.5], ['443'], [null], [[443]], [true]])(
    'I05 port %j is malformed',
    (port) => {
      expect(wellFormed(url, { ...base, port })).toBe(false);
    },
  );

  test('1 and 65535 are ports', () => {
    expect(admits({ port: 1 }, 'https://api.example.com:1/')).toBe(true);
    expect(admits({ port: 65535 }, 'https://api.example.com:65535/')).toBe(true);
  });
});

describe('path', () => {
  const v1 = { path: { root: '/v1', reach: 'subtree' } };
  const at = (tail: string): boolean => admits(v1, `https://api.example.com${tail}`);

  test.each([
    '/v1',
    '/v1/users',
    '/v1/users/7',
    '/v1/a:b',
    '/v1/@me',
    '/v1/a=b&c',
    "/v1/it's",
    '/v1/(x)',
    '/v1/~u',
    '/v1/a%20b',
    '/v1/caf%C3%A9',
    '/v1/%E6%96%87',
    '/v1/%F0%9F%98%80',
    '/v1/.well-known',
  ])('%j lies under /v1', (tail) => {
    expect(at(tail)).toBe(true);
  });

  test('H01 a sibling whose name begins with the root is not below it', () => {
    expect(at('/v1x')).toBe(false);
    expect(at('/v12/users')).toBe(false);
    expect(at('/v')).toBe(false);
    expect(at('/')).toBe(false);
  });

  test.each([
    ['self', ['/v1']],
    ['children', ['/v1/a']],
    ['descendants', ['/v1/a', '/v1/a/b']],
    ['subtree', ['/v1', '/v1/a', '/v1/a/b']],
  ])('reach %s admits exactly its own paths', (reach, expected) => {
    const admitted = ['/', '/v1', '/v1/a', '/v1/a/b', '/v2'].filter((tail) =>
      admits({ path: { root: '/v1', reach } }, `https://api.example.com${tail}`),
    );
    expect(admitted).toEqual(expected);
  });

  test.each([
    '/v1/..',
    '/v1/../admin',
    '/v1/.',
    '/v1/./a',
    '/v1/%2e%2e/admin',
    '/v1/.%2E/admin',
    '/v1/%2E',
    '/v1//a',
    '/v1/',
    '/v1/a/',
    '/v1/...',
    '/v1/a.',
    '/v1/a%20',
    '/v1\\..\\admin',
    '/v1/..\\admin',
  ])('H02 H19 %j: dot segment, empty segment, trailing slash, dot or space, backslash', (tail) => {
    expect(at(tail)).toBe(false);
  });

  test.each([
    '/v1/..%2fadmin',
    '/v1/a%2Fb',
    '/v1/a%5Cb',
    '/v1/%252e%252e',
    '/v1/a%00',
    '/v1/a%0D%0Ab',
    '/v1/a%7F',
    '/v1/a%3Fb',
    '/v1/a%23b',
    '/v1/a%3Bb',
    '/v1/%25',
    '/v1/%',
    '/v1/%2',
    '/v1/%zz',
  ])('H02 H10 H19 %j: an escape of ASCII, or none at all', (tail) => {
    expect(at(tail)).toBe(false);
  });

  test.each(['/v1/%61', '/v1/%7Eu', '/v1/caf%c3%a9', '/v1/%E6%96%87%e6'])(
    'H07 H19 %j: a second spelling of a character',
    (tail) => {
      expect(at(tail)).toBe(false);
    },
  );

  test.each([
    '/v1/%C0%AE%C0%AE',
    '/v1/%C0%AF',
    '/v1/%E0%80%AF',
    '/v1/%ED%A0%80',
    '/v1/%F4%90%80%80',
    '/v1/%E9',
    '/v1/%80',
    '/v1/%C3',
  ])('C08 %j is not UTF-8: overlong, surrogate, out of range or cut short', (tail) => {
    expect(at(tail)).toBe(false);
  });

  test.each([
    '/v1/%EF%BC%8Fadmin',
    '/v1/%EF%BC%8E%EF%BC%8E/x',
    '/v1/%E2%80%AEx',
    '/v1/%E2%80%8B',
    '/v1/a%C2%A0b',
    '/v1/%EF%BB%BFa',
  ])('H08 H09 %j: look-alike, bidirectional or invisible character', (tail) => {
    expect(at(tail)).toBe(false);
  });

  test.each(['/v1;x', '/v1/..;/admin', '/v1/users;jsessionid=1', '/v1/a;b'])(
    'H19 %j: matrix parameter',
    (tail) => {
      expect(at(tail)).toBe(false);
    },
  );

  test.each([
    '/v1/a b',
    '/v1/a\tb',
    '/v1/a\n',
    '/v1/caf\u00e9',
    '/v1/a|b',
    '/v1/a[b]',
    '/v1/a^b',
    '/v1/a`b',
    '/v1/{a}',
    '/v1/a"b',
    '/v1/<a>',
  ])('H10 %j: a character that a URL does not hold raw', (tail) => {
    expect(at(tail)).toBe(false);
  });

  test.each([
    [undefined],
    [null],
    ['/v1'],
    [[]],
    [{}],
    [{ root: '/v1' }],
    [{ reach: 'subtree' }],
    [{ root: '/v1', reach: 'subtree', x: 1 }],
    [{ root: 'v1', reach: 'subtree' }],
    [{ root: '/v1/', reach: 'subtree' }],
    [{ root: '', reach: 'subtree' }],
    [{ root: '/caf\u00e9', reach: 'self' }],
    [{ root: '/a/../b', reach: 'self' }],
    [{ root: '/a', reach: 'any' }],
    [{ root: '/a?b', reach: 'self' }],
    [{ root: ['/a'], reach: 'self' }],
  ])('H11 path %j is malformed', (path) => {
    const { path: _, ...rest } = base;
    expect(wellFormed(url, path === undefined ? rest : { ...rest, path })).toBe(false);
  });
});

describe('query and fragment', () => {
  test('H19 absent, a query is refused', () => {
    expect(admits({}, 'https://api.example.com/a')).toBe(true);
    expect(admits({}, 'https://api.example.com/a?b=c')).toBe(false);
    expect(admits({}, 'https://api.example.com/a?')).toBe(false);
  });

  test.each([
    '?b=c',
    '?b=c&b=d',
    '?b',
    '?b=%27',
    '?b=c%20d',
    '?b=c+d',
    '?/../x',
    '?b=?',
    '?a;b',
    '?b=caf%c3%a9',
  ])('H19 "any" admits %j, repeated names and all', (query) => {
    expect(admits({ query: 'any' }, `https://api.example.com/a${query}`)).toBe(true);
    expect(admits({ query: 'any' }, 'https://api.example.com/a')).toBe(true);
  });

  test.each([
    '?',
    "?b='c'",
    '?b=c d',
    '?b="',
    '?b=<',
    '?b=[1]',
    '?b=%',
    '?b=%zz',
    '?b=\u00e9',
    '?b=\n',
    '?b\\c',
  ])('%j is not in canonical form, even under "any"', (query) => {
    expect(admits({ query: 'any' }, `https://api.example.com/a${query}`)).toBe(false);
  });

  test.each(['#', '#f', '?b=c#f', '?b=c#'])('H19 %j: a fragment is refused', (tail) => {
    expect(admits({ query: 'any' }, `https://api.example.com/a${tail}`)).toBe(false);
  });

  test.each([[''], ['none'], ['*'], [true], [null], [['any']]])(
    'H11 query %j is malformed',
    (query) => {
      expect(wellFormed(url, { ...base, query })).toBe(false);
    },
  );
});

test.each([
  [null],
  [true],
  [1],
  [['https://api.example.com/']],
  [{ href: 'https://api.example.com/' }],
  [[]],
  [''],
])('H14 %j is no URL', (value) => {
  expect(admits({}, value)).toBe(false);
});

test('refuses the first character over the bound', () => {
  const start = 'https://api.example.com/';
  const longest = start + 'a'.repeat(MAX_URL_LENGTH - start.length);
  expect(MAX_URL_LENGTH).toBe(4096);
  expect(admits({}, longest)).toBe(true);
  expect(admits({}, `${longest}a`)).toBe(false);
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MAX_PATH_LENGTH, path } from '../../src/constraint/path.ts';
import { REFUSED_CODE_POINTS } from '../../src/constraint/segment.ts';
import type { JsonValue } from '../../src/constraint/type.ts';
import { make, NO_CLAUSES, wellFormed } from './soundness.ts';

function admits(root: string, reach: string, value: JsonValue): boolean {
  return path.check(make(path, { root, reach }), value, NO_CLAUSES);
}

/** Anything below the file system's root, so that a refusal can only come from the form of the value. */
const anywhere = (value: JsonValue): boolean => admits('/', 'subtree', value);

describe('reach', () => {
  test.each([
    ['self', ['/data']],
    ['children', ['/data/x', '/data/y']],
    ['descendants', ['/data/x', '/data/y', '/data/x/z', '/data/x/z/w']],
    ['subtree', ['/data', '/data/x', '/data/y', '/data/x/z', '/data/x/z/w']],
  ])('%s admits exactly its own paths', (reach, expected) => {
    const candidates = [
      '/',
      '/data',
      '/data/x',
      '/data/y',
      '/data/x/z',
      '/data/x/z/w',
      '/other',
      '/other/data',
    ];
    expect(candidates.filter((value) => admits('/data', reach, value))).toEqual(expected);
  });

  test.each([
    ['self', ['/']],
    ['children', ['/a']],
    ['descendants', ['/a', '/a/b']],
    ['subtree', ['/', '/a', '/a/b']],
  ])('%s of the root directory counts its segments like any other', (reach, expected) => {
    expect(['/', '/a', '/a/b'].filter((value) => admits('/', reach, value))).toEqual(expected);
  });

  test('H01 a sibling whose name begins with the root is not below it', () => {
    expect(admits('/allow', 'subtree', '/allow/x')).toBe(true);
    expect(admits('/allow', 'subtree', '/allow-evil')).toBe(false);
    expect(admits('/allow', 'subtree', '/allow-evil/x')).toBe(false);
    expect(admits('/w/notes', 'subtree', '/w/notesSECRET')).toBe(false);
    expect(admits('/w/notes', 'subtree', '/w')).toBe(false);
  });

  test('H07 letters are compared as they are: no case folding, no Kelvin sign for K', () => {
    expect(admits('/Data', 'subtree', '/Data/x')).toBe(true);
    expect(admits('/Data', 'subtree', '/data/x')).toBe(false);
    expect(admits('/k', 'self', '/\u212a')).toBe(false);
    expect(admits('/s', 'self', '/\u017f')).toBe(false);
  });

  test('H09 composed and decomposed letters are different names', () => {
    expect(admits('/caf\u00e9', 'subtree', '/caf\u00e9/x')).toBe(true);
    expect(admits('/caf\u00e9', 'subtree', '/cafe\u0301/x')).toBe(false);
  });
});

describe('a path that is not normalized is refused, not repaired', () => {
  test.each([
    '/',
    '/a',
    '/a/b',
    '/.hidden',
    '/a/.b',
    '/a..b',
    '/..a',
    '/a/...b',
    '/a b/c',
    '/ a',
    '/a,b',
    '/a;b',
    '/a?b',
    '/a#b',
    '/a*',
    '/~',
    '/$HOME',
    '/\u00fcber/\u6587\u4ef6/\u{1f600}',
    '/e\u0301',
    '/a\'b"c',
  ])('%j is normalized', (value) => {
    expect(anywhere(value)).toBe(true);
  });

  test.each([
    '/..',
    '/a/..',
    '/a/../b',
    '/../etc/passwd',
    '/.',
    '/./a',
    '/a/.',
    '/a/./b',
    '//',
    '//a',
    '/a//b',
    '/a/',
    '/a/b/',
    '/...',
    '/a/....',
    '/a/..../b',
  ])('H02 H19 %j: dot segment, empty segment or trailing slash', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each(['/%2e%2e/a', '/a%2fb', '/%252e%252e/a', '/100%', '/%', '/a%20b', '/%00'])(
    'H02 H10 %j: a percent sign may be decoded on the way',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each(['/a\\b', '/..\\b', '\\a', '\\\\server\\share', '//server/share', '/a/\\'])(
    'H02 %j: backslash or UNC form',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each(['C:/a', '/C:/a', 'c:', '/a.txt:stream', '/a/b::$DATA', '/a:b/c', 'file:///a'])(
    'H02 %j: drive letter, alternate data stream or scheme',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each(['/a.', '/a /b', '/a./b', '/a/b ', '/a/b. ', '/ '])(
    'H02 %j: Windows drops a dot or space at the end of a name',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each([
    '/a\u0000',
    '/a\u0000.txt',
    '/a\nb',
    '/a\r',
    '/a\tb',
    '/a\u001b[31m',
    '/a\u007f',
    '/a\u0085',
    '/a\u009fb',
  ])('H02 H10 %j: NUL or another control character', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each(['/a\u00a0b', '/a\u2003b', '/a\u202fb', '/a\u3000b', '/a\u2028b'])(
    'H10 %j: white space that is not the space',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each([
    '/a\u200bb',
    '/a\u200db',
    '/\u202egpj.exe',
    '/a\u2066b',
    '/\ufeffa',
    '/a\u00adb',
    '/a\u{e0041}',
    '/a\ufe0f',
  ])('H08 %j: invisible or bidirectional control', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([
    '/a\uff0fb',
    '/\uff0e\uff0e/b',
    '/\u2025/b',
    '/\u2024',
    '/a\u2215b',
    '/a\u2044b',
    '/a\uff3cb',
    '/a\u00a5b',
    '/\uff05',
    '/c\u2236',
  ])(
    'H08 H09 %j: a look-alike that folding turns into a separator, dot, colon or percent sign',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each(['/\ud800', '/a\udc00b', '/\udc00\ud800', '/a\ufffd', '/\uffff'])(
    'C07 C08 %j: half a surrogate pair, replacement character or noncharacter',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test.each(['', 'a', 'a/b', './a', '../a', '~/a', ' /a', '*'])('%j: not absolute', (value) => {
    expect(anywhere(value)).toBe(false);
  });

  test.each([[null], [true], [1], [['/a']], [{ root: '/a' }], [[]], [{}]])(
    'H14 %j is not a string',
    (value) => {
      expect(anywhere(value)).toBe(false);
    },
  );

  test('refuses the first code unit over the bound', () => {
    const longest = `/${'a'.repeat(MAX_PATH_LENGTH - 1)}`;
    expect(MAX_PATH_LENGTH).toBe(4096);
    expect(anywhere(longest)).toBe(true);
    expect(anywhere(`${longest}a`)).toBe(false);
  });
});

describe('refused code points', () => {
  test('the ranges are those of the registration, row by row', () => {
    const page = new URL('../../../../docs/constraints/path.md', import.meta.url);
    const rows = readFileSync(page, 'utf8').matchAll(/^\| `([0-9A-F]+)`(?:–`([0-9A-F]+)`)? \|/gm);
    const listed = Array.from(rows, ([, first = '', last = first]) =>
      [first, last].map((hex) => Number.parseInt(hex, 16)),
    );
    expect(listed).toEqual(REFUSED_CODE_POINTS);
  });

  test('the ranges ascend without overlap, as the search needs', () => {
    const flat = REFUSED_CODE_POINTS.flat();
    expect(flat).toEqual([...flat].sort((left, right) => left - right));
  });

  test('H08 H09 H10 the ranges hold all that Unicode calls white space, control, default ignorable or unpaired, and all that NFKC turns into path syntax', () => {
    const slipped: string[] = [];
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
      const character = String.fromCodePoint(codePoint);
      const folded = character.normalize('NFKC');
      const dangerous =
        /^[\p{White_Space}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]$/u.test(
          character,
        ) || /[/\\%:]|^\.+$/.test(folded);
      // A space or dot inside a name is data; a slash divides names.
      if (dangerous && anywhere(`/a${character}b`) && !' ./'.includes(character)) {
        slipped.push(codePoint.toString(16));
      }
    }
    expect(slipped).toEqual([]);
  });

  test('letters, digits, marks and pictographs of every script stay usable', () => {
    const text =
      'aZ09-_+=@!&()[]{}<>|^`éßñžøł Ελληνικά Русский עברית العربية हिन्दी ไทย 中文 日本語 한국어 😀';
    expect([...text].filter((character) => !anywhere(`/a${character}b`))).toEqual([]);
  });
});

describe('well-formedness', () => {
  test.each(['self', 'children', 'descendants', 'subtree'])('reach %s is known', (reach) => {
    expect(wellFormed(path, { root: '/a', reach })).toBe(true);
  });

  test.each([
    [undefined],
    [null],
    [''],
    ['all'],
    ['Self'],
    ['constructor'],
    [['self']],
    [1],
    [true],
  ])('H11 H15 reach %j is malformed', (reach) => {
    expect(wellFormed(path, { root: '/a', ...(reach === undefined ? {} : { reach }) })).toBe(false);
  });

  test.each([
    [undefined],
    [null],
    [''],
    ['*'],
    ['a'],
    ['/a/'],
    ['/a/../b'],
    ['/%61'],
    ['//'],
    ['/C:'],
    [['/a']],
    [{}],
  ])('H11 H02 root %j is malformed', (root) => {
    expect(wellFormed(path, { ...(root === undefined ? {} : { root }), reach: 'self' })).toBe(
      false,
    );
  });
});

import { TaperError } from '@taper/core';
import { describe, expect, test } from 'vitest';
import { parseTilePath, type TileName, tilePath } from '../../src/tile/path.ts';

/** C2SP tlog-tiles: `<L>/<N>[.p/<W>]`. */
const PATHS: readonly (readonly [TileName, string])[] = [
  [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
  [{ level: 0, index: 1234067, width: 256 }, 'tile/0/x001/x234/067'],
  [{ level: 0, index: 273, width: 112 }, 'tile/0/273.p/112'],
  [{ level: 1, index: 1, width: 17 }, 'tile/1/001.p/17'],
  [{ level: 2, index: 0, width: 1 }, 'tile/2/000.p/1'],
  [{ level: 63, index: 1000, width: 255 }, 'tile/63/x001/000.p/255'],
  [{ level: 'entries', index: 999_999, width: 256 }, 'tile/entries/x999/999'],
  [
    { level: 'entries', index: 2 ** 53 - 1, width: 9 },
    'tile/entries/x009/x007/x199/x254/x740/991.p/9',
  ],
];

describe('the path of a tile', () => {
  test('is written as tlog-tiles says, and read back', () => {
    for (const [name, path] of PATHS) {
      expect(tilePath(name)).toBe(path);
      expect(parseTilePath(path)).toEqual(name);
    }
  });

  test('N18 has one form: other widths, levels and digits are no tile', () => {
    const wrong = [
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/000.p/257',
      'tile/0/000.p/01',
      'tile/0/000.p/-1',
      'tile/0/000.p/',
      'tile/0/000.p',
      'tile/0/000.p/1/2',
      'tile/64/000',
      'tile/00/000',
      'tile/01/000',
      'tile/-1/000',
      'tile/data/000',
      'tile/0/0',
      'tile/0/0000',
      'tile/0/x000/001',
      'tile/0/001/234',
      'tile/0/x001/x234',
      'tile/0/X001/234',
      'tile/0/x01/234',
      'tile/0/x001/234/',
      'tile/0/x009/x007/x199/x254/x740/992',
      'tile/0/x999/x999/x999/x999/x999/x999/999',
      'tile/0/',
      'tile//000',
      '/tile/0/000',
      'tile/0/000\n',
      'tile/0/../0/000',
      'tile/0/000.p/1 ',
      'tile/0/٠٠٠',
      'checkpoint',
      '',
      `tile/0/${'x000/'.repeat(10_000)}000`,
    ];
    for (const path of wrong) expect(parseTilePath(path), path.slice(0, 80)).toBe(undefined);
  });

  test('N14 N18 is not made for a level, index or width that no tile has', () => {
    const sound = { level: 0, index: 0, width: 1 } as const;
    expect(tilePath(sound)).toBe('tile/0/000.p/1');
    const wrong: readonly Partial<TileName>[] = [
      { level: -1 },
      { level: 64 },
      { level: 0.5 },
      { index: -1 },
      { index: 2 ** 53 },
      { index: Number.NaN },
      { width: 0 },
      { width: 257 },
      { width: 1.5 },
    ];
    for (const change of wrong) expect(() => tilePath({ ...sound, ...change })).toThrow(TaperError);
  });
});

import { TaperError } from '@taper/core';

/** Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** Binary tree levels that one tile spans. */
export const TILE_HEIGHT = 8;

/** A tile of hashes, or a bundle of entries. */
export interface TileName {
  /** The level of the tile, 0 to 63; `entries` for a bundle. */
  readonly level: number | 'entries';
  /** The index of the tile within its level. */
  readonly index: number;
  /** Hashes or entries in it: 1 to 256; less than 256 is a partial tile. */
  readonly width: number;
}

/**
 * The path of a tile or bundle without the log's prefix: `tile/<L>/<N>[.p/<W>]` (C2SP tlog-tiles).
 * @throws {TaperError} `option_invalid` for a level, index or width that no tile has.
 */
export function tilePath({ level, index, width }: TileName): string {
  const sound =
    (level === 'entries' || (isWhole(level) && level <= 63)) &&
    isWhole(index) &&
    isWhole(width) &&
    width >= 1 &&
    width <= TILE_WIDTH;
  if (!sound) throw new TaperError('option_invalid', 'There is no such tile.');
  let digits = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    digits = `x${String(rest % 1000).padStart(3, '0')}/${digits}`;
  return `tile/${level}/${digits}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Longest path: `tile/entries/` and six groups of digits, which 2^53 has, and `.p/255`. */
const MAX_PATH = 64;

const PATH = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/;

/** Reads a path in the one form that it has; `undefined` for anything else: other digits, widths, levels, or an index above 2^53 − 1. */
export function parseTilePath(path: string): TileName | undefined {
  if (path.length > MAX_PATH) return undefined;
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const [, levelText = '', digits = '', widthText] = match;
  const name: TileName = {
    level: levelText === 'entries' ? 'entries' : Number(levelText),
    index: Number(digits.replaceAll(/[x/]/g, '')),
    width: widthText === undefined ? TILE_WIDTH : Number(widthText),
  };
  if (name.width < 1 || name.width > TILE_WIDTH) return undefined;
  if (name.level !== 'entries' && name.level > 63) return undefined;
  return isWhole(name.index) && tilePath(name) === path ? name : undefined;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

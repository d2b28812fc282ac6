import { columnsOf, type EscapeOptions, visibleCharacters } from './escape.ts';

/** Text that is not ours: from a token, a call, or the reader's names. Never shown but through {@link foreignText}. */
export interface Foreign {
  readonly foreign: string;
  /** `name`: bare where that cannot mislead. `string`: always quoted. `json`: JSON text, as it is. */
  readonly form: 'name' | 'string' | 'json';
}

/** A key's thumbprint: whole on a page, shortened in a terminal. */
export interface Thumbprint {
  readonly thumbprint: string;
}

/** A string is our own words: free of control characters, but not of HTML's. */
export type Piece = string | Foreign | Thumbprint;
export type Phrase = readonly Piece[];

export function name(text: string): Foreign {
  return { foreign: text, form: 'name' };
}

/** Puts separators of our own between phrases. */
export function join(phrases: readonly Phrase[], separator: string): Phrase {
  return phrases.flatMap((phrase, index) => (index === 0 ? phrase : [separator, ...phrase]));
}

/** What needs no quotation marks. The words of a status line always do, so that no name can pass for one. */
const BARE: RegExp = /^(?!(?:verified|denied)$)[A-Za-z0-9_/][A-Za-z0-9_.:/@+-]*$/i;

/**
 * Foreign text made visible and at most `columns` wide. What is longer loses its middle, and `characters` says how long
 * it was: a cut is never silent.
 */
export function foreignText(
  { foreign, form }: Foreign,
  columns: number,
  options: Pick<EscapeOptions, 'rightToLeft'>,
): { readonly text: string; readonly characters?: number } {
  if (form === 'name' && foreign.length <= columns && BARE.test(foreign)) return { text: foreign };
  const quote = form === 'json' ? '' : '"';
  const room = columns - 2 * quote.length;
  const visible = (text: string): readonly string[] =>
    visibleCharacters(text, { ...options, json: form === 'json' });
  const characters = Array.from(foreign);
  if (characters.length <= room) {
    const shown = visible(foreign);
    const width = shown.reduce((sum, character) => sum + columnsOf(character), 0);
    if (width <= room) return { text: quote + shown.join('') + quote };
  }
  // However long the text is, only its ends are looked at.
  const last = visible(characters.slice(-room).join('')).toReversed();
  const tail = fitting(last, Math.floor((room - 1) / 3));
  const head = fitting(visible(characters.slice(0, room).join('')), room - 1 - tail.columns);
  const text = `${head.taken.join('')}…${tail.taken.toReversed().join('')}`;
  return { text: quote + text + quote, characters: characters.length };
}

function fitting(
  characters: readonly string[],
  room: number,
): { readonly taken: readonly string[]; readonly columns: number } {
  const taken: string[] = [];
  let columns = 0;
  for (const character of characters) {
    const wide = columnsOf(character);
    if (columns + wide > room) break;
    taken.push(character);
    columns += wide;
  }
  return { taken, columns };
}

import { columnsOf } from './escape.ts';
import { foreignText, type Phrase, type Piece } from './phrase.ts';

export type Tone = 'plain' | 'strong' | 'quiet' | 'good' | 'bad' | 'changed';

/** A phrase in one tone; a line is made of several. */
export interface Span {
  readonly tone: Tone;
  readonly phrase: Phrase;
}

export interface LineStyle {
  /** What every line of the paragraph starts with, such as the line that draws the chain. */
  readonly gutter: string;
  readonly gutterTone?: Tone;
  /** In place of `gutter` on the first line; as wide. */
  readonly mark?: string;
  readonly markTone?: Tone;
  /** Stands in front of the paragraph, in a column of its own. */
  readonly label?: Span;
  /** Columns of the label, with the space behind it; the paragraph hangs to the right of them. */
  readonly hang?: number;
}

export interface Page {
  readonly width: number;
  readonly color: boolean;
}

/** ECMA-48 SGR parameters. */
const SGR: Readonly<Record<Tone, string>> = {
  plain: '',
  strong: '1',
  quiet: '2',
  good: '1;32',
  bad: '1;31',
  changed: '33',
};

/** Columns of one foreign word, at most; less where the line is short. */
const WIDEST_WORD = 48;
/** Columns of a label, at most, before it takes a line for itself. */
const WIDEST_LABEL = 14;
/** Room for the comma or bracket that clings to a word. */
const PUNCTUATION = 3;

interface Run {
  readonly text: string;
  readonly tone: Tone;
}

/** What a line is never broken in. */
type Word = Run[];

/** Breaks spans into lines of at most `page.width` columns, at spaces in our own words and nowhere else. */
export function layout(spans: readonly Span[], style: LineStyle, page: Page): readonly string[] {
  const { gutter, mark = gutter, label, hang = 0 } = style;
  const gutterTone = style.gutterTone ?? 'quiet';
  const start: Run = { text: mark, tone: style.markTone ?? gutterTone };
  const indent: Run = { text: gutter + ' '.repeat(hang), tone: gutterTone };
  if (label === undefined) return fill(spans, start, indent, page);
  const [word = [], ...more] = wordsOf([label], page.width - gutter.length);
  const free = hang - widthOf(word);
  if (more.length > 0 || free < 1) {
    const above = fill([label], start, { text: gutter, tone: gutterTone }, page);
    return [...above, ...fill(spans, indent, indent, page)];
  }
  const beside = fill(spans, { text: '', tone: 'plain' }, indent, page, hang + gutter.length);
  const labelled = paint([start, ...word, { text: ' '.repeat(free), tone: 'plain' }], page.color);
  return beside.map((line, index) => (index === 0 ? labelled + line : line));
}

/** Fills lines with words, the first behind `start`, the others behind `indent`. */
function fill(
  spans: readonly Span[],
  start: Run,
  indent: Run,
  page: Page,
  margin: number = indent.text.length,
): readonly string[] {
  const room = page.width - margin;
  const lines: Run[][] = [[start]];
  let used = 0;
  for (const part of wordsOf(spans, room).flatMap((word) => splitWide(word, room))) {
    const columns = widthOf(part);
    if (used > 0 && used + 1 + columns > room) {
      lines.push([indent]);
      used = 0;
    }
    if (used > 0) {
      const last = lines.at(-1);
      last?.push({ text: ' ', tone: last.at(-1)?.tone ?? 'plain' });
      used += 1;
    }
    lines.at(-1)?.push(...part);
    used += columns;
  }
  return lines.map((runs) => {
    const [only, ...others] = runs as [Run, ...Run[]];
    const shown = others.length > 0 ? runs : [{ ...only, text: only.text.trimEnd() }];
    return paint(shown, page.color);
  });
}

/** Columns for labels: the widest one and a space, within reason; a wider label takes a line for itself. */
export function labelColumns(labels: readonly Phrase[]): number {
  const widths = labels.map((phrase) => {
    const [word = []] = wordsOf([{ tone: 'plain', phrase }], WIDEST_LABEL);
    return widthOf(word);
  });
  return Math.min(Math.max(0, ...widths), WIDEST_LABEL) + 2;
}

function wordsOf(spans: readonly Span[], room: number): readonly Word[] {
  const words: Word[] = [[]];
  for (const { tone, phrase } of spans) {
    for (const piece of phrase) {
      for (const [index, text] of textsOf(piece, room).entries()) {
        if (index > 0) words.push([]);
        if (text !== '') words.at(-1)?.push({ text, tone });
      }
    }
  }
  return words.filter((word) => word.length > 0);
}

/** A piece as words: the first joins what stands before it. */
function textsOf(piece: Piece, room: number): readonly string[] {
  if (typeof piece === 'string') return piece.split(' ');
  if ('thumbprint' in piece)
    return [`${piece.thumbprint.slice(0, 8)}…${piece.thumbprint.slice(-4)}`];
  const columns = Math.min(WIDEST_WORD, room - PUNCTUATION);
  const { text, characters } = foreignText(piece, columns, { rightToLeft: true });
  return characters === undefined ? [text] : [text, `(${characters}`, 'characters)'];
}

/** A word that no line can hold, in parts that a line can. */
function splitWide(word: Word, room: number): readonly Word[] {
  if (widthOf(word) <= room) return [word];
  const parts: Word[] = [[]];
  let used = 0;
  for (const { text, tone } of word) {
    for (const character of text) {
      const columns = columnsIn(character);
      if (used + columns > room) {
        parts.push([]);
        used = 0;
      }
      parts.at(-1)?.push({ text: character, tone });
      used += columns;
    }
  }
  return parts;
}

function widthOf(word: Word): number {
  let columns = 0;
  for (const { text } of word) {
    if (/^[ -~]*$/.test(text)) columns += text.length;
    else for (const character of text) columns += columnsIn(character);
  }
  return columns;
}

/** Our own arrows and dots take one column. */
const OWN_SIGNS = '→≤≥…●◆✗✓○┊│';

function columnsIn(character: string): number {
  return OWN_SIGNS.includes(character) ? 1 : columnsOf(character);
}

function paint(runs: readonly Run[], color: boolean): string {
  if (!color) return runs.map(({ text }) => text).join('');
  let painted = '';
  for (let at = 0; at < runs.length; ) {
    const { tone } = runs[at] as Run;
    let text = '';
    for (; runs[at]?.tone === tone; at += 1) text += runs[at]?.text;
    painted +=
      SGR[tone] === '' || text.trim() === '' ? text : `\u001b[${SGR[tone]}m${text}\u001b[0m`;
  }
  return painted;
}

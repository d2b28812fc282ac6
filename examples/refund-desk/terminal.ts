import { stripVTControlCharacters } from 'node:util';

const COLUMNS = 80;

/** Writes for people: 80 columns, colour only where it is wanted. */
export interface Page {
  readonly color: boolean;
  line(text?: string): void;
  heading(text: string): void;
  /** Wraps; every line starts with the indent. */
  paragraph(text: string, indent?: string): void;
  /** As it is, each line indented by nothing. */
  block(text: string): void;
  table(
    head: readonly string[],
    widths: readonly number[],
    rows: readonly (readonly string[])[],
  ): void;
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

export function createPage(write: (text: string) => void, color: boolean): Page {
  const paint = (code: number) => (text: string) =>
    color ? `\u001b[${code}m${text}\u001b[0m` : text;
  const [bold, good, bad, dim] = [paint(1), paint(32), paint(31), paint(2)];
  const line = (text = ''): void => write(`${text}\n`);
  return {
    color,
    line,
    good,
    bad,
    dim,
    heading(text) {
      line();
      line(bold(text));
    },
    paragraph(text, indent = '') {
      for (const wrapped of wrap(text, COLUMNS - indent.length)) line(indent + wrapped);
    },
    block: (text) => write(text.endsWith('\n') ? text : `${text}\n`),
    table(head, widths, rows) {
      const row = (cells: readonly string[], style = (text: string) => text): void => {
        const wrapped = cells.map((cell, index) => wrap(cell, widths[index] ?? COLUMNS));
        const height = Math.max(...wrapped.map((lines) => lines.length));
        for (let at = 0; at < height; at += 1) {
          const parts = wrapped.map((lines, index) => pad(lines[at] ?? '', widths[index] ?? 0));
          line(style(parts.join('  ').trimEnd()));
        }
      };
      row(head, bold);
      line(widths.map((width) => '─'.repeat(width)).join('  '));
      for (const cells of rows) row(cells);
    },
  };
}

/** Whether to write in colour: on a terminal, unless NO_COLOR says no (no-color.org). */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || lengthOf(last) + 1 + lengthOf(word) > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

const WIDTH = 80;

/** Breaks prose at spaces so that no line is longer than 80 columns, if its words allow. */
export function wrap(text: string, indent = 0, hanging: number = indent): string {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  let filled = false;
  for (const word of text.split(' ')) {
    if (filled && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = ' '.repeat(hanging) + word;
    } else {
      line += filled ? ` ${word}` : word;
      filled = true;
    }
  }
  lines.push(line);
  return lines.join('\n');
}

/** Rows of a label and a value, the values under each other. Rows without a value are left out. */
export function fields(rows: readonly (readonly [string, string | undefined])[]): string {
  const present = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const column = Math.max(...present.map(([label]) => label.length)) + 4;
  return present
    .map(([label, value]) => `  ${label.padEnd(column - 2)}${wrap(value, column).trimStart()}`)
    .join('\n');
}

/** Marks the word that matters most. */
export type Paint = (colour: 'red' | 'green' | 'yellow', text: string) => string;

const CODES = { red: 31, green: 32, yellow: 33 } as const;

/** Colours where a person looks at a terminal and has not set NO_COLOR (https://no-color.org). */
export function paintFor(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  return wantsColour(isTerminal, env)
    ? (colour, text) => `\u001b[1;${CODES[colour]}m${text}\u001b[0m`
    : (_, text) => text;
}

/** Whether output may be coloured. */
export function wantsColour(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

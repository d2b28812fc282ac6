import { stripVTControlCharacters } from 'node:util';
import type { Outcome } from './outcome.ts';

const COLUMNS = 80;

/** Something that somebody tried, and how it ended. */
export interface Step {
  readonly by: string;
  readonly tried: string;
  /** How it must end; the run fails when it ends otherwise. */
  readonly expected: string;
  readonly code: string;
}

/** Tells the story: 80 columns, colour only where it is wanted. */
export interface Page {
  readonly steps: readonly Step[];
  heading(text: string): void;
  say(text: string): void;
  /** Lines as they are, indented. */
  quote(lines: readonly string[]): void;
  /** Tries something, and says how it ended. */
  step(by: string, tried: string, expected: string, run: () => Promise<Outcome>): Promise<Outcome>;
}

export function createPage(write: (text: string) => void, color: boolean): Page {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const steps: Step[] = [];
  return {
    steps,
    heading: (text) => write(`\n${paint(1, text)}\n`),
    say: (text) => write(`${wrap(text).join('\n')}\n`),
    quote: (lines) => write(`${lines.map((line) => `    ${plain(line)}`).join('\n')}\n`),
    async step(by, tried, expected, run) {
      const outcome = await run();
      const { code, refusedBy } = outcome;
      steps.push({ by, tried, expected, code });
      const shown =
        code === 'permitted'
          ? paint(32, `✓ ${code}`)
          : code === 'approval_required'
            ? paint(2, `… ${code}`)
            : paint(31, `✗ ${code}`);
      const who = `${by}: `.padEnd(13);
      write(
        `  ${who}${tried.padEnd(33)} ${shown}${refusedBy === 'toolkit' ? ', own toolkit' : ''}\n`,
      );
      return outcome;
    },
  };
}

/** What comes from elsewhere does not steer the terminal. */
function plain(line: string): string {
  return stripVTControlCharacters(line).slice(0, COLUMNS - 4);
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

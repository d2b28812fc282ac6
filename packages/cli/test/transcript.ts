import type { Workspace } from './workspace.ts';

/**
 * Runs the commands of a transcript and writes it anew, with what they really print.
 *
 * A line that starts with `$ ` is a command; one that ends in a backslash goes on in the next. What follows is what it
 * printed: standard output as it is, then standard error with `2> ` before each line, then `[1]` for an exit code that
 * is not 0. Lines that start with `#` are for the reader.
 */
export async function replay(text: string, workspace: Workspace): Promise<string> {
  const lines = text.split('\n');
  const replayed: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] as string;
    if (line === '' && replayed.at(-1) !== '') replayed.push('');
    if (line.startsWith('#')) replayed.push(line);
    if (!line.startsWith('$ ')) continue;
    const command = [line];
    while ((command.at(-1) as string).endsWith('\\')) {
      index += 1;
      command.push(lines[index] as string);
    }
    replayed.push(...command, ...(await runLine(command.join('\n').slice(2), workspace)));
  }
  return `${replayed.join('\n').trimEnd()}\n`;
}

async function runLine(line: string, workspace: Workspace): Promise<readonly string[]> {
  const words = splitWords(line);
  const program = words.shift();
  if (program === 'cat') return printed(workspace.read(words[0] as string), '');
  if (program === 'write') {
    workspace.write(words[0] as string, `${words[1]}\n`);
    return [];
  }
  if (program !== 'taper') throw new Error(`a transcript cannot run ${program}`);
  const redirect = words.indexOf('<');
  const stdin = redirect === -1 ? undefined : workspace.read(words[redirect + 1] as string);
  if (redirect !== -1) words.splice(redirect, 2);
  const result = await workspace.taper(words, stdin === undefined ? {} : { stdin });
  return [
    ...printed(result.stdout, ''),
    ...printed(result.stderr, '2> '),
    ...(result.exitCode === 0 ? [] : [`[${result.exitCode}]`]),
  ];
}

function printed(text: string, prefix: string): readonly string[] {
  const lines = text.split('\n');
  // A text that does not end its last line would be hard to see.
  if (lines.at(-1) === '') lines.pop();
  else lines.push('(no newline)');
  return lines.map((line) =>
    `${prefix}${line === '' ? (prefix === '' ? '│' : '') : line}`.trimEnd(),
  );
}

/** Splits as a shell does: words, '…', "…", and backslash before a line break. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\\\n|\s+|((?:'[^']*'|"[^"]*"|[^\s'"\\])+)/gy;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    if (match[1] !== undefined)
      words.push(match[1].replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}

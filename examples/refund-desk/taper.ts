import { run } from '@taper/cli';

export interface Said {
  readonly exitCode: number;
  /** On standard output and standard error, as to somebody who reads it elsewhere than on a terminal. */
  readonly said: string;
  /** On standard output alone. */
  readonly output: string;
}

export interface Speaking {
  /** For standard input. */
  readonly input?: string;
  /** Ends a command that serves. */
  readonly stopped?: AbortSignal;
  /** Hears what is said while the command runs. */
  readonly hear?: (text: string) => void;
}

/** Runs the command `taper` in a folder. */
export async function taper(
  folder: string,
  words: readonly string[],
  { input = '', stopped, hear }: Speaking = {},
): Promise<Said> {
  let [said, output] = ['', ''];
  const writer = (isOutput: boolean) => ({
    isTerminal: false,
    write: async (text: string) => {
      said += text;
      if (isOutput) output += text;
      hear?.(text);
      return true;
    },
  });
  const exitCode = await run(words, {
    stdin: (async function* () {
      yield Buffer.from(input);
    })(),
    stdinIsTerminal: false,
    stdout: writer(true),
    stderr: writer(false),
    cwd: folder,
    env: {},
    clock: () => Math.floor(Date.now() / 1000),
    stopped,
  });
  return { exitCode, said, output };
}

/** As {@link taper}, for what must not go wrong. @returns what is said on standard output. */
export async function taperDoes(
  folder: string,
  words: readonly string[],
  speaking?: Speaking,
): Promise<string> {
  const { exitCode, said, output } = await taper(folder, words, speaking);
  if (exitCode !== 0) throw new Error(`taper ${words.slice(0, 2).join(' ')} failed:\n${said}`);
  return output;
}

import { run } from '@taper/cli';

export interface Speaking {
  /** For standard input. */
  readonly input?: string;
  /** Ends a command that serves. */
  readonly stopped?: AbortSignal;
  /** Hears what is said while the command runs. */
  readonly hear?: (text: string) => void;
}

/** Runs the command `taper` in a folder, as in a terminal. @returns what it says on standard output. @throws when it fails. */
export async function taper(
  folder: string,
  words: readonly string[],
  { input = '', stopped, hear }: Speaking = {},
): Promise<string> {
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
  if (exitCode !== 0) throw new Error(`taper ${words.slice(0, 2).join(' ')} failed:\n${said}`);
  return output;
}

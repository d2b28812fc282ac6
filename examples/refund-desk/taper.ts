import { run } from '@taper/cli';

export interface Said {
  readonly exitCode: number;
  /** On standard output and standard error, as to somebody who reads it elsewhere than on a terminal. */
  readonly said: string;
}

/** Runs the command `taper` in a folder. */
export async function taper(folder: string, words: readonly string[]): Promise<Said> {
  let said = '';
  const output = {
    isTerminal: false,
    write: async (text: string) => {
      said += text;
      return true;
    },
  };
  const exitCode = await run(words, {
    stdin: (async function* () {})(),
    stdinIsTerminal: false,
    stdout: output,
    stderr: output,
    cwd: folder,
    env: {},
    clock: () => Math.floor(Date.now() / 1000),
  });
  return { exitCode, said };
}

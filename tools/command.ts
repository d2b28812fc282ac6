import { spawn } from 'node:child_process';
import { repositoryRoot } from './repository.ts';

/** How a command ended. */
export interface CommandResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** Everything it printed, without trailing white space. */
  readonly output: string;
}

/** Runs a command in the root of the repository and collects what it prints. Never throws. */
export function run(command: string, ...parameters: readonly string[]): Promise<CommandResult> {
  const onWindows = process.platform === 'win32';
  const child = spawn(command, parameters, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    // The commands in node_modules/.bin are scripts on Windows, which only a shell can start.
    shell: onWindows && command !== process.execPath,
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  return new Promise((settle) => {
    child.on('error', ({ message }) => settle({ ok: false, stdout, output: message }));
    child.on('close', (code) => settle({ ok: code === 0, stdout, output: output.trimEnd() }));
  });
}

import type { Io, Output } from './io.ts';

/** The streams, folder, environment and clock of this process. Standard input and folder are touched only when asked for. */
export function processIo(): Io {
  let stopped: AbortSignal | undefined;
  return {
    get stdin() {
      return process.stdin;
    },
    get stdinIsTerminal() {
      return process.stdin.isTTY === true;
    },
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    get cwd() {
      return process.cwd();
    },
    env: process.env,
    clock: () => Math.floor(Date.now() / 1000),
    get stopped() {
      stopped ??= stopSignal();
      return stopped;
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // Failures arrive at the callback of the write; without a listener they would end the process.
  stream.on('error', () => {});
  return {
    isTerminal: stream.isTTY === true,
    write: (text) =>
      new Promise((settle, fail) => {
        stream.write(text, (error) => {
          if (error === null || error === undefined) settle(true);
          else if ((error as NodeJS.ErrnoException).code === 'EPIPE') settle(false);
          else fail(error);
        });
      }),
  };
}

/** From the first time that it is asked for, Ctrl-C and SIGTERM end the run well; the second one ends it at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

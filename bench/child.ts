import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Starts a file of the bench as a process of its own. It ends when it is disconnected. */
export function start(
  file: string,
  args: readonly string[],
  processes: ChildProcess[],
  nodeOptions: readonly string[] = [],
): ChildProcess {
  const child = fork(join(import.meta.dirname, file), args, {
    execArgv: ['--conditions=@taper/source', ...nodeOptions],
  });
  processes.push(child);
  return child;
}

/** The next message of a child; rejects when there will be none. */
export async function told(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([message]) => message),
      once(child, 'exit', { signal: ended.signal }).then(([code]) => {
        throw new Error(`A process of the bench ended with ${code}.`);
      }),
    ]);
  } finally {
    ended.abort();
  }
}

/** Has a file of the bench find out one thing in a process of its own, where nothing else takes memory. */
export async function inOwnProcess(file: string, task: unknown): Promise<unknown> {
  const processes: ChildProcess[] = [];
  try {
    return await told(start(file, [JSON.stringify(task)], processes, ['--expose-gc']));
  } finally {
    for (const each of processes) if (each.connected) each.disconnect();
  }
}

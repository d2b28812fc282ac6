import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of this example. It ends when its parent does, however that happens. */
export interface Child {
  /** The address at which it listens. */
  readonly url: string;
  /** Ends it and waits until it has gone. */
  stop(): Promise<void>;
}

/** All that were started, so that none is left behind. */
export interface Children {
  /** Starts a script of this folder, and resolves when it listens. */
  start(script: string, config: object): Promise<Child>;
  stopAll(): Promise<void>;
}

export function createChildren(): Children {
  const all: ChildProcess[] = [];
  let isOver = false;
  return {
    async start(script, config) {
      if (isOver) throw new Error('The run is over.');
      const child = fork(fileURLToPath(new URL(script, import.meta.url)), [], {
        execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      all.push(child);
      let complaints = '';
      child.stderr?.on('data', (chunk) => {
        complaints = `${complaints}${chunk}`.slice(-2000);
      });
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      child.once('message', ({ url, problem }: Greeting) =>
        url === undefined ? reject(new Error(problem)) : resolve(url),
      );
      child.once('error', reject);
      child.once('close', () => reject(new Error(`${script} has ended.\n${complaints}`.trim())));
      child.send(config);
      return { url: await promise, stop: () => stop(child) };
    },
    async stopAll() {
      isOver = true;
      await Promise.all(all.map(stop));
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), 8000);
  await gone;
  clearTimeout(timer);
}

interface Greeting {
  readonly url?: string;
  readonly problem?: string;
}

/**
 * The child's side: does its work with what the parent says, and says where it listens. Ctrl-C is the parent's to handle.
 * @param work gets a signal that is aborted when the parent lets go or is gone; the process ends when `ended` does.
 */
export function serveParent<Config>(
  work: (
    config: Config,
    released: AbortSignal,
  ) => Promise<{ readonly url: string; readonly ended?: Promise<unknown> }>,
): void {
  const released = new AbortController();
  let ended: Promise<unknown> = Promise.resolve();
  process.on('SIGINT', () => {});
  process.on('disconnect', () => {
    released.abort();
    void ended.then(() => process.exit());
  });
  process.once('message', (config: Config) => {
    work(config, released.signal).then(
      (begun) => {
        ended = begun.ended ?? ended;
        process.send?.({ url: begun.url } satisfies Greeting);
      },
      ({ message }: Error) => process.send?.({ problem: message } satisfies Greeting),
    );
  });
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of this example that answers questions over Node's own channel to its children. */
export interface Worker {
  readonly name: string;
  readonly pid: number;
  /** @throws {WorkerError} when the worker fails to answer, or has ended. */
  ask<Answer>(question: string, detail?: unknown): Promise<Answer>;
  /** Ends the process and waits until it has gone. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** A command that runs the command behind it, such as `unshare --net`. */
  readonly launcher?: readonly string[];
  /** Scripts of this folder that run before. */
  readonly imports?: readonly string[];
}

/** What a worker could not do, in words for whoever runs the example. */
export class WorkerError extends Error {
  /** The code of a system error such as `EADDRINUSE`, where there is one. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.name = 'WorkerError';
    this.code = code;
  }
}

interface Question {
  readonly id: number;
  readonly question: string;
  readonly detail: unknown;
}

interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: { readonly message: string; readonly code?: string };
}

const PATIENCE = 30_000;

/** Starts a script of this folder as a process of its own. It ends when its parent does, however that happens. */
export function startWorker(
  name: string,
  script: string,
  { launcher = [], imports = [] }: StartOptions = {},
): Worker {
  const node = [process.execPath, ...process.execArgv, '--disable-warning=ExperimentalWarning'];
  const [execPath, ...execArgv] = [...launcher, ...node] as [string, ...string[]];
  for (const each of imports) execArgv.push('--import', new URL(each, import.meta.url).href);
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [], {
    execPath,
    execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  let complaints = '';
  let asked = 0;
  child.stderr?.on('data', (chunk) => {
    complaints = `${complaints}${chunk}`.slice(-2000);
  });
  child.on('message', (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const ended = (how: string): void => {
    const message = [`The ${name} ${how}.`, complaints.trim()].join('\n').trim();
    for (const [id, settle] of waiting) settle({ id, error: { message } });
    waiting.clear();
  };
  child.on('error', (error) => ended(`could not be started: ${error.message}`));
  child.on('close', (code, signal) =>
    ended(`has ended unexpectedly (${signal ?? `exit code ${code}`})`),
  );

  return {
    name,
    pid: child.pid ?? 0,
    async ask<Answer>(question: string, detail?: unknown): Promise<Answer> {
      const id = asked++;
      const { promise, resolve } = Promise.withResolvers<Reply>();
      waiting.set(id, resolve);
      const timer = setTimeout(() => {
        resolve({
          id,
          error: { message: `The ${name} did not answer within ${PATIENCE / 1000} s.` },
        });
      }, PATIENCE);
      if (child.connected) child.send({ id, question, detail } satisfies Question);
      else resolve({ id, error: { message: `The ${name} has ended.\n${complaints}`.trim() } });
      const { answer, error } = await promise.finally(() => clearTimeout(timer));
      if (error !== undefined) throw new WorkerError(error.message, error.code);
      return answer as Answer;
    },
    async stop() {
      ended('has been stopped'); // whoever waits for an answer waits in vain; `close` may not come
      await stop(child);
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(timer);
}

/** The worker's side: answers questions until the parent has gone. Ctrl-C is the parent's to handle. */
export function answerQuestions(
  answers: Readonly<Record<string, (detail: never) => unknown>>,
): void {
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
  process.on('message', ({ id, question, detail }: Question) => {
    Promise.try(answers[question] as (detail: unknown) => unknown, detail).then(
      (answer) => process.send?.({ id, answer } satisfies Reply),
      ({ message, code }: NodeJS.ErrnoException) => {
        const error = typeof code === 'string' ? { message, code } : { message };
        process.send?.({ id, error } satisfies Reply);
      },
    );
  });
}

import { answerQuestions } from './processes.ts';
import { type Said, taper } from './taper.ts';

// The authority: `taper up`, in a process of its own. Agents enrol here, and get their root tokens here.

export interface UpDetail {
  readonly folder: string;
  /** Beside the folder: when it is new, `--port`. */
  readonly options: readonly string[];
}

let running: { readonly stop: AbortController; readonly ended: Promise<Said> } | undefined;

answerQuestions({
  /** Starts it. The answer is its address. */
  up({ folder, options }: UpDetail): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const stop = new AbortController();
    const ended = taper('.', ['up', '--dir', folder, ...options, '--json'], {
      stopped: stop.signal,
      hear(text) {
        const [, url] = /"listening":"([^"]+)"/.exec(text) ?? [];
        if (url !== undefined) resolve(url);
      },
    });
    void ended.then(({ said }) => reject(new Error(`taper up has ended:\n${said}`)));
    running = { stop, ended };
    return promise;
  },

  /** Stops it, as Ctrl-C does. */
  async down(): Promise<void> {
    running?.stop.abort();
    await running?.ended;
  },
});

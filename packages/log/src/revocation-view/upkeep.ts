/** Milliseconds before a lost connection is tried again; doubled each time it is lost at once. */
const LEAST_PAUSE = 100;
const GREATEST_PAUSE = 5_000;

export interface UpkeepOptions {
  /** Never rejects. */
  readonly poll: () => Promise<void>;
  /** Milliseconds. */
  readonly pollInterval: number;
  /** Resolves when the connection is lost; never rejects. */
  readonly listen: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly closed: AbortSignal;
}

export interface Upkeep {
  readonly polling: {
    /** Polls now, or once more after the poll that runs. */
    now(): Promise<void>;
  };
  readonly pushing: {
    /** Drops the connection; it is made anew. */
    restart(): void;
  };
}

/** Polls again and again, and keeps a pushing connection, until it is closed. Timers keep no process alive. */
export function createUpkeep({ poll, pollInterval, listen, closed }: UpkeepOptions): Upkeep {
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let connection = new AbortController();

  function now(): Promise<void> {
    if (running === undefined) {
      running = poll().finally(() => {
        running = undefined;
      });
      return running;
    }
    // One more for all who ask meanwhile: the one that runs may have asked too early.
    waiting ??= running.then(() => {
      waiting = undefined;
      return now();
    });
    return waiting;
  }

  async function pollForEver(): Promise<void> {
    while (!closed.aborted) {
      await now();
      await pause(jittered(pollInterval), closed);
    }
  }

  async function listenForEver(): Promise<void> {
    let wait = LEAST_PAUSE;
    while (listen !== undefined && !closed.aborted) {
      // What can be asked for is not waited for: pushing begins where that ends.
      await (running ?? now());
      connection = new AbortController();
      const began = performance.now();
      await listen(AbortSignal.any([closed, connection.signal]));
      wait = performance.now() - began > GREATEST_PAUSE ? LEAST_PAUSE : 2 * wait;
      await pause(jittered(Math.min(wait, GREATEST_PAUSE)), closed);
    }
  }

  void pollForEver();
  void listenForEver();
  return { polling: { now }, pushing: { restart: () => connection.abort() } };
}

/** So that a thousand followers that lost one server do not come back at once. */
function jittered(milliseconds: number): number {
  return milliseconds * (0.75 + Math.random() / 2);
}

function pause(milliseconds: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      closed.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    timer.unref();
    closed.addEventListener('abort', end);
    if (closed.aborted) end();
  });
}

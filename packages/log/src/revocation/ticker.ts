/** Does something again and again, one at a time. */
export interface Ticker {
  start(): void;
  /** Done when what was being done is. */
  stop(): Promise<void>;
}

/** @param interval milliseconds from one beginning to the next, when there is time for it. @param tick never rejects. */
export function createTicker(interval: number, tick: () => Promise<void>): Ticker {
  let isRunning = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ticking: Promise<void> = Promise.resolve();
  function run(): void {
    const began = performance.now();
    ticking = tick();
    void ticking.then(() => {
      if (!isRunning) return;
      timer = setTimeout(run, Math.max(interval - (performance.now() - began), 1));
    });
  }
  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      run();
    },
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      await ticking;
    },
  };
}

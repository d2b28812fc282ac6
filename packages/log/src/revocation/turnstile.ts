/** Lets any number in at once, until somebody needs to be alone: then nobody comes in before that one is done. */
export interface Turnstile {
  readonly inside: number;
  /** Runs beside others. */
  share<Result>(run: () => Promise<Result>): Promise<Result>;
  /** Runs when everybody has left, with nobody beside it; one after the other. */
  alone<Result>(run: () => Promise<Result>): Promise<Result>;
}

export function createTurnstile(): Turnstile {
  let inside = 0;
  let emptied: (() => void) | undefined;
  let gate: Promise<unknown> | undefined;
  return {
    get inside() {
      return inside;
    },
    async share(run) {
      while (gate !== undefined) await gate;
      inside += 1;
      try {
        return await run();
      } finally {
        inside -= 1;
        if (inside === 0) emptied?.();
      }
    },
    async alone(run) {
      while (gate !== undefined) await gate;
      let open: () => void = () => {};
      gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      try {
        if (inside > 0)
          await new Promise<void>((resolve) => {
            emptied = resolve;
          });
        emptied = undefined;
        return await run();
      } finally {
        gate = undefined;
        open();
      }
    },
  };
}

/** Tells the time. A port: the enforcement point owns it, the deployment supplies it. */
export interface Clock {
  /** Whole seconds since the epoch. Anything else, or an exception, refuses every call with `clock_unavailable`. */
  now(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) };

/** Seconds by which a clock may step back, as NTP makes it do, before calls are refused. */
export const MAX_STEP_BACK = 2;

/**
 * Reads a clock so that time never runs backwards: within {@link MAX_STEP_BACK} seconds the latest time seen counts,
 * beyond it, or when the clock fails, the answer is `undefined`. A restored snapshot cannot revive what has expired.
 *
 * @param failed is told what the clock threw, or `undefined` where it gave no time or stepped back.
 */
export function forwardOnly(
  clock: Clock,
  failed: (cause: unknown) => void = () => {},
): () => number | undefined {
  let latest = Number.NEGATIVE_INFINITY;
  return () => {
    let now: unknown;
    try {
      now = clock.now();
    } catch (cause) {
      failed(cause);
      return undefined;
    }
    // What a clock that is asynchronous rejects with must not end the process.
    if (now instanceof Promise) now.catch(() => undefined);
    if (!Number.isSafeInteger(now) || (now as number) < latest - MAX_STEP_BACK) {
      failed(undefined);
      return undefined;
    }
    latest = Math.max(latest, now as number);
    return latest;
  };
}

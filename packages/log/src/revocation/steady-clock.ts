/** Seconds by which a clock may be ahead of what has passed since it was read last. */
const MAX_JUMP = 60;

/** Seconds for which a clock that jumped ahead has to go on evenly until it is believed. */
const PROBATION = 30;

interface Reading {
  /** Seconds since the epoch. */
  readonly time: number;
  /** Seconds of the monotonic clock. */
  readonly at: number;
}

/** A clock whose jumps ahead do not count at once. */
export interface SteadyClock {
  /** Seconds since the epoch. */
  read(): number;
  /** From the next reading on, jumps are noticed. */
  watch(): void;
  /** The clock is read as it is. */
  rest(): void;
}

/**
 * Times in a log never fall, so one entry under a clock that was wrong for a moment would keep every later time there: no epoch would be
 * fresh until that day has come. So a clock that jumps ahead is not followed until it has gone on evenly for half a minute, as one
 * does that was set right; meanwhile time passes as the monotonic clock has it.
 *
 * @param monotonic seconds, from any beginning.
 * @param onJump is told by how many seconds, once for each jump.
 */
export function createSteadyClock(
  clock: () => number,
  monotonic: () => number,
  onJump: (seconds: number) => void,
): SteadyClock {
  let isWatching = false;
  let believed: Reading | undefined;
  let suspect: Reading | undefined;

  function believe(reading: Reading): number {
    believed = reading;
    suspect = undefined;
    return reading.time;
  }

  function expected({ time, at }: Reading, now: number): number {
    return Math.floor(time + (now - at));
  }

  return {
    watch() {
      isWatching = true;
    },
    rest() {
      isWatching = false;
      believed = undefined;
      suspect = undefined;
    },
    read() {
      const time = clock();
      if (!isWatching) return time;
      const reading = { time, at: monotonic() };
      if (believed === undefined) return believe(reading);
      const steady = expected(believed, reading.at);
      // Also a clock that gives no number is as it is: whoever asked says what that means.
      if (!(time > steady + MAX_JUMP)) return believe(reading);
      if (suspect === undefined || Math.abs(time - expected(suspect, reading.at)) > MAX_JUMP) {
        suspect = reading;
        onJump(time - steady);
      }
      return reading.at - suspect.at >= PROBATION ? believe(reading) : steady;
    },
  };
}

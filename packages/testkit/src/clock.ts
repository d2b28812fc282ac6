/** A clock that stands still until a test moves it. Whole seconds since the epoch. */
export interface TestClock {
  now(): number;
  set(seconds: number): void;
  /** Moves forward, or back with a negative number. */
  advance(seconds: number): void;
}

/** The moment at which tests take place unless they say otherwise: 2026-11-20T12:00:00Z. */
export const TEST_TIME = 1_795_176_000;

export function createTestClock(start: number = TEST_TIME): TestClock {
  let time = start;
  return {
    now: () => time,
    set(seconds) {
      time = seconds;
    },
    advance(seconds) {
      time += seconds;
    },
  };
}

import { beforeEach, describe, expect, it } from 'vitest';
import { createSteadyClock, type SteadyClock } from '../../src/revocation/steady-clock.ts';

// Times in a revocation log never fall (spec/revocation.md section 3): what one wrong moment of a clock must not fix for good.

const NOW = 1_800_000_000;
const YEAR = 365 * 86_400;

describe('the clock of an authority', () => {
  let wall = NOW;
  let elapsed = 0;
  let jumps: number[] = [];
  let clock: SteadyClock;

  /** Time passes; `ahead` is what the clock of the machine is wrong by from now on. */
  function pass(seconds: number, ahead = 0): number {
    elapsed += seconds;
    wall += seconds + ahead;
    return clock.read();
  }

  beforeEach(() => {
    wall = NOW;
    elapsed = 0;
    jumps = [];
    clock = createSteadyClock(
      () => wall,
      () => elapsed,
      (seconds) => jumps.push(seconds),
    );
    clock.watch();
    clock.read();
  });

  it('[Z01] that jumps ahead and is set right again within half a minute is never followed', () => {
    expect(pass(1, YEAR)).toBe(NOW + 1);
    expect(pass(28)).toBe(NOW + 29);
    expect(pass(1, -YEAR)).toBe(NOW + 30);
    expect(jumps).toEqual([YEAR]);
    expect(pass(60)).toBe(NOW + 90);
  });

  it('is followed when it has gone on evenly for half a minute: the machine had slept', () => {
    expect(pass(1, 3600)).toBe(NOW + 1);
    expect(pass(29)).toBe(NOW + 30);
    expect(pass(1)).toBe(NOW + 31 + 3600);
    expect(jumps).toEqual([3600]);
  });

  it('that jumps again while it is watched begins its half minute anew', () => {
    pass(1, YEAR);
    expect(pass(29, YEAR)).toBe(NOW + 30);
    expect(pass(29)).toBe(NOW + 59);
    expect(jumps).toHaveLength(2);
    expect(pass(1)).toBe(NOW + 60 + 2 * YEAR);
  });

  it('is followed at once over a minute or less, and whenever it goes back', () => {
    expect(pass(1, 60)).toBe(NOW + 61);
    expect(pass(1, -YEAR)).toBe(NOW + 62 - YEAR);
    expect(jumps).toEqual([]);
  });

  it('that gives no time is not made up for', () => {
    wall = Number.NaN;
    expect(clock.read()).toBeNaN();
  });

  it('is read as it is where nobody watches', () => {
    clock.rest();
    expect(pass(1, YEAR)).toBe(NOW + 1 + YEAR);
    expect(jumps).toEqual([]);
  });
});

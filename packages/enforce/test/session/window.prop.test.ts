import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SequenceWindow, WINDOW } from '../../src/session/window.ts';

/** What the window must say, written as one would think it: every number ever used, and the greatest. */
class Model {
  readonly used: Set<number> = new Set();
  greatest = 0;

  look(sequence: number): string {
    if (this.greatest - sequence >= WINDOW) return 'old';
    return this.used.has(sequence) ? 'used' : 'free';
  }

  use(sequence: number): string {
    const state = this.look(sequence);
    if (state !== 'free') return state;
    this.used.add(sequence);
    this.greatest = Math.max(this.greatest, sequence);
    return state;
  }
}

const START = fc.constantFrom(1, 31, 1023, 1024, 2 ** 31 - 5, 2 ** 32 - 5, 2 ** 53 - 6000);

/** Steps that go forward and back, mostly near the edges of the window. */
const STEPS = fc.array(
  fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    fc.constantFrom(-WINDOW - 1, -WINDOW, -WINDOW + 1, WINDOW - 1, WINDOW, WINDOW + 1, 31, 32, 33),
    fc.integer({ min: -3000, max: 3000 }),
  ),
  { maxLength: 400 },
);

describe('the window of sequence numbers', () => {
  test('says what a list of all numbers says, on any way through them', () => {
    fc.assert(
      fc.property(START, STEPS, (start, steps) => {
        const window = new SequenceWindow();
        const model = new Model();
        let at = start;
        for (const step of steps) {
          at = Math.min(Math.max(at + step, 1), Number.MAX_SAFE_INTEGER);
          expect(window.look(at)).toBe(model.look(at));
          expect(window.use(at)).toBe(model.use(at));
          expect(window.look(at)).not.toBe('free');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('lets each number through at most once, and none that lies 1024 or more behind, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 600 }),
        (numbers) => {
          const window = new SequenceWindow();
          const passed: number[] = [];
          for (const number of numbers) {
            const greatest = Math.max(0, ...passed);
            if (window.use(number) !== 'free') continue;
            expect(greatest - number).toBeLessThan(WINDOW);
            passed.push(number);
          }
          expect(new Set(passed).size).toBe(passed.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('lets all through that come in order, with gaps or without', () => {
    fc.assert(
      fc.property(
        START,
        fc.array(fc.integer({ min: 1, max: 2500 }), { maxLength: 300 }),
        (start, gaps) => {
          const window = new SequenceWindow();
          let at = start;
          for (const gap of gaps) {
            at += gap;
            if (at > Number.MAX_SAFE_INTEGER) break;
            expect(window.use(at)).toBe('free');
          }
        },
      ),
    );
  });

  test('lets any order through that keeps within the window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 52 }),
        fc.shuffledSubarray(
          Array.from({ length: WINDOW }, (_, index) => index),
          { minLength: WINDOW },
        ),
        (start, order) => {
          const window = new SequenceWindow();
          for (const index of order) expect(window.use(start + index)).toBe('free');
          for (const index of order) expect(window.use(start + index)).toBe('used');
        },
      ),
      { numRuns: 30 },
    );
  });

  test('comes to its end at 2^53 - 1, and says no more then', () => {
    const window = new SequenceWindow();
    const last = Number.MAX_SAFE_INTEGER;
    expect(window.use(last)).toBe('free');
    expect(window.use(last)).toBe('used');
    expect(window.use(last - WINDOW + 1)).toBe('free');
    expect(window.use(last - WINDOW)).toBe('old');
    expect(window.use(1)).toBe('old');
  });

  test('changes nothing by looking', () => {
    const window = new SequenceWindow();
    for (const number of [5000, 1, 5000]) expect(window.look(number)).toBe('free');
    expect(window.use(1)).toBe('free');
  });
});

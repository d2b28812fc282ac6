import { beforeAll, describe, expect, test } from 'vitest';
import { answers, found, openStory, PAYMENT, type Story, verify } from './story.ts';

let story: Story;
let whole: string;
beforeAll(async () => {
  story = await openStory();
  expect(await story.pay()).toBe('permit');
  story.now += 5;
  expect(await story.pay({ args: { amount: '300.00', order: 'o-2' }, proves: PAYMENT })).toBe('argument_refused');
  await story.point.authorize('nothing at all', 'pay', {});
  expect(await story.payInSession()).toBe('permit');
  const staple = await story.staple();
  whole = await story.bundle({ staples: [staple] });
});

describe('a bundle of everything', () => {
  test('is authentic, authorized and complete', async () => {
    const verdict = await verify(whole);
    expect(found(verdict)).toEqual([]);
    expect(answers(verdict)).toEqual(['pass', 'pass', 'pass']);
  });
});

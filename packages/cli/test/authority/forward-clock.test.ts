import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { expect, it } from 'vitest';
import { openForwardClock } from '../../src/authority/forward-clock.ts';

const START = 1_800_000_000;

it('the clock of the authority never runs backwards, and says when that of the machine does (J08)', async () => {
  let time = START;
  const clock = await openForwardClock(() => time, openSqliteAuthorityStore({ path: ':memory:' }));
  expect([clock.now(), clock.isBehind()]).toEqual([START, false]);
  time = START + 10;
  expect(clock.now()).toBe(START + 10);
  time = START + 8;
  expect([clock.now(), clock.isBehind()]).toEqual([START + 10, false]);
  time = START - 86_400;
  expect([clock.now(), clock.isBehind()]).toEqual([START + 10, true]);
  time = Number.NaN;
  expect([clock.now(), clock.isBehind()]).toEqual([START + 10, true]);
  time = START + 11;
  expect([clock.now(), clock.isBehind()]).toEqual([START + 11, false]);
});

it('nor over a restart, or at another node of the same store', async () => {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  let time = START;
  const clock = await openForwardClock(() => time, store);
  clock.now();
  await clock.keep();
  time += 60;
  await clock.keep();
  time += 60;
  await clock.keep();
  const again = await openForwardClock(() => START - 86_400, store);
  expect([again.now(), again.isBehind()]).toEqual([START + 60, true]);
  // What the one behind keeps does not set the other back.
  await again.keep();
  await again.keep();
  expect((await openForwardClock(() => 0, store)).now()).toBe(START + 60);
});

it('a clock that was far ahead for less than a minute is over with a restart', async () => {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  let time = START;
  const clock = await openForwardClock(() => time, store);
  await clock.keep();
  time = START + 10 * 365 * 86_400;
  expect(clock.now()).toBe(time);
  await clock.keep();
  expect((await openForwardClock(() => START + 60, store)).now()).toBe(START + 60);
});

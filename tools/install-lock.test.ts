import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './install-lock.mjs';

const timing = { pollMs: 2, renewMs: 5, pollsUntilAbandoned: 50 };
const ignore = (): void => {};

let parent: string;
let lock: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'taper-lock-'));
  lock = join(parent, 'cache', 'lock');
});

afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

test('never runs two actions at once', async () => {
  let running = 0;
  let most = 0;
  let done = 0;
  const action = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await sleep(5);
    running -= 1;
    done += 1;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(lock, action, ignore, timing)));
  expect({ most, done }).toEqual({ most: 1, done: 12 });
});

test('is free after an action that failed', async () => {
  const failing = withLock(lock, () => Promise.reject(new TypeError('failed')), ignore, timing);
  await expect(failing).rejects.toBeInstanceOf(TypeError);
  expect(existsSync(lock)).toBe(false);
});

test('tells the one that waits, once, and nobody else', async () => {
  const told: string[] = [];
  let release = ignore;
  const held = new Promise<void>((settle) => {
    release = settle;
  });
  const first = withLock(
    lock,
    () => held,
    () => told.push('first'),
    timing,
  );
  const second = withLock(
    lock,
    async () => {},
    () => told.push('second'),
    timing,
  );
  while (told.length === 0) await sleep(1);
  await sleep(20);
  release();
  await Promise.all([first, second]);
  expect(told).toEqual(['second']);
});

test('is not taken from a holder that shows life, however long it takes', async () => {
  const order: string[] = [];
  const slow = async (): Promise<void> => {
    const polls = timing.pollsUntilAbandoned * 4;
    for (let poll = 0; poll < polls; poll += 1) await sleep(timing.pollMs);
    order.push('first');
  };
  const first = withLock(lock, slow, ignore, timing);
  const second = withLock(lock, async () => void order.push('second'), ignore, timing);
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

test.each([
  ['with its mark', ['killed']],
  ['before it made its mark', []],
])('is taken over from a holder that was killed %s', async (_, names: string[]) => {
  mkdirSync(lock, { recursive: true });
  for (const name of names) writeFileSync(join(lock, name), '');
  let marks: string[] = [];
  const action = async (): Promise<void> => {
    marks = readdirSync(lock);
  };
  await withLock(lock, action, ignore, timing);
  expect(marks).toHaveLength(1);
  expect(marks).not.toContain('killed');
  expect(existsSync(lock)).toBe(false);
});

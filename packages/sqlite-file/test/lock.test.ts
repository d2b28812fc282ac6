import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FileLock, takeFileLock } from '../src/index.ts';

let folder: string;
let path: string;
const taken: FileLock[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => {
  for (const lock of taken.splice(0)) lock.release();
  rmSync(folder, { recursive: true });
});

function take(): FileLock {
  const lock = takeFileLock(path);
  if (lock === undefined) throw new Error('somebody has it');
  taken.push(lock);
  return lock;
}

test('one holder has it, until it is given back', () => {
  const lock = take();
  expect(lock.isHeld()).toBe(true);
  expect(takeFileLock(path)).toBeUndefined();
  // Who was refused has taken nothing from who has it.
  expect(takeFileLock(path)).toBeUndefined();
  lock.release();
  taken.splice(0);
  expect(take().isHeld()).toBe(true);
});

test('is for its owner alone', () => {
  take();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('whose file was deleted, replaced or moved is not held any more', () => {
  for (const harm of [
    () => rmSync(path),
    () => {
      rmSync(path);
      writeFileSync(path, '');
    },
    () => renameSync(path, `${path}.moved`),
  ]) {
    const lock = take();
    harm();
    expect(lock.isHeld()).toBe(false);
    lock.release();
    taken.splice(0);
    rmSync(path, { force: true });
  }
});

test('cannot be had where its file cannot be: that is an error, and not "somebody has it"', () => {
  path = join(folder, 'missing', 'lock');
  expect(() => takeFileLock(path)).toThrow();
  path = join(folder, 'other');
  writeFileSync(path, 'x'.repeat(4096));
  expect(() => takeFileLock(path)).toThrow();
});

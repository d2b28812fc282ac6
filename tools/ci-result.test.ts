import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-ci-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const allChecks = { passed: 7, failed: 0 };
const allTests = {
  numPassedTests: 20,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 0,
  testResults: [{ status: 'passed', assertionResults: [{}] }],
};

interface Ending {
  readonly status: number | null;
  readonly lastLine: string | undefined;
}

function end(checks: object | undefined, tests: object | undefined, ...statuses: string[]): Ending {
  if (checks) writeFileSync(join(folder, 'checks.json'), JSON.stringify(checks));
  if (tests) writeFileSync(join(folder, 'tests.json'), JSON.stringify(tests));
  const script = join(import.meta.dirname, 'ci-result.mjs');
  const { status, stdout } = spawnSync(process.execPath, [script, folder, ...statuses], {
    encoding: 'utf8',
  });
  return { status, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

test('passes when everything passed, and counts checks and tests', () => {
  expect(end(allChecks, allTests, '0', '0')).toEqual({
    status: 0,
    lastLine: '27 passed, 0 failed',
  });
});

test.each([
  ['a check failed', { passed: 6, failed: 1 }, allTests, '26 passed, 1 failed'],
  [
    'tests failed',
    allChecks,
    { ...allTests, numPassedTests: 18, numFailedTests: 2 },
    '25 passed, 2 failed',
  ],
  [
    'a test file could not be loaded',
    allChecks,
    { ...allTests, testResults: [{ status: 'failed', assertionResults: [] }] },
    '27 passed, 1 failed',
  ],
  ['the checks never ran', undefined, allTests, '20 passed, 1 failed'],
  ['the tests never ran', allChecks, undefined, '7 passed, 1 failed'],
  ['nothing ran', undefined, undefined, '0 passed, 2 failed'],
])('fails when %s', (_, checks, tests, lastLine) => {
  expect(end(checks, tests, '1', '1')).toEqual({ status: 1, lastLine });
});

test.each([
  ['1', '0'],
  ['0', '1'],
])('fails when a command failed although all that it counted passed: %s %s', (...statuses) => {
  expect(end(allChecks, allTests, ...statuses)).toEqual({
    status: 1,
    lastLine: '27 passed, 1 failed',
  });
});

/**
 * Prints what `.ci/run` found, and ends as it must end:
 *
 *   node tools/ci-result.mjs <folder with checks.json and tests.json> <exit code of each of both>
 *
 * The last line, "N passed, N failed", counts checks and tests together. Plain JavaScript for
 * Node 20, because it must also speak when nothing could be installed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', ...statuses] = process.argv.slice(2);

/**
 * @param {string} name
 * @returns {any} `undefined` when the report was never written
 */
function report(name) {
  try {
    return JSON.parse(readFileSync(join(folder, name), 'utf8'));
  } catch {
    return undefined;
  }
}

const checks = report('checks.json');
const tests = report('tests.json');
let passed = 0;
let failed = 0;

console.log('');
if (checks) {
  passed += checks.passed;
  failed += checks.failed;
  console.log(`npm run check: ${checks.passed} checks passed, ${checks.failed} failed`);
} else {
  failed += 1;
  console.log('npm run check: did not get as far as checking');
}
if (tests) {
  // A file that cannot be loaded has no tests that could fail: it counts as one.
  const unloaded = tests.testResults.filter(
    (/** @type {any} */ file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const skipped = tests.numPendingTests + tests.numTodoTests;
  passed += tests.numPassedTests;
  failed += tests.numFailedTests + unloaded;
  console.log(
    `npm test: ${tests.numPassedTests} tests passed, ${tests.numFailedTests + unloaded} failed, ${skipped} skipped`,
  );
} else {
  failed += 1;
  console.log('npm test: did not get as far as testing');
}
// A command can also fail outside of what it counts, for instance by an unhandled rejection.
if (failed === 0 && statuses.some((status) => status !== '0')) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

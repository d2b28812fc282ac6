import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from './repository.ts';

/** How many rows each group of the attack catalogue has; the catalogue itself is not part of the repository. */
const ROWS: Readonly<Record<string, number>> = {
  A: 16,
  B: 21,
  C: 21,
  D: 28,
  E: 19,
  F: 16,
  G: 8,
  H: 22,
  I: 16,
  J: 15,
  K: 11,
  L: 13,
  M: 18,
  N: 18,
  O: 11,
  P: 15,
  Q: 15,
  R: 16,
  S: 17,
  T: 6,
  V: 16,
  W: 8,
  X: 16,
  Y: 11,
  Z: 10,
};

const FOLDERS: Readonly<Record<string, string>> = {
  authority: 'packages/authority/test',
  'authority-suite': 'packages/authority/src/testing',
  cli: 'packages/cli/test',
  core: 'packages/core/test',
  enforce: 'packages/enforce/test',
  example: 'examples/refund-desk',
  http: 'packages/adapters/http/test',
  incident: 'examples/incident-response',
  log: 'packages/log/test',
  mcp: 'packages/adapters/mcp/test',
  'signer-kms': 'packages/signers/aws-kms/test',
  'signer-pkcs': 'packages/signers/pkcs11/test',
  'store-postgres': 'packages/store-postgres/test',
  testkit: 'packages/testkit/test',
  tools: 'tools',
};

interface Row {
  readonly id: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
  /** What stands in the cell beside the tests: why the row cannot reach the code, or cannot in part. */
  readonly reason: string;
}

const TEST = /`([a-z-]+)\/([^`]+\.ts)` › `([^`]+)`/g;

function rowsOf(page: string): Row[] {
  const rows: Row[] = [];
  for (const line of page.split('\n')) {
    const cells = /^\| ([A-Z][0-9]{2}) \| (.+?) \| (.*) \|$/.exec(line);
    if (cells === null) continue;
    const [, id = '', , covered = ''] = cells;
    const tests = [...covered.matchAll(TEST)].map(([, folder = '', file = '', title = '']) => ({
      file: join(FOLDERS[folder] ?? folder, file),
      title,
    }));
    rows.push({ id, tests, reason: covered.replaceAll(TEST, '').replaceAll('<br>', '').trim() });
  }
  return rows;
}

const page = readFileSync(join(repositoryRoot, 'docs/security/coverage.md'), 'utf8');
const rows = rowsOf(page);

/** Whether a source holds the title as the text of a test. */
function holds(file: string, title: string): boolean {
  const path = join(repositoryRoot, file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, 'utf8');
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}

describe('docs/security/coverage.md', () => {
  test('has every row of every group, once and in order', () => {
    const expected = Object.entries(ROWS).flatMap(([group, count]) =>
      Array.from({ length: count }, (_, index) => `${group}${String(index + 1).padStart(2, '0')}`),
    );
    expect(rows.map(({ id }) => id)).toEqual(expected);
  });

  test('names a test or a reason in every row', () => {
    const empty = rows.filter(({ tests, reason }) => tests.length === 0 && reason.length < 20);
    expect(empty.map(({ id }) => id)).toEqual([]);
  });

  test('names only tests that exist', () => {
    const missing = rows.flatMap(({ id, tests }) =>
      tests
        .filter(({ file, title }) => !holds(file, title))
        .map(({ file, title }) => `${id}: ${file} › ${title}`),
    );
    expect(missing).toEqual([]);
  });

  test('writes every test so that it is looked for', () => {
    const odd = rows.filter(({ reason }) => /›|\.test\.ts/.test(reason));
    expect(odd.map(({ id }) => id)).toEqual([]);
  });
});

describe('the check itself', () => {
  test('finds a row that is missing and a test that does not exist', () => {
    const [row] = rowsOf('| A01 | x | `core/key.test.ts` › `no such title` |');
    expect(row).toMatchObject({ id: 'A01', reason: '' });
    expect(row?.tests.map(({ file, title }) => holds(file, title))).toEqual([false]);
    expect(
      holds('packages/core/test/no-such-file.test.ts', 'returns what readPublicKey reads'),
    ).toBe(false);
    expect(holds('packages/core/test/key.test.ts', 'returns what readPublicKey reads')).toBe(true);
    expect(rowsOf(page.replaceAll('| A07 |', '| A7 |')).map(({ id }) => id)).not.toContain('A07');
  });
});

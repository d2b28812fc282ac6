import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../soak/tree.ts';
import { type JournalLine, judge, type LedgerState } from '../../soak/verdict.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../soak/budget.ts');

describe('the soak', () => {
  test('I08 I09 I10 finds no breach where processes spend from one tree and are killed', async () => {
    const options = ['--spends', '400', '--processes', '3', '--seed', 'test'];
    const { stdout } = await run(process.execPath, [
      '--conditions=@taper/source',
      script,
      ...options,
    ]);
    expect(stdout).toMatch(/, [1-9][0-9]* kills/);
    expect(stdout).toMatch(/journalled as permitted: [1-9]/);
    expect(stdout).toMatch(/exceeded: [1-9]/);
    expect(stdout).toContain('no breach');
  });
});

describe('the verdict of the soak', () => {
  const tree: Account[] = [
    { id: 'root', limit: 100, parent: undefined },
    { id: 'child', limit: 90, parent: 0 },
  ];

  function spend(reservation: string, account: number, cents: number): JournalLine[] {
    return (['about', 'permitted'] as const).map((what) => ({ what, reservation, account, cents }));
  }

  function breachesOf(journal: JournalLine[], root: number, child: number, held = 0): number {
    const ledger: LedgerState = { taken: new Map(Object.entries({ root, child })), held };
    return judge(tree, journal, ledger).breaches.length;
  }

  const journal = [...spend('a', 1, 60), ...spend('b', 0, 40)];

  test('is good where all adds up', () => {
    expect(breachesOf(journal, 100, 60)).toBe(0);
  });

  test('finds more permitted than the limit of an account above', () => {
    expect(breachesOf([...journal, ...spend('c', 1, 1)], 101, 61)).toBeGreaterThan(0);
    expect(breachesOf([...journal, ...spend('c', 1, 1)], 100, 61)).toBeGreaterThan(0);
  });

  test('finds what was permitted and is not in the ledger', () => {
    expect(breachesOf(journal, 99, 60)).toBe(1);
    expect(breachesOf(journal, 100, 0)).toBe(1);
  });

  test('finds what leaked, and grants what is in doubt', () => {
    expect(breachesOf(spend('a', 1, 60), 61, 60)).toBe(1);
    const doubt: JournalLine = { what: 'about', reservation: 'b', account: 0, cents: 1 };
    expect(breachesOf([...spend('a', 1, 60), doubt], 61, 60)).toBe(0);
    expect(breachesOf([...spend('a', 1, 60), doubt], 60, 60)).toBe(0);
    expect(breachesOf([...spend('a', 1, 60), doubt], 62, 60)).toBe(1);
  });

  test('takes a lost reservation for nothing spent', () => {
    const line = { reservation: 'b', account: 0, cents: 1 };
    const lost: JournalLine[] = [
      { what: 'about', ...line },
      { what: 'lost', ...line },
    ];
    expect(breachesOf([...spend('a', 1, 60), ...lost], 60, 60)).toBe(0);
    expect(breachesOf([...spend('a', 1, 60), ...lost], 61, 60)).toBe(1);
  });

  test('finds charges that are held for ever', () => {
    expect(breachesOf(journal, 100, 60, 1)).toBe(1);
  });

  test('finds one reservation permitted twice, or without having been settled', () => {
    expect(breachesOf([...journal, ...spend('a', 1, 0)], 100, 60)).toBeGreaterThan(0);
    expect(breachesOf([...journal, ...spend('c', 1, 0).slice(1)], 100, 60)).toBe(1);
  });
});

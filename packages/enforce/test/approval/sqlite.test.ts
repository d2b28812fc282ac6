import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ApprovalAction, approvalSubject, approve } from '@taper/core';
import { TEST_TIME as NOW, present, testKey, tokenHash } from '@taper/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import type { ApprovalStore, PendingAction } from '../../src/index.ts';
import { createSqliteApprovalSource, openSqliteDatabase } from '../../src/sqlite/index.ts';

const ada = testKey('ada');
const { chain } = present();

const ACTION: ApprovalAction = {
  tool: 'pay',
  arguments: { amount: '120.00' },
  tokens: [tokenHash(chain.at(-1) as string)],
  enforcementPoint: 'https://tools.example.com',
  nonce: 'n'.repeat(22),
  issuedAt: NOW,
  expiresAt: NOW + 900,
};
const PENDING: PendingAction = {
  action: ACTION,
  requirements: [{ group: 'finance', count: 1 }],
  chains: [chain],
  approvals: [],
};
const SUBJECT = approvalSubject(ACTION);

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'taper-approval-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'store.db');
  const open = (): ApprovalStore => {
    const database = openSqliteDatabase(path, { lockTimeout: 30 });
    undo.push(() => database.close());
    const groups = { finance: [{ name: 'Ada', key: ada.publicKey }] };
    return createSqliteApprovalSource(database, { groups });
  };
  /** Another program at the same file. */
  const outsider = (): DatabaseSync => {
    const database = new DatabaseSync(path);
    undo.push(() => {
      if (database.isOpen) database.close();
    });
    return database;
  };
  return { open, outsider };
}

function approval(id = 'a'): Promise<string> {
  return approve({ action: ACTION, group: 'finance', signer: ada.signer, now: NOW, id });
}

describe('approvals in SQLite', () => {
  test('are there after a restart', async () => {
    const { open } = scene();
    const first = open();
    await first.open(PENDING, NOW);
    const given = await approval();
    await first.submit(given, NOW);
    for (const each of undo.splice(1)) each();
    expect(await open().find(SUBJECT, NOW)).toEqual({ ...PENDING, approvals: [given] });
  });

  test('change nothing while somebody else holds the lock, and say so', async () => {
    const { open, outsider } = scene();
    const source = open();
    await source.open(PENDING, NOW);
    const other = outsider();
    other.exec('BEGIN IMMEDIATE');
    const again = { ...PENDING, action: { ...ACTION, tool: 'refund', nonce: 'm'.repeat(22) } };
    const locked = { code: 'store_unavailable' };
    await expect(source.open(again, NOW)).rejects.toMatchObject(locked);
    await expect(source.submit(await approval(), NOW)).rejects.toMatchObject(locked);
    await expect(source.close(SUBJECT)).rejects.toMatchObject(locked);
    other.exec('ROLLBACK');
    expect(await source.pending(NOW)).toEqual([PENDING]);
    expect(await source.submit(await approval(), NOW)).toMatchObject({ approver: 'Ada' });
  });

  test('that were kept although the answer was lost are not kept twice', async () => {
    const { open } = scene();
    const [source, retried] = [open(), open()];
    await source.open(PENDING, NOW);
    const given = await approval();
    await source.submit(given, NOW);
    expect(await retried.submit(given, NOW)).toMatchObject({ code: 'approval_repeated' });
    expect((await source.find(SUBJECT, NOW))?.approvals).toEqual([given]);
    expect(await retried.open(PENDING, NOW)).toEqual({ ...PENDING, approvals: [given] });
  });

  test('whose action was changed in the file are given to nobody', async () => {
    const { open, outsider } = scene();
    const source = open();
    await source.open(PENDING, NOW);
    outsider().exec(`UPDATE approval_action SET request = replace(request, '{"action"', '{"act"')`);
    expect(() => source.find(SUBJECT, NOW)).toThrow(
      expect.objectContaining({ code: 'store_unusable' }),
    );
  });

  test('whose arguments were changed in the file fit the action no more', async () => {
    const { open, outsider } = scene();
    const source = open();
    await source.open(PENDING, NOW);
    const given = await approval();
    outsider().exec(`UPDATE approval_action SET request = replace(request, '120.00', '999.00')`);
    expect(await source.submit(given, NOW)).toMatchObject({ code: 'approval_action_mismatch' });
  });
});

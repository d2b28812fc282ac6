import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { opensArguments, readAuditLine as readLine } from '@taper/core';
import { afterEach, describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import { verifyAuditLog } from '../../src/audit/verify.ts';
import type { AuditLine } from '../../src/port/audit-sink.ts';
import { createSqliteAuditSink, openSqliteAuditLog } from '../../src/sqlite/audit-sink.ts';
import { openSqliteDatabase, type SqliteDatabase } from '../../src/sqlite/database.ts';
import { auditSinkContract } from '../../src/testing/audit-sink.ts';
import { POINT, permitEvent, recordMany } from '../audit/events.ts';

const folders: string[] = [];
const databases: SqliteDatabase[] = [];

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taper-audit-'));
  folders.push(folder);
  return join(folder, 'audit.db');
}

function openDatabase(path: string): SqliteDatabase {
  const database = openSqliteDatabase(path, { lockTimeout: 200 });
  databases.push(database);
  return database;
}

afterEach(() => {
  for (const database of databases.splice(0)) database.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('the audit sink on SQLite', () => {
  auditSinkContract({
    test,
    emitters: 'many',
    durable: true,
    kept: {
      salt: async (sink, emitter, sequence) => sink.salt(emitter, sequence),
      evidence: async (sink, emitter, sequence) => sink.evidence(emitter, sequence),
      erase: (sink, emitter, sequence) => sink.eraseSalt(emitter, sequence),
    },
    async open() {
      const path = newPath();
      return {
        sink: createSqliteAuditSink(openDatabase(path)),
        reopen: async () => createSqliteAuditSink(openDatabase(path)),
        close: async () => {},
      };
    },
  });

  test('S07: two recorders of one emitter over one file never fork its sequence', async () => {
    const path = newPath();
    const recorders = [1, 2].map(() =>
      createAuditRecorder({
        signer: POINT.signer,
        sink: createSqliteAuditSink(openDatabase(path)),
      }),
    );
    const events = Array.from({ length: 40 }, (_, index) =>
      recorders[index % 2]?.record(permitEvent()),
    );
    await Promise.all(events);
    const log = openSqliteAuditLog(path);
    const verdict = await verifyAuditLog(log.lines(POINT.publicKey.thumbprint), {
      key: POINT.publicKey,
    });
    log.close();
    expect(verdict).toMatchObject({ verdict: 'intact', events: 40 });
  });

  test('keeps nothing of an append of which one line cannot be kept', async () => {
    const sink = createSqliteAuditSink(openDatabase(newPath()));
    const [first, second] = (await recordMany(2)) as [AuditLine, AuditLine];
    const broken = { ...second, salt: null } as unknown as AuditLine;
    await expect(async () => sink.append([first, broken])).rejects.toThrow();
    expect(await sink.tip(first.emitter)).toBe(undefined);
    expect(await sink.append([first, second])).toBe('appended');
  });

  test('rejects while somebody holds the file, with nothing appended, and goes on after it', async () => {
    const path = newPath();
    const sink = createSqliteAuditSink(openDatabase(path));
    const lines = await recordMany(1);
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    await expect(async () => sink.append(lines)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    holder.exec('ROLLBACK');
    holder.close();
    expect(await sink.tip(POINT.publicKey.thumbprint)).toBe(undefined);
    expect(await sink.append(lines)).toBe('appended');
  });

  test('S02: a row is neither deleted nor changed by an ordinary statement', async () => {
    const path = newPath();
    await createSqliteAuditSink(openDatabase(path)).append(await recordMany(2));
    const other = new DatabaseSync(path);
    expect(() => other.exec('DELETE FROM audit_event WHERE sequence = 1')).toThrow();
    expect(() => other.exec("UPDATE audit_event SET line = ''")).toThrow();
    other.close();
    const log = openSqliteAuditLog(path);
    const verdict = await verifyAuditLog(log.lines(POINT.publicKey.thumbprint), {
      key: POINT.publicKey,
    });
    log.close();
    expect(verdict).toMatchObject({ verdict: 'intact', events: 2 });
  });

  test('S05: who takes the triggers away and recomputes hashes is found out by the signatures', async () => {
    const path = newPath();
    await createSqliteAuditSink(openDatabase(path)).append(await recordMany(3));
    const other = new DatabaseSync(path);
    other.exec(`
      DROP TRIGGER audit_event_unchanged;
      UPDATE audit_event SET line = replace(line, '"decision":"permit"', '"decision":"deny"') WHERE sequence = 2;
    `);
    other.close();
    const log = openSqliteAuditLog(path);
    const verdict = await verifyAuditLog(log.lines(POINT.publicKey.thumbprint), {
      key: POINT.publicKey,
    });
    log.close();
    expect(verdict).toMatchObject({
      verdict: 'broken',
      problems: [{ code: 'signature_invalid', line: 2 }],
    });
  });

  test('lists every emitter once, and gives each its own lines', async () => {
    const path = newPath();
    const sink = createSqliteAuditSink(openDatabase(path));
    await sink.append(await recordMany(3, { emitter: 'b' }));
    await sink.append(await recordMany(2, { emitter: 'a' }));
    const log = openSqliteAuditLog(path);
    expect(log.emitters).toEqual(['a', 'b']);
    expect([...log.lines('a')]).toHaveLength(2);
    log.close();
  });

  test('S16: a salt opens the hash of the arguments; erased, it is in no file any more and the log stays whole', async () => {
    const path = newPath();
    const sink = createSqliteAuditSink(openDatabase(path));
    const lines = await recordMany(2);
    await sink.append(lines);
    const [first] = lines as [AuditLine];
    const event = readLine(first.line)?.event;
    const salt = sink.salt(first.emitter, 1) ?? '';
    expect(opensArguments(event?.arguments_hash ?? '', { amount: '12.50', order: 17 }, salt)).toBe(
      true,
    );
    expect(opensArguments(event?.arguments_hash ?? '', { amount: '12.51', order: 17 }, salt)).toBe(
      false,
    );
    await sink.eraseSalt(first.emitter, 1);
    expect(sink.salt(first.emitter, 1)).toBe(undefined);
    expect(sink.salt(first.emitter, 2)).toEqual(expect.any(String));
    for (const file of [path, `${path}-wal`])
      expect(readFileSync(file, 'latin1').includes(salt), file).toBe(false);
    const log = openSqliteAuditLog(path);
    const verdict = await verifyAuditLog(log.lines(first.emitter), { key: POINT.publicKey });
    log.close();
    expect(verdict.verdict).toBe('intact');
  });
});

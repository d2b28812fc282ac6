import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leafHash, readAuditLine, verifyInclusion } from '@taper/core';
import { type AuditLine, createAuditRecorder, verifyAuditLog } from '@taper/enforce';
import { auditSinkContract, type KeptBeside } from '@taper/enforce/testing';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createLogAuditSink,
  createMemoryCheckpointStore,
  createMemoryTileStore,
  type LogAuditSink,
  openLog,
} from '../../src/index.ts';
import {
  denial,
  inMemory,
  newFolder,
  newSigner,
  ORIGIN,
  onFiles,
  POINT,
  recordMany,
  removeFolders,
} from './logged.ts';

const folders: string[] = [];
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  removeFolders(folders);
});

async function openOn(folder: string): ReturnType<typeof onFiles> {
  const logged = await onFiles(folder, 'a');
  closing.push(logged.close);
  return logged;
}

const kept: KeptBeside<LogAuditSink> = {
  salt: (sink, _, sequence) => sink.salt(sequence),
  evidence: (sink, _, sequence) => sink.evidence(sequence),
  erase: (sink, _, sequence) => sink.erase(sequence),
};

const UTF8 = new TextEncoder();

describe('the audit sink on a log in memory', () => {
  auditSinkContract<LogAuditSink>({
    test,
    emitters: 'one',
    durable: false,
    lines: recordMany,
    kept,
    open: async () => ({ sink: (await inMemory('a')).sink, close: async () => {} }),
  });
});

describe('the audit sink on a log of files', () => {
  auditSinkContract<LogAuditSink>({
    test,
    emitters: 'one',
    durable: true,
    lines: recordMany,
    kept,
    async open() {
      const folder = newFolder(folders);
      const first = await openOn(folder);
      return {
        sink: first.sink,
        async reopen() {
          await first.close();
          closing.length = 0;
          return (await openOn(folder)).sink;
        },
        close: async () => {},
      };
    },
  });

  test('T01, T02, S16: what may be erased is in no tile, and after it was erased in no file', async () => {
    const folder = newFolder(folders);
    const { sink, log } = await openOn(folder);
    const lines = await recordMany('a', 2);
    const evidence = '{"arguments":"canary-9e21"}';
    await sink.append(lines.map((line) => ({ ...line, evidence })));
    await log.publish();
    const salts = lines.map(({ salt }) => salt);
    const contents = (): string =>
      ['records', 'evidence']
        .map((name) => readFileSync(join(folder, 'erasable', name), 'latin1'))
        .join();
    for await (const { entry } of log.reader.entries()) {
      const text = Buffer.from(entry).toString();
      expect(text.includes('canary-9e21')).toBe(false);
      for (const salt of salts) expect(text.includes(salt)).toBe(false);
    }
    expect(contents()).toContain('canary-9e21');
    await sink.erase(1);
    await sink.erase(2);
    expect(contents()).not.toContain('canary-9e21');
    for (const salt of salts) expect(contents()).not.toContain(salt);
  });

  test('an erased opening leaves every proof valid', async () => {
    const { sink, log } = await openOn(newFolder(folders));
    const lines = await recordMany('a', 5);
    await sink.append(lines);
    const { root, size } = await log.publish();
    await sink.erase(3);
    const proof = await log.reader.inclusionProof(2);
    const leaf = leafHash(UTF8.encode(lines[2]?.line));
    expect(verifyInclusion({ leaf, index: 2, size, proof, root })).toBe(true);
    expect(await sink.salt(3)).toBe(undefined);
  });

  test('S07: what was beside a failed append is not believed of the next', async () => {
    const folder = newFolder(folders);
    const { sink, sidecar } = await openOn(folder);
    const [first, second] = (await recordMany('a', 2)) as [AuditLine, AuditLine];
    await sink.append([first]);
    await sidecar.write(2, [{ hash: second.hash, salt: second.salt, evidence: 'never appended' }]);
    expect(await sink.evidence(2)).toBe(undefined);
    expect(await sink.append([second])).toBe('appended');
    expect(await sink.evidence(2)).toBe(undefined);
    expect(await sink.salt(2)).toBe(second.salt);
  });
});

describe('the audit sink on a log', () => {
  test('entry i of the log is the line of sequence i + 1', async () => {
    const { sink, log } = await inMemory('a');
    const lines = await recordMany('a', 300);
    await sink.append(lines.slice(0, 7));
    await sink.append(lines.slice(7));
    await log.publish();
    const read: string[] = [];
    for await (const { entry } of log.reader.entries()) read.push(Buffer.from(entry).toString());
    expect(read).toEqual(lines.map(({ line }) => line));
    const entries = read.map((text) => ({ text }));
    const verdict = await verifyAuditLog(entries, { key: POINT.publicKey });
    expect(verdict).toMatchObject({ verdict: 'intact', events: 300 });
  });

  test('S08, S09: a recorder is told only once the index is durable', async () => {
    const checkpoints = createMemoryCheckpointStore();
    let letGo: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let holding = false;
    const log = await openLog({
      origin: ORIGIN,
      signer: newSigner(),
      tiles: createMemoryTileStore(),
      checkpoints: {
        read: () => checkpoints.read(),
        async replace(expected, next) {
          if (holding) await held;
          return checkpoints.replace(expected, next);
        },
      },
      create: true,
    });
    holding = true;
    const sink = createLogAuditSink({ log, emitter: 'a' });
    const recorder = createAuditRecorder({ sink, signer: POINT, emitter: 'a', timeout: 60_000 });
    let told = false;
    const recording = recorder.record(denial(1_800_000_000)).then((receipt) => {
      told = true;
      return receipt;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([told, log.size]).toEqual([false, 0]);
    letGo();
    expect((await recording).sequence).toBe(1);
    expect(log.size).toBe(1);
  });

  test('S08: an event is refused, and not lost in silence, when the log cannot be written', async () => {
    const tiles = createMemoryTileStore();
    let full = false;
    const log = await openLog({
      origin: ORIGIN,
      signer: newSigner(),
      tiles: new Proxy(
        { ...tiles },
        {
          get: (target, name) => {
            const member: unknown = Reflect.get(target, name);
            if (typeof member !== 'function') return member;
            return (...given: unknown[]) =>
              full && name !== 'read'
                ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
                : Reflect.apply(member, target, given);
          },
        },
      ),
      checkpoints: createMemoryCheckpointStore(),
      create: true,
    });
    const sink = createLogAuditSink({ log, emitter: 'a' });
    const recorder = createAuditRecorder({ sink, signer: POINT, emitter: 'a' });
    await recorder.record(denial(1_800_000_000));
    full = true;
    await expect(recorder.record(denial(1_800_000_001))).rejects.toMatchObject({
      code: 'log_unavailable',
    });
    full = false;
    const receipt = await recorder.record(denial(1_800_000_002));
    await log.publish();
    const events: number[] = [];
    for await (const { entry } of log.reader.entries())
      events.push(readAuditLine(Buffer.from(entry).toString())?.event.sequence ?? 0);
    expect(events).toEqual(events.map((_, index) => index + 1));
    expect(receipt.sequence).toBe(events.length);
  });

  test('refuses a log that does not end with an event of its emitter', async () => {
    const { log } = await inMemory('a');
    await log.append(UTF8.encode('no event'));
    const sink = createLogAuditSink({ log, emitter: 'a' });
    await expect(sink.tip('a')).rejects.toMatchObject({ code: 'store_unusable' });
    const other = await inMemory('a');
    await other.sink.append(await recordMany('a', 1));
    const mistaken = createLogAuditSink({ log: other.log, emitter: 'b' });
    await expect(mistaken.tip('b')).rejects.toMatchObject({ code: 'store_unusable' });
  });

  test('takes no line that is longer than an entry, and says so beforehand', async () => {
    const { sink } = await inMemory('a');
    expect(sink.maxLineBytes).toBe(65_535);
    const recorder = createAuditRecorder({ sink, signer: POINT, emitter: 'a' });
    const verdicts = await Promise.allSettled([
      recorder.record(denial(1_800_000_000)),
      recorder.record({ ...denial(1_800_000_001), purposes: ['€'.repeat(25_000)] }),
      recorder.record(denial(1_800_000_002)),
    ]);
    expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

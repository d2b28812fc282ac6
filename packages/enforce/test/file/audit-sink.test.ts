import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { opensArguments, readAuditLine as readLine } from '@taper/core';
import { afterEach, describe, expect, test } from 'vitest';
import { createAuditRecorder } from '../../src/audit/recorder.ts';
import { type AuditVerdict, verifyAuditLog } from '../../src/audit/verify.ts';
import { readAuditFile } from '../../src/file/audit-log.ts';
import { type FileAuditSink, openFileAuditSink } from '../../src/file/audit-sink.ts';
import type { AuditLine } from '../../src/port/audit-sink.ts';
import { auditSinkContract } from '../../src/testing/audit-sink.ts';
import { POINT, permitEvent, recordMany } from '../audit/events.ts';

const folders: string[] = [];
const sinks: FileAuditSink[] = [];
const children: ChildProcess[] = [];

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taper-audit-'));
  folders.push(folder);
  return join(folder, 'audit.log');
}

async function openSink(path: string): Promise<FileAuditSink> {
  const sink = await openFileAuditSink(path);
  sinks.push(sink);
  return sink;
}

/** A file with so many events, closed. */
async function writtenFile(count: number): Promise<string> {
  const path = newPath();
  const sink = await openFileAuditSink(path);
  await sink.append(await recordMany(count));
  await sink.close();
  return path;
}

function verify(path: string): Promise<AuditVerdict> {
  return verifyAuditLog(readAuditFile(path), { key: POINT.publicKey });
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const sink of sinks.splice(0)) await sink.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('the audit sink on a file', () => {
  auditSinkContract({
    test,
    emitters: 'one',
    durable: true,
    kept: {
      salt: (sink, _, sequence) => sink.salt(sequence),
      evidence: (sink, _, sequence) => sink.evidence(sequence),
      erase: (sink, _, sequence) => sink.eraseSalt(sequence),
    },
    lines: (emitter, count) => recordMany(count, { emitter }),
    async open() {
      const path = newPath();
      const sink = await openSink(path);
      return {
        sink,
        async reopen() {
          await sink.close();
          return openSink(path);
        },
        close: async () => {},
      };
    },
  });

  test('holds the lines and nothing else, each with its end', async () => {
    const lines = await recordMany(3);
    const path = newPath();
    await (await openSink(path)).append(lines);
    expect(readFileSync(path, 'utf8')).toBe(lines.map(({ line }) => `${line}\n`).join(''));
  });

  test.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const path = newPath();
    await (await openSink(path)).append(await recordMany(1));
    for (const file of [path, `${path}.salts`, `${path}.lock`])
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
  });

  test('S09: cuts off an unfinished last line, which nobody was told of, and goes on after the line before', async () => {
    const lines = await recordMany(4);
    for (const keep of [1, 200, (lines[2] as AuditLine).line.length]) {
      const path = newPath();
      const whole = lines
        .slice(0, 2)
        .map(({ line }) => `${line}\n`)
        .join('');
      writeFileSync(path, whole + (lines[2] as AuditLine).line.slice(0, keep));
      const sink = await openSink(path);
      expect(sink.cutOff).toBe(keep);
      expect(readFileSync(path, 'utf8')).toBe(whole);
      expect(await sink.append(lines.slice(2))).toBe('appended');
      expect(await verify(path)).toMatchObject({ verdict: 'intact', events: 4 });
    }
  });

  test('cuts nothing off a file whose last line is finished', async () => {
    const path = await writtenFile(2);
    const before = readFileSync(path, 'utf8');
    const sink = await openSink(path);
    expect(sink.cutOff).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('does not write after a finished line that is no event', async () => {
    for (const last of ['{}\n', '\n', '\0\0\0\n', `${'x'.repeat(200_000)}\n`]) {
      const path = await writtenFile(2);
      appendFileSync(path, last);
      const before = readFileSync(path, 'utf8');
      await expect(openFileAuditSink(path)).rejects.toMatchObject({ code: 'store_unusable' });
      expect(readFileSync(path, 'utf8')).toBe(before);
    }
  });

  test('S07: a second sink of the same process is refused, until the first is closed', async () => {
    const path = newPath();
    const first = await openSink(path);
    await expect(openFileAuditSink(path)).rejects.toMatchObject({ code: 'store_unavailable' });
    await first.append(await recordMany(1));
    await first.close();
    expect((await (await openSink(path)).tip(POINT.publicKey.thumbprint))?.sequence).toBe(1);
  });

  test('S07: another process is refused, until this one lets go', async () => {
    const path = newPath();
    const sink = await openSink(path);
    expect(await startWriter(path, '1').all).toEqual([{ refused: 'store_unavailable' }]);
    await sink.close();
    expect((await startWriter(path, '1').all)[0]).toEqual({ opened: true });
  });

  test('S07: a second sink that was refused takes the lock of the first from it for nobody', async () => {
    const path = newPath();
    await openSink(path);
    await expect(openFileAuditSink(path)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await startWriter(path, '1').all).toEqual([{ refused: 'store_unavailable' }]);
  });

  test('S07: one whose lock was deleted writes nothing any more: somebody else may be writing', async () => {
    const path = newPath();
    const sink = await openSink(path);
    rmSync(`${path}.lock`);
    const other = await openSink(path);
    await expect(sink.tip('anybody')).rejects.toMatchObject({ code: 'store_unusable' });
    expect(await other.tip('anybody')).toBeUndefined();
  });

  test('S07: a writer that was killed leaves no lock behind', async () => {
    const path = newPath();
    const writer = startWriter(path, 'hold');
    await writer.first;
    await expect(openFileAuditSink(path)).rejects.toMatchObject({ code: 'store_unavailable' });
    writer.child.kill('SIGKILL');
    await writer.all;
    await openSink(path);
  });

  test('S09: what was acknowledged before SIGKILL is there after it', { repeats: 2 }, async () => {
    const path = newPath();
    const writer = startWriter(path, 'forever');
    await writer.first;
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 100));
    writer.child.kill('SIGKILL');
    const said = await writer.all;
    const acknowledged = Math.max(...said.map(({ durable }) => Number(durable ?? 0)));
    expect(acknowledged).toBeGreaterThan(0);
    const sink = await openSink(path);
    const tip = await sink.tip(POINT.publicKey.thumbprint);
    expect(tip?.sequence).toBeGreaterThanOrEqual(acknowledged);
    expect(await verify(path)).toMatchObject({ verdict: 'intact', events: tip?.sequence });
  });

  test.skipIf(process.platform === 'win32')(
    'R10: a file that cannot grow rejects, keeps what it has whole, and ends where it said',
    async () => {
      const path = newPath();
      // Blocks of 512 or 1024 bytes; the write that crosses the limit is cut short by the system and then fails.
      const said = await startWriter(path, '500', 'ulimit -f 40; trap "" XFSZ; ').all;
      const durable = said.flatMap((each) => each['durable'] ?? []);
      expect(said).toContainEqual({ rejected: 'store_unavailable' });
      expect(durable.length).toBeGreaterThan(0);
      expect(said.at(-1)).toEqual({ ended: Math.max(...durable.map(Number)) });
      expect(await verify(path)).toMatchObject({ verdict: 'intact', events: durable.length });
      const sink = await openSink(path);
      const recorder = createAuditRecorder({ signer: POINT.signer, sink });
      await recorder.record(permitEvent());
      expect(await verify(path)).toMatchObject({ verdict: 'intact', events: durable.length + 1 });
    },
  );

  test('S04: a log that is moved, deleted, cut or written to by others takes no more events', async () => {
    for (const harm of [
      (path: string) => renameSync(path, `${path}.1`),
      (path: string) => rmSync(path),
      (path: string) => truncateSync(path, 10),
      (path: string) => appendFileSync(path, 'x'),
    ]) {
      const path = newPath();
      const sink = await openSink(path);
      const [first, second] = (await recordMany(2)) as [AuditLine, AuditLine];
      await sink.append([first]);
      harm(path);
      await expect(sink.append([second])).rejects.toMatchObject({
        code: expect.stringMatching(/^store_/),
      });
    }
  });

  test('refuses what is no file, or in no folder', async () => {
    const path = newPath();
    await expect(openFileAuditSink(join(path, 'no', 'folder'))).rejects.toMatchObject({
      code: 'store_unusable',
    });
    await expect(openFileAuditSink(folders[0] as string)).rejects.toMatchObject({
      code: 'store_unusable',
    });
  });

  test('refuses everything once it is closed', async () => {
    const sink = await openSink(newPath());
    await sink.close();
    await expect(sink.append(await recordMany(1))).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await expect(sink.tip('a')).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('S16: a salt opens the hash of the arguments; erased, it is gone from the disk and the log stays whole', async () => {
    const path = newPath();
    const sink = await openSink(path);
    const lines = await recordMany(3);
    await sink.append(lines);
    const event = readLine((lines[1] as AuditLine).line)?.event;
    const salt = (await sink.salt(2)) ?? '';
    expect(opensArguments(event?.arguments_hash ?? '', { amount: '12.50', order: 17 }, salt)).toBe(
      true,
    );
    await sink.eraseSalt(2);
    expect(await sink.salt(2)).toBe(undefined);
    expect(await sink.salt(3)).toBe((lines[2] as AuditLine).salt);
    expect(await sink.salt(4)).toBe(undefined);
    expect(readFileSync(`${path}.salts`, 'latin1').includes(salt)).toBe(false);
    expect(readFileSync(path, 'utf8').includes(salt)).toBe(false);
    expect((await verify(path)).verdict).toBe('intact');
  });
});

interface Writer {
  readonly child: ChildProcess;
  /** When it has said something. */
  readonly first: Promise<unknown>;
  /** All that it said, when it has ended. */
  readonly all: Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** @param shell commands of a POSIX shell to run before. */
function startWriter(path: string, mode: string, shell = ''): Writer {
  const script = join(import.meta.dirname, 'writer.ts');
  const argv = ['--conditions=@taper/source', script, path, mode];
  const child =
    shell === ''
      ? spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn('bash', ['-c', `${shell} exec "$0" "$@"`, process.execPath, ...argv], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  return {
    child,
    first: new Promise((resolve) => child.stdout?.once('data', resolve)),
    all: new Promise((resolve) =>
      child.once('close', () =>
        resolve(
          text
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line)),
        ),
      ),
    ),
  };
}

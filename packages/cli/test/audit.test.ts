import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createSigner } from '@taper/core';
import { createAuditRecorder, openFileAuditSink } from '@taper/enforce';
import { createSqliteAuditSink, openSqliteDatabase } from '@taper/enforce/sqlite';
import { describe, expect, it } from 'vitest';
import { fixedKey, NOW, Workspace } from './workspace.ts';

type Recorder = ReturnType<typeof createAuditRecorder>;

const KEY = ['--key', 'point.pub.jwk'] as const;

function workspaceWithKey(): Workspace {
  const workspace = new Workspace('empty');
  const { d: _, ...jwk } = fixedKey('point');
  const { d: __, ...other } = fixedKey('other');
  workspace.write('point.pub.jwk', JSON.stringify(jwk));
  workspace.write('other.pub.jwk', JSON.stringify(other));
  return workspace;
}

/** Writes so many denied calls, a second apart. */
async function record(
  sink: Parameters<typeof createAuditRecorder>[0]['sink'],
  count: number,
  emitter?: string,
  step = 1,
): Promise<Recorder> {
  const recorder = createAuditRecorder({
    sink,
    signer: createSigner(fixedKey('point')),
    ...(emitter === undefined ? {} : { emitter }),
  });
  for (let index = 0; index < count; index += 1) {
    await recorder.record({
      type: 'decision',
      time: NOW + index * step,
      enforcementPoint: 'https://pay.example',
      decision: 'deny',
      chains: [],
      tool: 'refund',
      denial: { code: 'signature_invalid' },
    });
  }
  return recorder;
}

async function logFile(
  workspace: Workspace,
  count = 4,
  emitter?: string,
  step = 1,
): Promise<string[]> {
  const sink = await openFileAuditSink(join(workspace.folder, 'audit.log'));
  await record(sink, count, emitter, step);
  await sink.close();
  return workspace.read('audit.log').split('\n').slice(0, -1);
}

async function logDatabase(workspace: Workspace, ...emitters: readonly string[]): Promise<void> {
  const database = openSqliteDatabase(join(workspace.folder, 'audit.db'));
  for (const emitter of emitters) await record(createSqliteAuditSink(database), 3, emitter);
  database.close();
}

describe('taper audit verify', () => {
  it('passes a whole log, and says that its end is not proved without a head', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace);
    const { exitCode, stdout } = await workspace.taper(['audit', 'verify', 'audit.log', ...KEY]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('NOT PROVED');
    const { result } = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(result).toMatchObject({
      verdict: 'intact',
      end: 'not_proved',
      proved_through: null,
      events: 4,
    });
  });

  it('S01: finds by a kept head that the end was cut off', async () => {
    const workspace = workspaceWithKey();
    const lines = await logFile(workspace);
    const taken = await workspace.taper([
      'audit',
      'head',
      'audit.log',
      ...KEY,
      '--out',
      'head.json',
    ]);
    expect(taken.exitCode).toBe(0);
    const whole = await workspace.json([
      'audit',
      'verify',
      'audit.log',
      ...KEY,
      '--head',
      'head.json',
    ]);
    expect(whole.result).toMatchObject({ verdict: 'intact', end: 'proved', proved_through: 4 });
    workspace.write('audit.log', `${lines.slice(0, 3).join('\n')}\n`);
    const cut = await workspace.json([
      'audit',
      'verify',
      'audit.log',
      ...KEY,
      '--head',
      'head.json',
    ]);
    expect(cut.exitCode).toBe(1);
    expect(cut.result).toMatchObject({
      verdict: 'broken',
      problems: [{ code: 'cut_off', line: 4 }],
    });
  });

  it('names the first bad line', async () => {
    const workspace = workspaceWithKey();
    const lines = await logFile(workspace);
    workspace.write(
      'audit.log',
      `${lines.with(2, (lines[2] as string).replace('refund', 'refund2')).join('\n')}\n`,
    );
    const { exitCode, stdout } = await workspace.taper(['audit', 'verify', 'audit.log', ...KEY]);
    expect(exitCode).toBe(1);
    expect(stdout.split('\n')[0]).toBe('BROKEN audit.log: line 3');
  });

  it('finds a last line that is not finished, and lines that are no text', async () => {
    const workspace = workspaceWithKey();
    const lines = await logFile(workspace);
    workspace.write('audit.log', lines.join('\n'));
    const torn = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(torn.result).toMatchObject({
      events: 3,
      problems: [{ code: 'line_incomplete', line: 4 }],
    });
    workspace.write(
      'audit.log',
      Buffer.concat([Buffer.from([0xff, 0x0a, 0, 0x0a]), Buffer.from(`${lines[0]}\n`)]),
    );
    const binary = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(binary.result).toMatchObject({
      events: 1,
      problems: [
        { code: 'line_malformed', line: 1 },
        { code: 'line_malformed', line: 2 },
      ],
    });
  });

  it('S04: does not pass an empty log', async () => {
    const workspace = workspaceWithKey();
    workspace.write('audit.log', '');
    const { exitCode, result } = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ verdict: 'broken', problems: [{ code: 'log_empty' }] });
  });

  it('S06: says nothing about a log without a key, and does not pass it with another', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace);
    const without = await workspace.json(['audit', 'verify', 'audit.log']);
    expect([without.exitCode, without.error.code, without.result]).toEqual([2, 'usage', undefined]);
    const wrong = await workspace.json(['audit', 'verify', 'audit.log', '--key', 'other.pub.jwk']);
    expect(wrong.exitCode).toBe(1);
    expect(wrong.result).toMatchObject({ verdict: 'broken', events: 0 });
  });

  it('S15: reports where the clock ran backwards', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace, 3, undefined, -5);
    const { exitCode, result } = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      clock_step_count: 2,
      clock_steps_back: [{ line: 2, from: NOW, to: NOW - 5 }, { line: 3 }],
    });
    const { stdout } = await workspace.taper(['audit', 'verify', 'audit.log', ...KEY]);
    expect(stdout).toContain('ran backwards 2 times');
  });

  it.each(['audit verify', 'audit head'])(
    '%s reads a database, and asks for the emitter where it holds several',
    async (command) => {
      const workspace = workspaceWithKey();
      await logDatabase(workspace, 'one');
      const words = [...command.split(' '), 'audit.db', ...KEY];
      expect((await workspace.json(words)).exitCode).toBe(0);
      await logDatabase(workspace, 'two');
      const unclear = await workspace.json(words);
      expect([unclear.exitCode, unclear.error?.field]).toEqual([2, '--emitter']);
      expect((await workspace.json([...words, '--emitter', 'two'])).exitCode).toBe(0);
      expect((await workspace.json([...words, '--emitter', 'three'])).exitCode).toBe(1);
    },
  );

  it('S02: finds that the oldest rows of a database are gone', async () => {
    const workspace = workspaceWithKey();
    await logDatabase(workspace, 'one');
    const database = new DatabaseSync(join(workspace.folder, 'audit.db'));
    database.exec('DROP TRIGGER audit_event_kept; DELETE FROM audit_event WHERE sequence = 1');
    database.close();
    const { exitCode, result } = await workspace.json(['audit', 'verify', 'audit.db', ...KEY]);
    expect(exitCode).toBe(1);
    expect(result.problems).toMatchObject([
      { code: 'sequence_gap', line: 1, sequence: 2, expected: 1 },
    ]);
  });

  it('takes a head for nothing else than a head, and a database for nothing else than a log', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace);
    for (const head of [
      '{}',
      '[]',
      'x',
      '{"emitter":"a","hash":"b","sequence":1,"signature":"c","time":1}',
    ]) {
      workspace.write('head.json', head);
      const { exitCode, error } = await workspace.json([
        'audit',
        'verify',
        'audit.log',
        ...KEY,
        '--head',
        'head.json',
      ]);
      expect([exitCode, error.code]).toEqual([1, 'head_malformed']);
    }
    new DatabaseSync(join(workspace.folder, 'other.db')).exec('CREATE TABLE t (a)');
    const { exitCode, error } = await workspace.json(['audit', 'verify', 'other.db', ...KEY]);
    expect([exitCode, error.code]).toEqual([1, 'log_malformed']);
    const missing = await workspace.json(['audit', 'verify', 'none.log', ...KEY]);
    expect([missing.exitCode, missing.error.code]).toEqual([3, 'file_missing']);
  });

  it('S12, C21: shows nothing of a log that could move the cursor or turn text around', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace, 2, 'point\u202e\u200b=cmd');
    for (const more of [[], ['--json']]) {
      const { stdout, stderr } = await workspace.taper([
        'audit',
        'verify',
        'audit.log',
        ...KEY,
        ...more,
      ]);
      expect(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u.test(stdout + stderr)).toBe(false);
      expect(stdout).toContain('point');
    }
  });
});

describe('taper audit head', () => {
  it('prints emitter, hash, sequence, time and signature of the last event', async () => {
    const workspace = workspaceWithKey();
    await logFile(workspace);
    const head = await workspace.json(['audit', 'head', 'audit.log', ...KEY]);
    const { result } = await workspace.json(['audit', 'verify', 'audit.log', ...KEY]);
    expect(head.exitCode).toBe(0);
    expect(head.result).toEqual(result.last);
    expect(Object.keys(head.result).toSorted()).toEqual([
      'emitter',
      'hash',
      'sequence',
      'signature',
      'time',
    ]);
  });

  it('takes none of a log that does not verify', async () => {
    const workspace = workspaceWithKey();
    const lines = await logFile(workspace);
    workspace.write('audit.log', `${lines.slice(1).join('\n')}\n`);
    const { exitCode, error } = await workspace.json([
      'audit',
      'head',
      'audit.log',
      ...KEY,
      '--out',
      'head.json',
    ]);
    expect([exitCode, error.code]).toEqual([1, 'log_malformed']);
    expect(workspace.files()).not.toContain('head.json');
  });
});

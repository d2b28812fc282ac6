import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERIFY_Q1, Workspace } from './workspace.ts';

const bin = resolve(import.meta.dirname, '../bin/taper.js');
const suite = resolve(
  import.meta.dirname,
  '../../../../shared/vectors/aat/aat-vectors-compact.json',
);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as it is installed. `stdout` may be a descriptor, or `closed` for a reader that goes at once. */
function taper(
  argv: readonly string[],
  cwd: string,
  stdout: 'pipe' | 'closed' | number = 'pipe',
): Promise<Ended> {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [bin, ...argv], {
      cwd,
      stdio: ['ignore', stdout === 'closed' ? 'pipe' : stdout, 'pipe'],
    });
    const read = { stdout: '', stderr: '' };
    if (stdout === 'closed') child.stdout?.destroy();
    else child.stdout?.on('data', (chunk) => (read.stdout += chunk));
    child.stderr?.on('data', (chunk) => (read.stderr += chunk));
    child.on('error', fail);
    child.on('close', (code) => settle({ code, ...read }));
  });
}

describe('the command as it is installed', () => {
  it('has been built', () => {
    expect(existsSync(join(dirname(bin), '../dist/main.js')), 'run npm run build first').toBe(true);
  });

  it('verifies, and its exit code is the verdict', async () => {
    const workspace = new Workspace();
    await workspace.prove();
    const verify = ['verify', 'call.json', '--json', '--now', '2026-01-01T00:00:00Z'];
    const permitted = await taper([...verify, ...VERIFY_Q1], workspace.folder);
    expect(permitted).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(permitted.stdout).verdict).toBe('permit');
    const denied = await taper(
      [...verify, ...VERIFY_Q1.slice(0, -1), '{"path":"/q2"}'],
      workspace.folder,
    );
    expect(denied.code).toBe(1);
    expect((await taper(['verfy'], workspace.folder)).code).toBe(2);
    expect((await taper(['inspect', 'no-such.json'], workspace.folder)).code).toBe(3);
  });

  it('keeps its verdict when the reader of its output has gone', async () => {
    const workspace = new Workspace();
    await workspace.issue();
    const argv = [
      'receipt',
      'chain.json',
      '--anchors',
      'anchors.json',
      '--now',
      '2026-01-01T00:00:00Z',
    ];
    expect(await taper(argv, workspace.folder, 'closed')).toMatchObject({ code: 0, stderr: '' });
  });

  it.runIf(existsSync('/dev/full'))('says so when its output cannot be written', async () => {
    const workspace = new Workspace();
    const ended = await taper(['version', '--json'], workspace.folder, openSync('/dev/full', 'w'));
    expect(ended.code).toBe(3);
    expect(JSON.parse(ended.stderr).error.code).toBe('output_failed');
  });

  it.runIf(existsSync(suite))('passes the vectors of the draft', async () => {
    const workspace = new Workspace();
    const { code, stdout } = await taper(['conformance', suite], workspace.folder);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      '115 vectors: 115 verdicts as expected, 0 differ (115 steps as expected)',
    );
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Workspace } from './workspace.ts';

const INIT = ['--origin', 'log.example/authority', '--key', 'issuer.jwk'];
const KEY = ['--key', 'issuer.jwk'];

async function made(more: readonly string[] = []): Promise<Workspace> {
  const workspace = new Workspace();
  const { exitCode } = await workspace.taper(['log', 'init', 'authority', ...INIT, ...more]);
  expect(exitCode).toBe(0);
  return workspace;
}

/** Entries, one on each line. */
async function append(workspace: Workspace, count: number, name = 'entry'): Promise<void> {
  const lines = Array.from({ length: count }, (_, index) => `${name} ${index}\n`).join('');
  const { exitCode } = await workspace.taper(
    ['log', 'append', 'authority', ...KEY, '--lines', '-'],
    { stdin: lines },
  );
  expect(exitCode).toBe(0);
}

/** Runs a command that goes on until it is stopped, and hands out the address that it listens on. */
async function whileRunning<Result>(
  workspace: Workspace,
  argv: readonly string[],
  act: (url: string) => Promise<Result>,
): Promise<{ readonly result: Result; readonly exitCode: number; readonly stdout: string }> {
  const controller = new AbortController();
  const listening = Promise.withResolvers<string>();
  const running = workspace.taper([...argv, '--json'], {
    stopped: controller.signal,
    onStderr: (text) => {
      const url = /"listening":"([^"]+)"/.exec(text)?.[1];
      if (url !== undefined) listening.resolve(url);
    },
  });
  const early = running.then(({ stderr }) => Promise.reject(new Error(stderr)));
  try {
    const result = await act(await Promise.race([listening.promise, early]));
    controller.abort();
    const { exitCode, stdout } = await running;
    return { result, exitCode, stdout };
  } finally {
    early.catch(() => undefined);
    controller.abort();
    await running;
  }
}

const FREE = ['--listen', '127.0.0.1:0'];

describe('taper log', () => {
  it('appends, shows, proves and verifies, in a folder and over HTTP alike', async () => {
    const workspace = await made();
    await append(workspace, 300);
    workspace.write('entry', 'entry 270');
    const { exitCode } = await whileRunning(
      workspace,
      ['log', 'serve', 'authority', ...FREE, '--prefix', '/authority'],
      async (url) => {
        for (const place of ['authority', `${url}/authority`]) {
          const log = ['--log', 'authority/log.json'];
          const shown = await workspace.json(['log', 'show', place, ...log, '--entries', '299']);
          expect(shown.result).toMatchObject({
            origin: 'log.example/authority',
            size: 300,
            entries: [{ index: 299, text: 'entry 299' }],
          });
          expect((await workspace.json(['log', 'fsck', place, ...log])).result).toMatchObject({
            verdict: 'intact',
            size: 300,
          });
          const proved = await workspace.taper([
            ...['log', 'prove', place, ...log, '--index', '270', '--entry', 'entry'],
            ...['--out', 'proof', '--force'],
          ]);
          expect(proved.exitCode).toBe(0);
          const verified = await workspace.json([
            ...['log', 'verify', 'proof', '--entry', 'entry', ...log],
          ]);
          expect(verified.result).toMatchObject({ verdict: 'included', index: 270 });
        }
      },
    );
    expect(exitCode).toBe(0);
  });

  it('N11 fsck names the file and the entry that were changed, and exits with 1', async () => {
    const workspace = await made();
    await append(workspace, 300);
    const path = join(workspace.folder, 'authority/tiles/tile/entries/000');
    const bytes = readFileSync(path);
    bytes[13] = (bytes[13] as number) ^ 1;
    writeFileSync(path, bytes);
    const { exitCode, result } = await workspace.json(['log', 'fsck', 'authority']);
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({
      verdict: 'damaged',
      problems: [{ code: 'entry_wrong', path: 'tile/entries/000', index: 1 }],
    });
    rmSync(path);
    const gone = await workspace.json(['log', 'fsck', 'authority']);
    expect(gone.result.problems).toMatchObject([{ code: 'missing', path: 'tile/entries/000' }]);
    // What is damaged is not shown.
    const shown = await workspace.json(['log', 'show', 'authority', '--entries', '1']);
    expect([shown.exitCode, shown.error.code, shown.result]).toEqual([1, 'log_damaged', undefined]);
  });

  it('N13 refuses to go on from a state that is older than the log, or gone', async () => {
    const workspace = await made(['--state', 'elsewhere']);
    const state = join(workspace.folder, 'elsewhere/state');
    const old = readFileSync(state);
    await expectAppend(workspace, 0);
    writeFileSync(state, old);
    await expectAppend(workspace, 1);
    rmSync(state);
    await expectAppend(workspace, 'not 0');
  });

  async function expectAppend(workspace: Workspace, code: number | 'not 0'): Promise<void> {
    const { exitCode } = await workspace.taper(
      ['log', 'append', 'authority', ...KEY, '--state', 'elsewhere', '--lines', '-'],
      { stdin: 'one\ntwo\n' },
    );
    if (code === 'not 0') expect(exitCode).not.toBe(0);
    else expect(exitCode).toBe(code);
  }

  it('an entry that is too long is refused, and nothing of the others is appended', async () => {
    const workspace = await made();
    workspace.write('long', 'x'.repeat(65_536));
    workspace.write('short', 'x'.repeat(65_535));
    const argv = ['log', 'append', 'authority', ...KEY];
    const long = await workspace.json([...argv, 'short', 'long']);
    expect([long.exitCode, long.error.code]).toEqual([1, 'entry_too_large']);
    const short = await workspace.json([...argv, 'short']);
    expect(short.result).toMatchObject({ indexes: [0], size: 1, published: true });
  });
});

describe('taper log witness', () => {
  it('cosigns for a log that asks it, over a restart, and is watched by a monitor', async () => {
    const workspace = new Workspace();
    const witness = ['--name', 'witness.example/w1', '--key', 'reader.jwk', '--state', 'w.db'];
    const show = await workspace.json(['log', 'witness', ...witness, '--show-key']);
    const { vkey } = show.result;
    const { json: log } = { json: await made() };
    const { keys } = JSON.parse(log.read('authority/log.json'));
    const argv = ['log', 'witness', ...witness, ...FREE];
    argv.push('--vkey', `log.example/cosigned=${keys[0].replace('authority', 'cosigned')}`);
    // The key of a log holds its name: a changed one is none.
    expect((await workspace.json(argv)).error.code).toBe('usage');
    const own = await workspace.json(['log', 'init', 'plain', ...INIT]);
    argv.splice(-1, 1, `log.example/authority=${own.result.vkey}`);
    let state = '';
    for (const round of [0, 1]) {
      const { exitCode } = await whileRunning(workspace, argv, async (url) => {
        if (round === 0) {
          const init = await workspace.json([
            ...['log', 'init', 'authority', ...INIT, '--witness', `${vkey}=${url}`],
          ]);
          expect([init.exitCode, init.result.published]).toEqual([0, true]);
        } else {
          const text = workspace.read('authority/log.json').replace(/http:[^"]+/, url);
          workspace.write('authority/log.json', text);
        }
        await append(workspace, 20, `round ${round}`);
        const shown = await workspace.json(['log', 'show', 'authority']);
        expect(shown.result).toMatchObject({
          size: 20 * (round + 1),
          cosigners: [{ name: 'witness.example/w1' }],
        });
        const watched = await workspace.json([
          ...['log', 'monitor', 'authority', '--seen', 'seen', '--once', '--max-age', '1m'],
          '--entries',
        ]);
        expect([watched.exitCode, watched.result.verdict]).toEqual([0, 'good']);
        state = watched.result.size;
      });
      expect(exitCode).toBe(0);
    }
    expect(state).toBe(40);
    // Without its witness the log goes on, and shows nothing new.
    workspace.write('entry', 'one more');
    const lonely = await workspace.json(['log', 'append', 'authority', 'entry', ...KEY]);
    expect([lonely.exitCode, lonely.error.code]).toEqual([1, 'log_unavailable']);
    expect(lonely.result).toMatchObject({ indexes: [40], published: false });
    const shown = await workspace.json(['log', 'show', 'authority']);
    expect(shown.result.size).toBe(40);
  });
});

describe('taper log monitor', () => {
  it('N01 exits with 1 at a split view, and writes evidence that anybody can check', async () => {
    const workspace = await made();
    await append(workspace, 20);
    const monitor = (place: string) =>
      workspace.json([
        ...['log', 'monitor', place, '--log', 'authority/log.json', '--seen', 'seen', '--once'],
        ...['--evidence', 'evidence.json'],
      ]);
    expect((await monitor('authority')).exitCode).toBe(0);
    await workspace.taper(['log', 'init', 'fork', ...INIT]);
    await workspace.taper(['log', 'append', 'fork', ...KEY, '--lines', '-'], {
      stdin: 'forked\n'.repeat(33),
    });
    const found = await monitor('fork');
    expect(found.exitCode).toBe(1);
    expect(found.result).toMatchObject({ verdict: 'bad', findings: [{ code: 'split_view' }] });
    const verify = ['log', 'verify', 'evidence.json', '--log', 'authority/log.json'];
    expect((await workspace.json(verify)).result).toMatchObject({ proved: true });
    const first = workspace.read('evidence.json');
    expect((await monitor('authority')).exitCode).toBe(1);
    expect(workspace.read('evidence.json')).toBe(first);
    workspace.write('evidence.json', first.replace(/"older": "(.*)",\n/, ''));
    expect((await workspace.json(verify)).exitCode).toBe(1);
  });

  it('looks until it is stopped, one line for each look, and tells at the end whether one was bad', async () => {
    const workspace = await made();
    await append(workspace, 20);
    // The workspace stops a command as soon as it would wait.
    const monitor = ['log', 'monitor', 'authority', '--seen', 'seen', '--interval', '1s'];
    const good = await workspace.json(monitor);
    expect([good.exitCode, good.result.verdict]).toEqual([0, 'good']);
    const text = readFileSync(join(workspace.folder, 'authority/log.json'), 'utf8');
    workspace.write('other.json', text.replaceAll('log.example/authority"', 'other.example"'));
    const bad = await workspace.json([...monitor, '--log', 'other.json']);
    expect([bad.exitCode, bad.error.code]).toEqual([1, 'log_unverified']);
    const state = join(workspace.folder, 'authority/state/state');
    rmSync(state);
    const gone = await workspace.json(monitor);
    expect([gone.exitCode, gone.result.verdict]).toEqual([0, 'unknown']);
  });

  it('N02 N07 exits with 1 at a rollback, and at another log in its place', async () => {
    const workspace = await made();
    await append(workspace, 20);
    const monitor = (place: string) =>
      workspace.json([
        ...['log', 'monitor', place, '--log', 'authority/log.json', '--seen', 'seen', '--once'],
      ]);
    await monitor('authority');
    await workspace.taper(['log', 'init', 'short', ...INIT]);
    const rolled = await monitor('short');
    expect([rolled.exitCode, rolled.result.findings[0].code]).toEqual([1, 'rolled_back']);
    await workspace.taper(['log', 'init', 'other', '--origin', 'o.example', '--key', 'reader.jwk']);
    const other = await monitor('other');
    expect([other.exitCode, other.result.findings[0].code]).toEqual([1, 'identity_changed']);
    const nowhere = await monitor('http://127.0.0.1:1/log');
    expect([nowhere.exitCode, nowhere.result.verdict]).toEqual([1, 'unknown']);
  });
});

describe('a command that goes on', () => {
  const program = join(import.meta.dirname, 'taper-process.ts');

  it.each(['SIGINT', 'SIGTERM'] as const)('ends well at %s, with exit code 0', async (signal) => {
    const workspace = await made();
    const child = spawn(
      process.execPath,
      ['--conditions=@taper/source', program, ...['log', 'serve', 'authority', ...FREE]],
      { cwd: workspace.folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [text] = await once(child.stderr, 'data');
    const url = /http:\/\/[0-9.:]+/.exec(String(text))?.[0];
    expect((await fetch(`${url}/checkpoint`)).status).toBe(200);
    child.kill(signal);
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});

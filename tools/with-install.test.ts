import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** A checkout with one dependency that needs no network. */
let checkout: string;

function write(path: string, content: unknown): void {
  mkdirSync(join(checkout, path, '..'), { recursive: true });
  writeFileSync(join(checkout, path), JSON.stringify(content));
}

function dependOn(...names: string[]): void {
  const dependencies = Object.fromEntries(names.map((name) => [name, `file:${name}`]));
  const links = names.flatMap((name) => [
    [name, { version: '1.0.0' }],
    [`node_modules/${name}`, { resolved: name, link: true }],
  ]);
  for (const name of names) write(`${name}/package.json`, { name, version: '1.0.0' });
  write('package.json', { name: 'checkout', version: '1.0.0', dependencies });
  write('package-lock.json', {
    name: 'checkout',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'checkout', version: '1.0.0', dependencies },
      ...Object.fromEntries(links),
    },
  });
}

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function begin(...parameters: string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const script = join(checkout, 'tools/with-install.mjs');
  const child = spawn(process.execPath, [script, '--no-build', ...parameters]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const outcome = new Promise<Outcome>((settle) => {
    child.on('close', (code, signal) => settle({ code, signal, stdout, stderr }));
  });
  return { child, outcome };
}

function run(...parameters: string[]): Promise<Outcome> {
  return begin(...parameters).outcome;
}

const installs = ({ stderr }: Outcome): number => stderr.split('npm ci, because').length - 1;

beforeEach(() => {
  checkout = realpathSync(mkdtempSync(join(tmpdir(), 'taper-install-')));
  for (const name of ['with-install.mjs', 'install-lock.mjs']) {
    cpSync(join(import.meta.dirname, name), join(checkout, 'tools', name));
  }
  dependOn('first');
});

afterEach(() => {
  rmSync(checkout, { recursive: true, force: true });
});

describe('a run in a fresh checkout', () => {
  test('installs, and says so in one line', async () => {
    const outcome = await run('node', '--version');
    expect(outcome).toMatchObject({ code: 0, stdout: `${process.version}\n` });
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(join(checkout, 'node_modules/first/package.json'))).toBe(true);
  });

  test('does not run the command when the install fails', async () => {
    write('package.json', { name: 'checkout', dependencies: { other: '1.0.0' } });
    const outcome = await run('node', '--print', '"ran"');
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
  });

  test('installs the development dependencies although NODE_ENV says production', async () => {
    const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
    for (const part of [manifest, lock.packages['']]) {
      part.devDependencies = part.dependencies;
      delete part.dependencies;
    }
    for (const folder of ['first', 'node_modules/first']) lock.packages[folder].dev = true;
    write('package.json', manifest);
    write('package-lock.json', lock);
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      expect((await run()).code).toBe(0);
    } finally {
      process.env['NODE_ENV'] = before;
    }
    expect(existsSync(join(checkout, 'node_modules/first/package.json'))).toBe(true);
  });
});

describe('a later run', () => {
  beforeEach(async () => {
    expect(installs(await run())).toBe(1);
  });

  test('installs nothing and says nothing while the lockfile is the same', async () => {
    expect(await run('node', '--print', '1')).toEqual({
      code: 0,
      signal: null,
      stdout: '1\n',
      stderr: '',
    });
  });

  test('installs again when the lockfile names another package', async () => {
    dependOn('first', 'second');
    expect(installs(await run())).toBe(1);
    expect(existsSync(join(checkout, 'node_modules/second/package.json'))).toBe(true);
    expect(installs(await run())).toBe(0);
  });

  test('installs again when the lockfile no longer names a package', async () => {
    dependOn('second');
    expect(installs(await run())).toBe(1);
    expect(existsSync(join(checkout, 'node_modules/first'))).toBe(false);
  });

  test('installs again when node_modules came from another platform', async () => {
    const record = join(checkout, 'node_modules/.package-lock.json');
    const content = JSON.parse(readFileSync(record, 'utf8'));
    content.packages['node_modules/first'].os = ['plan9'];
    writeFileSync(record, JSON.stringify(content));
    expect(installs(await run())).toBe(1);
  });

  test('accepts a package that is for all platforms but others', async () => {
    const record = join(checkout, 'node_modules/.package-lock.json');
    const content = JSON.parse(readFileSync(record, 'utf8'));
    content.packages['node_modules/first'].os = ['!plan9'];
    writeFileSync(record, JSON.stringify(content));
    expect(installs(await run())).toBe(0);
  });

  test('hands arguments on as they are', async () => {
    const given = ['-t', 'two words', '*', '$HOME', "it's"];
    const print = 'console.log(JSON.stringify(process.argv.slice(1)))';
    const { stdout } = await run('node', '-e', print, '--', ...given);
    expect(JSON.parse(stdout)).toEqual(given);
  });

  test('ends with the exit code of the command', async () => {
    expect(await run('node', '-e', 'process.exit(7)')).toMatchObject({ code: 7 });
  });

  test('hands a signal on and ends as the command does', async () => {
    const { child, outcome } = begin(
      'node',
      '-e',
      'process.on("SIGTERM", () => process.exit(9)); console.log("up"); setInterval(() => {}, 1000)',
    );
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    expect(await outcome).toMatchObject({ code: 9 });
  });

  test('fails when the command does not exist', async () => {
    expect(await run('no-such-command')).toMatchObject({ code: 1 });
  });
});

describe('two runs at once', () => {
  test('install once, and both go on', async () => {
    const outcomes = await Promise.all([1, 2, 3].map((n) => run('node', '--print', `${n}`)));
    expect(outcomes.map(({ code, stdout }) => `${code} ${stdout.trim()}`)).toEqual([
      '0 1',
      '0 2',
      '0 3',
    ]);
    expect(outcomes.reduce((sum, outcome) => sum + installs(outcome), 0)).toBe(1);
    expect(existsSync(join(checkout, '.cache/install.lock'))).toBe(false);
  });
});
